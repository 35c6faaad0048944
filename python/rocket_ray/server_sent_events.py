"""Splits a stream of server-sent events, however its bytes come."""

from collections.abc import Iterator

EVENT_BYTES_MAX = 16 << 20


class EventTooLarge(Exception):
    """An event that does not end."""


class EventSplitter:
    """feed() gives the data of each event that is whole now. Comments are left out. Lines end with
    LF, CR or both."""

    def __init__(self) -> None:
        self._rest = b""
        self._returned = False  # a LF that comes next belongs to a CR before it

    def feed(self, data: bytes) -> Iterator[str]:
        fresh = data.removeprefix(b"\n") if self._returned else data
        if data:
            self._returned = data.endswith(b"\r")
        lines = fresh.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, self._rest = (self._rest + lines).split(b"\n\n")
        if len(self._rest) > EVENT_BYTES_MAX:
            raise EventTooLarge(f"an event of over {EVENT_BYTES_MAX} bytes")
        for block in blocks:
            lines = [line for line in block.split(b"\n") if line.startswith(b"data:")]
            if lines:
                yield b"\n".join(line[5:].removeprefix(b" ") for line in lines).decode()
