"""Two ways to see where a request ends: nobody gets the gateway to see both.

Each request is framed twice, by Content-Length and by some spelling of Transfer-Encoding, and hides
another request where the two disagree. Whoever believes the one here and the other there answers
what was hidden.
"""

import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.checked import checked_gateway
from harness.gateway import Gateway
from harness.wire import RawConnection, chat, request_bytes

# What is no Transfer-Encoding of "chunked" to HTTP's letter, and must not become one.
SPELLINGS = [
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx",
    b"Transfer-Encoding: chunk",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: chunked, cow",
    b"Transfer-Encoding: cow, chunked",
    b"Transfer-Encoding: chunked; q=1",
    b"Transfer-Encoding: chunked;",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: 'chunked'",
    b"Transfer-Encoding: chunked chunked",
    b"Transfer-Encoding: ch unked",
    b"Transfer-Encoding: chunked\t",  # legal, but nobody writes it
    b"Transfer-Encoding: chunked\x0b",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding:\x0cchunked",
    b"Transfer-Encoding: chunked\x0c",
    b"Transfer-Encoding: \x00chunked",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding: chunked\x00x",
    b"Transfer-Encoding: \x08chunked",
    b"Transfer-Encoding: \x7fchunked",
    b"Transfer-Encoding: chunked\x7f",
    b"Transfer-Encoding: \xa0chunked",
    b"Transfer-Encoding: chunked\xa0",
    b"Transfer-Encoding: \xffchunked",
    b"Transfer-Encoding: chunked\xff",
    b"Transfer-Encoding: chun\xc4\xb8ed",
    b"Transfer-Encoding:",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer-Encoding\xa0: chunked",
    b"Transfer Encoding: chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"\x00Transfer-Encoding: chunked",
    b"\x0bTransfer-Encoding: chunked",
    b"\xffTransfer-Encoding: chunked",
    b": Transfer-Encoding: chunked",
    b"Transfer-Encoding chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding:\r\n\tchunked",
    b"Transfer-Encoding\r\n: chunked",
    b"Transfer-Encoding\r\n : chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\rTransfer-Encoding: chunked",
    b"X: y\r\n\rTransfer-Encoding: chunked",
    b"X: y\n\nTransfer-Encoding: chunked",
    b"X: y\x00Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\n",
    b"Transfer-Encoding: chunked\r",
    b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
]
# What is one. Together with a length it is refused all the same.
CHUNKED = [
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: CHUNKED",
    b"Transfer-Encoding: Chunked",
    b"tRANSFER-eNCODING: chunked",
    b"Transfer-Encoding:chunked",
    b"Transfer-Encoding:  chunked",
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: chunked ",
]
# Some other header, which says nothing of the framing.
OTHER_HEADERS = [
    b"Transfer_Encoding: chunked",
    b"TransferEncoding: chunked",
    b"X-Transfer-Encoding: chunked",
    b"Transfer-Encoding-X: chunked",
    b"TE: chunked",
    b"X: y, Transfer-Encoding: chunked",
    b"X: y\t Transfer-Encoding: chunked",
]

BODY = json.dumps(chat("m")).encode()
HIDDEN = request_bytes("GET", "/v1/models?hidden")
CHUNKED_BODY = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def post(*lines: bytes, body: bytes) -> bytes:
    head = [b"POST /v1/chat/completions HTTP/1.1", b"Host: r", b"Content-Type: application/json"]
    return b"\r\n".join((*head, *lines)) + b"\r\n\r\n" + body


def length(of: bytes) -> bytes:
    return b"Content-Length: %d" % len(of)


def framings(spelling: bytes) -> dict[str, bytes]:
    """Requests that end early to who counts and late to who reads chunks, and the other way."""
    stopped = b"0\r\n\r\n" + HIDDEN
    behind = b"%x\r\n" % len(HIDDEN)
    return {
        "CL.TE": post(length(stopped), spelling, body=stopped),
        "TE.CL": post(length(behind), spelling, body=behind + HIDDEN + b"\r\n0\r\n\r\n"),
        "TE first": post(spelling, length(stopped), body=stopped),
        "TE alone": post(spelling, body=CHUNKED_BODY + HIDDEN),
    }


def statuses(port: int, request: bytes) -> list[int]:
    """What one connection answers to these bytes, until it ends."""
    found: list[int] = []
    with RawConnection(port, timeout=5) as connection:
        connection.send(request)
        connection.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError, AssertionError):
            while True:
                found.append(connection.read().status)
    return found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[Gateway]:
    counted: dict[str, int] = {}
    with checked_gateway(tmp_path_factory.mktemp("smuggling"), counted) as served:
        yield served
    # Only OTHER_HEADERS let something through, and of it only what was asked openly.
    assert counted["requests"] <= len(OTHER_HEADERS) + len(CHUNKED)


def smuggled(port: int, request: bytes) -> bool:
    """Whether one request was taken for two, or for one that it is not."""
    return statuses(port, request) not in ([400], [415])


@pytest.mark.parametrize("spelling", [*SPELLINGS, *CHUNKED], ids=repr)
def test_no_spelling_hides_a_request(spelling: bytes, gateway: Gateway) -> None:
    for way, request in framings(spelling).items():
        if way == "TE alone" and spelling in CHUNKED:
            continue
        assert not smuggled(gateway.port, request), way


@pytest.mark.parametrize("spelling", CHUNKED, ids=repr)
def test_chunked_may_be_spelled_so(spelling: bytes, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(post(spelling, body=CHUNKED_BODY) + HIDDEN)
        # Here both are meant, and both are answered.
        assert [connection.read().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("line", OTHER_HEADERS, ids=repr)
def test_another_header_says_nothing_of_the_framing(line: bytes, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(post(length(BODY), line, body=BODY) + HIDDEN)
        assert [connection.read().status for _ in range(2)] == [200, 200]


@contextlib.contextmanager
def gullible_server() -> Iterator[int]:
    """Counts bytes if there is a length, and reads chunks whenever the word stands anywhere."""

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while more := connection.recv(65536):
                data += more
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                if re.search(rb"chunked", head, re.IGNORECASE):
                    data = data.partition(b"0\r\n\r\n")[2]
                elif found := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
                    data = data[int(found[1]) :]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                serve(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_the_check_finds_a_server_that_is_fooled() -> None:
    with gullible_server() as port:
        found = [spelling for spelling in SPELLINGS if smuggled(port, framings(spelling)["CL.TE"])]
        assert len(found) == len(SPELLINGS)
        answers = statuses(port, framings(b"Transfer-Encoding: xchunked")["CL.TE"])
    assert answers == [200, 200]
