"""Upstream faults from outside: those of the list that no other suite asks for, and floods."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.certificates import make_certificate
from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import chat, request_bytes

MEBI = 1024 * 1024
SHORT = {"connect": "500ms", "first_token": "1s", "idle": "1s", "total": "2s"}
CHAT = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
        ],
    }
).encode()
MODELS = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()


def sized(body: bytes, *lines: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", *lines]
    return b"\r\n".join((*head, b"Content-Length: %d" % len(body))) + b"\r\n\r\n" + body


@contextmanager
def scripted(
    answer: bytes,
    *,
    then: bytes = b"",
    keep: bool = False,
    deaf: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Answers each POST with exactly these bytes and closes, unless `keep`. `then`: said again and
    again, until nobody listens. `deaf`: does not read a body, and does not hang up either."""
    over = threading.Event()

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(plain, True) if tls else plain as connection:
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    if not (more := connection.recv(65536)):
                        return
                    data += more
                asked, data = data, b""
                if asked.startswith(b"GET"):
                    connection.sendall(sized(MODELS))
                    continue
                connection.sendall(answer)
                while then:
                    connection.sendall(then)
                if deaf:
                    over.wait()
                if not keep:
                    return

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def listing(lists: dict[str, bytes]) -> Iterator[str]:
    """A server with these documents."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = lists.get(self.path, b"{}")
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM = CHUNKED.replace(b"application/json", b"text/event-stream")
ONE_CHUNK = chunk(CHAT)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

# Name: (the upstream's bytes, status to the client if nobody else is left).
ANSWERS = {
    "right": (sized(CHAT), 200),
    "right, chunked": (CHUNKED + ONE_CHUNK + b"0\r\n\r\n", 200),
    "trailers": (CHUNKED + ONE_CHUNK + b"0\r\nX-Trailer: y\r\n\r\n", 200),
    "a chunk extension": (CHUNKED + ONE_CHUNK.replace(b"\r\n", b";a=b\r\n", 1) + b"0\r\n\r\n", 200),
    "one 100": (CONTINUE + sized(CHAT), 200),
    "early hints": (HINTS + sized(CHAT), 200),
    "some early hints": (HINTS * 3 + sized(CHAT), 200),
    "5,000 early hints": (HINTS * 5000 + sized(CHAT), 502),
    "5,000 100s": (CONTINUE * 5000 + sized(CHAT), 502),
    "100 and 103 in turn": ((CONTINUE + HINTS) * 1000 + sized(CHAT), 502),
    "unasked upgrade": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + CHAT, 502),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 502),
    "205": (sized(CHAT).replace(b"200 OK", b"205 Reset Content"), 502),
    "a part": (sized(CHAT).replace(b"200 OK", b"206 Partial Content"), 502),
    "who wants us to log in": (
        sized(b"{}").replace(b"200 OK", b"407 Proxy Authentication Required"),
        502,
    ),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", 502),
    "HTTP/2.0": (sized(CHAT).replace(b"HTTP/1.1", b"HTTP/2.0"), 502),
    "no status": (b"HTTP/1.1 \r\n\r\n", 502),
    "status of two digits": (sized(CHAT).replace(b"200", b"20"), 502),
    "status of four digits": (sized(CHAT).replace(b"200", b"2000"), 502),
    "negative length": (CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: -1"), 502),
    "length with a plus": (sized(CHAT).replace(b"Length: ", b"Length: +"), 502),
    "length overflows": (
        CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 99999999999999999999"),
        502,
    ),
    "length of 4 exabytes": (
        CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 4611686018427387904"),
        502,
    ),
    "equal lengths twice": (sized(CHAT, b"Content-Length: %d" % len(CHAT)), 502),
    "chunked twice": (
        CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        + ONE_CHUNK
        + b"0\r\n\r\n",
        502,
    ),
    "xchunked": (CHUNKED.replace(b"chunked", b"xchunked") + ONE_CHUNK + b"0\r\n\r\n", 502),
    "folded header": (sized(CHAT, b"X: a", b" b"), 502),
    "space before the colon": (sized(CHAT, b"X : a"), 502),
    "header without a colon": (sized(CHAT, b"nonsense"), 502),
    "101 header lines": (sized(CHAT, *[b"X: y"] * 101), 502),
    "an 80 KB header": (sized(CHAT, b"X: " + b"y" * 80_000), 502),
    "a size without digits": (CHUNKED + b"\r\n" + CHAT + b"\r\n0\r\n\r\n", 502),
    "a chunk longer than its size": (CHUNKED + b"5\r\n" + CHAT + b"\r\n0\r\n\r\n", 502),
    "no last chunk": (CHUNKED + ONE_CHUNK, 502),
    "half a chunk": (CHUNKED + ONE_CHUNK[:20], 502),
    "half a head": (sized(CHAT)[:40], 502),
    "no answer at all": (b"", 502),
    "empty body": (sized(b""), 502),
    "half an object": (sized(CHAT[:-10]), 502),
    "a list": (sized(b"[]"), 502),
    "invalid UTF-8": (sized(CHAT.replace(b'"x"', b'"\xff"')), 502),
    "deep": (sized(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 502),
    "a page": (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>no model here</html>",
        502,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_whole_or_an_error(name: str, rocket) -> None:
    answer, status = ANSWERS[name]
    with scripted(answer) as url:
        gateway = rocket(
            {"backends": [backend("odd", url)], "timeouts": SHORT, "mark_backend": False}
        )
        seen = gateway.chat(chat("m"))
        assert seen.status == status, seen
        if status == 200:
            assert seen.body == CHAT
            # Nothing but the answer itself came along.
            assert not {"link", "x-trailer", "trailer"} & {name for name, _ in seen.headers}
        else:
            assert seen.error()["message"]
        gateway.finish()


# Media types are compared without regard to case, and whole.
@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"text/event-stream", 200),
        (b"Text/Event-Stream", 200),
        (b"text/event-stream; charset=utf-8", 200),
        (b"text/event-stream;charset=utf-8", 200),
        (b"text/event-streams", 502),
        (b"text/event", 502),
        (b"application/json", 502),
    ],
)
def test_a_stream_says_that_it_is_one(said: bytes, status: int, rocket) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    body = chunk(event) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    with scripted(STREAM.replace(b"text/event-stream", said) + body) as url:
        gateway = rocket({"backends": [backend("a", url)], "timeouts": SHORT})
        assert gateway.chat(chat("m", stream=True)).status == status
        gateway.finish()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_lines_of_a_stream_end_as_they_like(end: bytes, rocket) -> None:
    """Whoever hears the end waits for no byte behind it: the last chunk never comes."""
    model = b'"id":"x","model":"m"'
    said = b'data: {%s,"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n' % model
    last = b'data: {%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' % model
    events = [each.replace(b"\n", end) for each in (b": hi\n\n", said, last, b"data: [DONE]\n\n")]
    with scripted(STREAM + b"".join(map(chunk, events)), keep=True) as url:
        gateway = rocket({"backends": [backend("a", url)], "timeouts": SHORT})
        answer = gateway.chat(chat("m", stream=True))
        assert (answer.status, answer.body) == (200, b"".join(events)), answer
        asked = {**chat("m", stream=True), "max_tokens": 9}
        answer = gateway.call("POST", "/v1/messages", asked)
        assert answer.body.endswith(b'data: {"type":"message_stop"}\n\n'), answer
        assert b'"text":"hello"' in answer.body
        gateway.finish()


# Status, and what the client sees of it.
EARLY = {
    b"413 Content Too Large": 413,
    b"401 Unauthorized": 502,
    b"503 Service Unavailable": 503,
    b"200 OK": 200,
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", EARLY, ids=bytes.decode)
def test_who_answers_without_reading_is_heard(
    status: bytes, stream: bool, tls: bool, rocket, tmp_path: Path
) -> None:
    """More than the kernel takes: what is left could be sent when somebody read it."""
    answer = sized(CHAT).replace(b"200 OK", status)
    if stream and status.startswith(b"200"):
        token = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
        answer = STREAM + chunk(token) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    certificate = make_certificate(tmp_path, "deaf")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with scripted(answer, deaf=True, tls=context if tls else None) as url:
        trust = {"ca_file": str(certificate.cert_file)} if tls else {}
        gateway = rocket({"backends": [backend("deaf", url, **trust)]})
        asked = time.monotonic()
        seen = gateway.chat(chat("m", stream=stream, padding="x" * 20 * MEBI))
        assert seen.status == EARLY[status], seen
        assert time.monotonic() - asked <= 8
        gateway.finish()


# What the upstream says, and with what status.
WORDLESS = {
    "nothing": (sized(b""), b"413 Content Too Large"),
    "bytes that nobody asked for": (sized(b"\x1f\x8b?", b"Content-Encoding: gzip"), b"400 No"),
}


@pytest.mark.parametrize("name", WORDLESS)
def test_a_refusal_without_words_is_told_by_its_status(name: str, rocket) -> None:
    answer, status = WORDLESS[name]
    with scripted(answer.replace(b"200 OK", status)) as url:
        gateway = rocket({"backends": [backend("a", url)], "timeouts": SHORT})
        seen = gateway.chat(chat("m"))
        assert seen.status == int(status[:3])
        assert seen.error()["message"] == f"a answered {seen.status}"
        gateway.finish()


def test_long_lists_of_models_hold_up_nobody_else(rocket, fake) -> None:
    """They are looked through on the loop that answers everybody, at every probe."""

    def names(letter: str) -> bytes:
        models = [{"name": f"{letter}{i}"} for i in range(30_000)]
        return json.dumps({"models": models}).encode()

    lists = {
        "/api/version": b'{"version":"0.9.0"}',
        "/api/tags": names("one-"),
        "/api/ps": names("other-"),
    }
    with listing(lists) as url:
        backends = [backend("a", fake().url), backend("long", url, "ollama")]
        gateway = rocket({"backends": backends, "health": {"interval": "500ms"}})
        began = time.monotonic()
        while time.monotonic() - began < 3:
            asked = time.monotonic()
            assert gateway.chat(chat("m")).status == 200
            assert time.monotonic() - asked <= 2


# Bytes without end: (what comes first, what comes then).
FLOODS = {
    "header lines": (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
    "a reason": (b"HTTP/1.1 200 ", b"y" * 1000),
    "100s": (b"", CONTINUE * 100),
    "early hints": (b"", HINTS * 100),
    "hints of one header": (b"HTTP/1.1 103 Early Hints\r\nX: ", b"y" * 1000),
    "line ends": (b"", b"\r\n" * 500),
    "a chunk's extension": (CHUNKED + b"5;a=", b"y" * 1000),
    "digits of a size": (CHUNKED, b"0" * 1000),
    "trailers": (CHUNKED + ONE_CHUNK + b"0\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "a body": (CHUNKED, chunk(b" " * 1000)),
    "an error's body": (CHUNKED.replace(b"200", b"400"), chunk(b"y" * 1000)),
}
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
TOKEN = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
# And in a stream: whether the client has seen the first token.
STREAM_FLOODS = {
    "one event": (STREAM + chunk(b"data: "), chunk(b"y" * 1000), False),
    "one comment": (STREAM + chunk(b":"), chunk(b"y" * 1000), False),
    "comments": (STREAM, chunk(b":" + b"y" * 1000 + b"\n\n"), False),
    "line ends": (STREAM, chunk(b"\n" * 1000), False),
    "roles": (STREAM, chunk(ROLE * 10), False),
    "an extension": (STREAM + b"5;a=", b"y" * 1000, False),
    "tokens": (STREAM, chunk(TOKEN * 10), True),
    "one event behind a token": (STREAM + chunk(TOKEN + b"data: "), chunk(b"y" * 1000), True),
    "comments behind a token": (STREAM + chunk(TOKEN), chunk(b":yyy\n\n" * 100), True),
    "line ends behind a token": (STREAM + chunk(TOKEN), chunk(b"\n" * 1000), True),
    "an extension behind a token": (STREAM + chunk(TOKEN) + b"5;a=", b"y" * 1000, True),
}


@contextmanager
def flooded(rocket, first: bytes, then: bytes) -> Iterator[Gateway]:
    """What is asked meanwhile ends in time, and takes little memory."""
    with scripted(first, then=then) as url:
        gateway = rocket(
            {"backends": [backend("flood", url)], "timeouts": SHORT}
            | {"limits": {"body_bytes": "4MiB"}}
        )
        before = gateway.program.rss_bytes()
        asked = time.monotonic()
        yield gateway
        assert time.monotonic() - asked <= 2 + 5
        # An event or a body at its limit, and what was copied of it.
        assert gateway.program.rss_bytes() - before <= 12 * MEBI
        wait_until("nothing is in flight", lambda: gateway.in_flight() == 0)
        gateway.finish()


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_left_in_time_and_in_little_memory(name: str, rocket) -> None:
    with flooded(rocket, *FLOODS[name]) as gateway:
        answer = gateway.chat(chat("m"))
        assert answer.status == 502, answer
        assert answer.error()["message"]


def begin_and_end(gateway: Gateway, body: dict) -> tuple[bytes, bytes, bool]:
    """The first and the last of what is answered, and whether the connection was reset; what may be
    a flood is between them."""
    size, reset = 0, False
    with gateway.connect() as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        begin = end = connection.socket.recv(4096)
        try:
            while more := connection.socket.recv(MEBI):
                end = end[-4096:] + more
                size += len(more)
        except ConnectionResetError:
            reset = True
            assert size >= MEBI, "nobody is behind with so little"
    return begin, end[-4096:], reset


@pytest.mark.parametrize("name", STREAM_FLOODS)
def test_a_flood_in_a_stream_is_left_in_time(name: str, rocket) -> None:
    first, then, committed = STREAM_FLOODS[name]
    with flooded(rocket, first, then) as gateway:
        body = chat("m", stream=True)
        if not committed:
            answer = gateway.chat(body)
            assert answer.status in (502, 504), answer
            assert answer.error()["message"]
            return
        begin, end, reset = begin_and_end(gateway, body)
        # Where the fault came in one read with the first token, nothing was shown of either.
        if reset:
            # Who is behind with reading has no room for a last word.
            assert begin.startswith(b"HTTP/1.1 200 ") and b"[DONE]" not in end, end[-200:]
        elif begin.startswith(b"HTTP/1.1 200 "):
            # No last chunk: it is cut.
            assert b"[DONE]" not in end and end.endswith(b"}}\n\n\r\n"), end[-200:]
            last = end.rpartition(b"data: ")[2].strip()
            assert json.loads(last)["error"]["message"]
        else:
            assert begin.startswith(b"HTTP/1.1 502 ")
