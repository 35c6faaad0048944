import unittest

from rocket_ray.server_sent_events import EVENT_BYTES_MAX, EventSplitter, EventTooLarge

STREAM = (
    'data: {"a":"é"}\n\n: a comment\n\ndata: one\ndata: two\n\n'
    "event: x\ndata:three\n\ndata: [DONE]\n\n"
)
EVENTS = ['{"a":"é"}', "one\ntwo", "three", "[DONE]"]


class EventSplitterTest(unittest.TestCase):
    def test_any_split_gives_the_same(self) -> None:
        for end in ("\n", "\r\n", "\r"):
            stream = STREAM.replace("\n", end).encode()
            for at in range(len(stream) + 1):
                splitter = EventSplitter()
                found = [*splitter.feed(stream[:at]), *splitter.feed(stream[at:])]
                self.assertEqual(found, EVENTS, at)

    def test_byte_by_byte(self) -> None:
        for end in ("\r\n", "\r"):
            splitter = EventSplitter()
            stream = STREAM.replace("\n", end).encode()
            found = [event for byte in stream for event in splitter.feed(bytes([byte]))]
            self.assertEqual(found, EVENTS)

    def test_an_event_that_does_not_end(self) -> None:
        splitter = EventSplitter()
        with self.assertRaises(EventTooLarge):
            list(splitter.feed(b"data: " + b"x" * EVENT_BYTES_MAX))
