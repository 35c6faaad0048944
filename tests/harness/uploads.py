"""Files uploaded as clients of OpenAI's API do: forms, as bytes."""

import socket
from collections.abc import Iterable, Iterator

from harness.gateway import Gateway
from harness.wire import Answer, RawConnection

BOUNDARY = "----a-boundary-of-the-tests"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
PATH = "/v1/files"


def field(name: str, text: str) -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
    ).encode()


def file_head(filename: str = "lines.jsonl") -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()


END = f"\r\n--{BOUNDARY}--\r\n".encode()


def form(content: bytes, purpose: str | None = "batch", *, filename: str = "lines.jsonl") -> bytes:
    fields = b"" if purpose is None else field("purpose", purpose)
    return fields + file_head(filename) + content + END


def head(*lines: str, path: str = PATH) -> bytes:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: rocket", f"Content-Type: {FORM}", *lines, "", ""]
    ).encode()


def upload(gateway: Gateway, content: bytes, purpose: str | None = "batch", **more) -> Answer:
    """`more`: filename, or headers."""
    headers = {"Content-Type": FORM, **more.pop("headers", {})}
    return gateway.call("POST", PATH, form(content, purpose, **more), headers=headers)


def uploaded(gateway: Gateway, content: bytes, purpose: str = "batch", **more) -> dict:
    answer = upload(gateway, content, purpose, **more)
    assert answer.status == 200, answer
    return answer.json()


def pieces(pattern: bytes, bytes_wanted: int) -> Iterator[bytes]:
    """So many bytes, without ever having them all."""
    while bytes_wanted > 0:
        yield pattern[:bytes_wanted]
        bytes_wanted -= len(pattern)


def stream_upload(
    connection: RawConnection, content: Iterable[bytes], *, length: int | None = None, lines=()
) -> None:
    """Sends a form while it is made: sized if `length` (of the file) is told, else chunked."""
    before, after = field("purpose", "batch") + file_head(), END
    if length is not None:
        total = len(before) + length + len(after)
        connection.send(head(f"Content-Length: {total}", *lines) + before)
        for piece in content:
            connection.send(piece)
        connection.send(after)
        return
    connection.send(head("Transfer-Encoding: chunked", *lines))
    for piece in (before, *content, after):
        connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    connection.send(b"0\r\n\r\n")


def reset(connection: RawConnection) -> None:
    """Goes away without a word: what was not read makes it a reset."""
    connection.socket.shutdown(socket.SHUT_RDWR)
    connection.close()
