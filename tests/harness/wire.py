"""HTTP/1.1 as bytes: clients that hide nothing, for tests that are about the bytes."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Answer:
    """A response as it came; names of headers in lower case, their order kept."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self):
        return json.loads(self.body)

    def error(self) -> dict:
        """The error object, which must have the shape that OpenAI's clients read."""
        assert self.header("content-type") == "application/json", self
        error = self.json()["error"]
        assert {"message", "type", "param", "code"} <= error.keys(), self
        assert error["message"] and isinstance(error["message"], str), self
        return error


class RawConnection:
    """A socket that sends what it is told and reads one response at a time."""

    def __init__(self, port: int, timeout: float = 15):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._in = self.socket.makefile("rb")

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._in.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, *, to_head: bool = False) -> Answer:
        """The next final response. `to_head`: the request was a HEAD."""
        answer = self.read_head()
        while 100 <= answer.status < 200:
            answer = self.read_head()
        if to_head or answer.status in (204, 304):
            return answer
        if answer.header("transfer-encoding") == "chunked":
            answer.body = b"".join(self._chunks())
        elif (length := answer.header("content-length")) is not None:
            answer.body = self._in.read(int(length))
            assert len(answer.body) == int(length), "the body was cut"
        else:
            answer.body = self._in.read()
        return answer

    def read_head(self) -> Answer:
        line = self._in.readline()
        assert line.startswith(b"HTTP/1.1 ") and line.endswith(b"\r\n"), line
        answer = Answer(int(line.split(b" ", 2)[1]))
        while (line := self._in.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            answer.headers.append((name.lower(), value.strip()))
        return answer

    def read_line(self) -> bytes:
        """As it came, framing and all: for a stream that is read while it comes."""
        return self._in.readline()

    def ended(self) -> bool:
        """Whether the peer has nothing more to say: waits for its end or its next byte."""
        try:
            return self._in.read(1) == b""
        except ConnectionResetError:
            return True

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = int(self._in.readline(), 16)
            yield self._in.read(size)
            assert self._in.read(2) == b"\r\n"
            if size == 0:
                return


def request_bytes(
    method: str, path: str, body: bytes | dict | None = None, *lines: str, host: str = "rocket"
) -> bytes:
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *lines]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def call(
    port: int,
    method: str,
    path: str,
    body: bytes | dict | None = None,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
    cut: bool | None = False,
) -> Answer:
    """One request on a connection of its own. `cut`: the answer has to break off, visibly; None:
    it may."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        lines = [(name.lower(), value) for name, value in response.getheaders()]
        try:
            body = response.read()
        except http.client.IncompleteRead as broken:
            assert cut is not False, broken
            return Answer(response.status, lines, broken.partial)
        assert not cut, f"nothing shows that this is not all: {body[-200:]!r}"
        return Answer(response.status, lines, body)


def chat(model: str | None = None, *, stream: bool = False, fake: dict | None = None, **more):
    """A chat request's body. `fake` tells the scripted fake backend what to do with it."""
    body: dict = {"messages": [{"role": "user", "content": "Hello"}], **more}
    if model is not None:
        body["model"] = model
    if stream:
        body["stream"] = True
    if fake is not None:
        body["fake"] = fake
    return body


def events(body: bytes) -> list[str]:
    """The data of each event of a stream; comments are left out."""
    found = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            assert all(line.startswith("data: ") for line in lines), block
            found.append("\n".join(line.removeprefix("data: ") for line in lines))
    return found


def streamed_text(body: bytes) -> str:
    """The text of a whole stream; fails unless it ends as a whole one does."""
    data = events(body)
    assert data and data[-1] == "[DONE]", data[-2:]
    text = ""
    for each in data[:-1]:
        chunk = json.loads(each)
        assert "error" not in chunk, chunk
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
    return text
