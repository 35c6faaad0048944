"""A model server whose streams are larger than anybody would hold, and that knows how much it got
rid of."""

import contextlib
import json
import socket
import threading

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
MODELS = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class Flood:
    """Every POST is answered with a stream of `stream_bytes`, written as fast as it is taken."""

    def __init__(self, stream_bytes: int, event_bytes: int = 8192):
        self.stream_bytes = stream_bytes
        self._piece = _chunk(_event("x" * event_bytes)) * 8
        self._lock = threading.Lock()
        self._sent: dict[int, int] = {}
        self._open = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def sent(self) -> list[int]:
        """Bytes that each stream so far has got into its socket."""
        with self._lock:
            return list(self._sent.values())

    def streaming(self) -> int:
        """How many streams have neither ended nor been hung up on."""
        with self._lock:
            return self._open

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while head := self._request(connection):
                if head.startswith(b"GET"):
                    length = b"Content-Length: %d\r\n\r\n" % len(MODELS)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + MODELS)
                else:
                    self._stream(connection)

    def _request(self, connection: socket.socket) -> bytes:
        """The head of one request, whose body is read along; empty at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        while len(body) < length:
            body += connection.recv(65536)
        return head

    def _stream(self, connection: socket.socket) -> None:
        with self._lock:
            number = len(self._sent)
            self._sent[number] = 0
            self._open += 1
        try:
            connection.sendall(HEAD)
            while self._sent[number] < self.stream_bytes:
                taken = connection.send(self._piece)
                while taken % len(self._piece):
                    taken += connection.send(self._piece[taken % len(self._piece) :])
                self._sent[number] += taken
            connection.sendall(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        finally:
            with self._lock:
                self._open -= 1
