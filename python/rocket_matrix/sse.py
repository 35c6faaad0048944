"""Server-sent events, bytes to data. Pure, and bounded."""


class TooLarge(ValueError):
    pass


class EventReader:
    """Fed with what comes, in any pieces; gives the data of each whole event."""

    def __init__(self, event_bytes_max: int = 1 << 20):
        self._most = event_bytes_max
        self._rest = b""
        self._returned = False  # a LF that comes next belongs to a CR before it
        self._data: list[bytes] = []
        self._bytes = 0

    def feed(self, piece: bytes) -> list[str]:
        fresh = piece.removeprefix(b"\n") if self._returned else piece
        if piece:
            self._returned = piece.endswith(b"\r")
        fresh = fresh.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        if len(self._rest) > self._most:
            raise TooLarge(f"an event of more than {self._most} bytes")
        found = []
        for line in lines:
            if not line and self._data:
                found.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data, self._bytes = [], 0
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._bytes += len(line)
                if self._bytes > self._most:
                    raise TooLarge(f"an event of more than {self._most} bytes")
        return found
