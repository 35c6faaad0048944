"""Events, however they are cut."""

import unittest

from rocket_matrix.sse import EventReader, TooLarge

STREAM = (
    b': hello\r\n\r\ndata: {"a": 1}\n\nevent: x\ndata: two\ndata:lines\n\n\n\n'
    + "data: grün\n\n".encode()
    + b"data: [DONE]\n\ndata: cut"
)
EVENTS = ['{"a": 1}', "two\nlines", "grün", "[DONE]"]


class Events(unittest.TestCase):
    def test_whole_at_every_split(self) -> None:
        for cut in range(len(STREAM) + 1):
            reader = EventReader()
            self.assertEqual(reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:]), EVENTS, cut)

    def test_byte_by_byte_however_lines_end(self) -> None:
        lines = STREAM.replace(b"\r\n", b"\n")
        for stream in (STREAM, lines.replace(b"\n", b"\r"), lines.replace(b"\n", b"\r\n")):
            reader = EventReader()
            found = [event for byte in stream for event in reader.feed(bytes([byte]))]
            self.assertEqual(found, EVENTS)
            self.assertEqual(EventReader().feed(stream), EVENTS)

    def test_bounded(self) -> None:
        for piece in (b"data: " + b"x" * 99, b"data: xxxxxxxx\n" * 20):
            with self.assertRaises(TooLarge):
                EventReader(64).feed(piece)


if __name__ == "__main__":
    unittest.main()
