"""Bodies, chunks and paths that mean two things, or nothing: each has one answer, and soon."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checked import checked_gateway
from harness.gateway import Gateway, backend
from harness.wire import chat, request_bytes

MEBI = 1024 * 1024


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[Gateway]:
    with checked_gateway(tmp_path_factory.mktemp("strict")) as served:
        yield served


def members(*more: bytes, content: bytes = b'"x"', model: bytes = b'"m"') -> bytes:
    message = b'{"role":"user","content":' + content + b"}"
    return b"{" + b",".join((b'"model":' + model, b'"messages":[' + message + b"]", *more)) + b"}"


# Name: (body, a word of the message).
REFUSED_BODIES = {
    "model twice": (members(b'"model":"x"'), "`model` stands twice"),
    "model twice, once escaped": (members(rb'"mod\u0065l":"x"'), "`model` stands twice"),
    "stream twice": (members(b'"stream":false', b'"stream":true'), "`stream` stands twice"),
    "backend twice": (members(b'"backend":"a"', b'"backend":"a"'), "`backend` stands twice"),
    "messages twice": (members(b'"messages":[]'), "`messages` stands twice"),
    "stream_options twice": (
        members(b'"stream":true', b'"stream_options":{}', b'"stream_options":{}'),
        "stands twice",
    ),
    "include_usage twice": (
        members(b'"stream":true', b'"stream_options":{"include_usage":true,"include_usage":false}'),
        "stands twice",
    ),
    "deep": (members(b'"x":' + b"[" * 100_000 + b"]" * 100_000), "nested deeper than"),
    "deep, objects": (members(b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "nested"),
    "deep and unfinished": (b"[" * 1_000_000, "object"),
    "NaN": (members(b'"temperature":NaN'), "expected a value"),
    "Infinity": (members(b'"temperature":-Infinity'), "expected a digit"),
    "leading zero": (members(b'"seed":01'), "leading zeros"),
    "plus": (members(b'"seed":+1'), "expected a value"),
    "hexadecimal": (members(b'"seed":0x10'), "column"),
    "point without digits": (members(b'"temperature":1.'), "digit"),
    "lone surrogate in a text": (members(content=rb'"\ud800"'), "surrogate"),
    "lone surrogate in the model": (members(model=rb'"\ud800"'), "surrogate"),
    "surrogates the wrong way round": (members(content=rb'"\udc00\ud800"'), "surrogate"),
    "invalid UTF-8 in a text": (members(content=b'"\xff"'), "UTF-8"),
    "invalid UTF-8 in a key": (members(b'"\xff":1'), "UTF-8"),
    "invalid UTF-8 in the model": (members(model=b'"\xc3"'), "UTF-8"),
    "overlong UTF-8": (members(content=b'"\xc0\x80"'), "UTF-8"),
    "surrogate in UTF-8": (members(content=b'"\xed\xa0\x80"'), "UTF-8"),
    "beyond Unicode": (members(content=b'"\xf4\x90\x80\x80"'), "UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf" + members(), "byte order mark"),
    "UTF-16": (members().decode().encode("utf-16"), "UTF-8"),
    "NUL in a text": (members(content=b'"a\0b"'), "control characters"),
    "line feed in a text": (members(content=b'"a\nb"'), "control characters"),
    "unknown escape": (members(content=rb'"\x41"'), "expected one of"),
    "something behind the object": (members() + b"x", "expected nothing"),
    "two objects": (members() + b"{}", "expected nothing"),
    "comma too many": (members()[:-1] + b",}", "expected a key"),
    "comment": (members(b'/**/"x":1'), "expected a key"),
    "single quotes": (b"{'model':'m'}", "expected a key"),
    "a list": (b"[]", "object"),
    "a string without an end": (b'{"messages":"' + b"x" * 16 * MEBI, "closing quote"),
}


@pytest.mark.parametrize("name", REFUSED_BODIES)
def test_a_body_that_is_no_proper_json_is_refused(name: str, gateway: Gateway) -> None:
    body, word = REFUSED_BODIES[name]
    before = gateway.program.rss_bytes()
    asked = time.monotonic()
    answer = gateway.chat(body)
    assert time.monotonic() - asked <= 5
    assert answer.status == 400, answer
    assert word in answer.error()["message"]
    assert gateway.program.rss_bytes() - before <= 4 * len(body) + MEBI


# What is odd and right; ours to pass on, and the backend's to judge.
PASSED_BODIES = {
    "an unknown member twice": members(b'"x":1', b'"x":2'),
    "a pair of surrogates": members(content=rb'"\ud83d\ude00"'),
    "nested, but not too deep": members(b'"x":' + b"[" * 100 + b"]" * 100),
    "100,000 members": members(*(b'"k%d":1' % i for i in range(100_000))),
    "a long text": members(content=b'"' + b"x" * 8 * MEBI + b'"'),
    "white space everywhere": members().replace(b":", b" :\t").replace(b",", b"\r\n,\n "),
    "a number of many digits": members(b'"seed":' + b"1" * 15 + b"e-10"),
}


@pytest.mark.parametrize("name", PASSED_BODIES)
def test_a_body_that_is_only_odd_is_answered(name: str, gateway: Gateway) -> None:
    assert gateway.chat(PASSED_BODIES[name]).status == 200


HUGE_NUMBERS = {
    "too large": "1e999",
    "too small": "-1e999",
    "many digits": "9" * 10_000,
    "many places": "0." + "1" * 10_000,
}


@pytest.mark.parametrize("name", HUGE_NUMBERS)
def test_a_huge_number_goes_on_as_it_was_written(name: str, rocket, upstream) -> None:
    number = HUGE_NUMBERS[name]
    server = upstream()
    gateway = rocket({"backends": [backend("a", server.url)]})
    assert gateway.chat(members(b'"seed":' + number.encode())).status == 200
    assert b'"seed":' + number.encode() in server.inference()[0].body


# Path: the status it is answered with. None leads to another path's operation.
PATHS = {
    b"//v1/models": 400,
    b"/v1//models": 400,
    b"/v1/../v1/models": 400,
    b"/v1/./models": 400,
    b"/v1/%2e/models": 400,
    b"/v1/%2e%2e/livez": 400,
    b"/.": 400,
    b"/..": 400,
    b"/v1%2fmodels": 400,
    b"/v1%2Fmodels": 400,
    b"/v1%5cmodels": 400,
    b"/v1\\models": 400,
    b"/v1/models;x=1": 400,
    b"/v1/models%3bx=1": 400,
    b"/v1;/models": 400,
    b"/v1/models%00": 400,
    b"/v1/models%20": 400,
    b"/v1/models%0d%0aX:y": 400,
    b"/v1/models#x": 400,
    b"/v1/models%23x": 400,
    b"/livez%3fx": 400,
    b"/v1/models%zz": 400,
    b"/v1/models%4": 400,
    b"/v1/models?x=%zz": 400,
    b"/v1/models\x7f": 400,
    b"/v1/mod\xc3\xa9ls": 400,
    b"v1/models": 400,
    b"?": 400,
    b"*": 400,
    b"http://a@b/v1/models": 400,
    b"http:///v1/models": 400,
    b"/V1/models": 404,
    b"/v1/models.": 404,
    b"/v1/Models": 404,
    b"/v1/models/": 404,
    b"/livez/": 404,
    # Behind /v1/models/ stands a model's name, which may hold a slash, and none of these is one.
    b"/v1/models/..": 404,
    b"/v1/models/../../livez": 404,
    b"/v1/models/%2e%2e/livez": 404,
    b"/v1/models/m%2f..%2f..%2flivez": 404,
    b"/v1/models/;": 404,
}


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_trick_leads_nowhere(path: bytes, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(b"GET " + path + b" HTTP/1.1\r\nHost: r\r\n\r\n")
        answer = connection.read()
    assert answer.status == PATHS[path], answer
    assert answer.error()["message"]


@pytest.mark.parametrize("path", [path for path in PATHS if PATHS[path] == 400], ids=repr)
def test_a_path_trick_asks_no_backend(path: bytes, gateway: Gateway) -> None:
    trick = path.replace(b"models", b"chat/completions")
    body = json.dumps(chat("m")).encode()
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    with gateway.connect() as connection:
        connection.send(b"POST " + trick + b" HTTP/1.1\r\nHost: r\r\n" + length + body)
        answer = connection.read()
    assert answer.status in (400, 404), answer
    assert answer.header("x-rocket-backend") is None


TRAILERS = {
    "one": b"X-Trailer: y\r\n",
    "several": b"X-A: b\r\nX-C: d\r\n",
    # Nobody listens to what it says.
    "a backend": b"x-rocket-backend: unknown\r\n",
}


@pytest.mark.parametrize("name", TRAILERS)
def test_trailers_are_read_and_dropped(name: str, rocket, upstream) -> None:
    server = upstream()
    gateway = rocket({"backends": [backend("a", server.url)]})
    body = json.dumps(chat("m")).encode()
    chunks = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, TRAILERS[name])
    head = request_bytes("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
    with gateway.connect() as connection:
        connection.send(head + chunks + request_bytes("GET", "/livez"))
        assert [connection.read().status for _ in range(2)] == [200, 200]
    for seen in server.inference():
        assert seen.header("content-length") == str(len(seen.body))
        assert not {"x-trailer", "x-a", "x-c", "transfer-encoding"} & {n for n, _ in seen.headers}


# Chunks whose size, extension, end or trailer is not as it should be.
BAD_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a word": b"five\r\nhello\r\n0\r\n\r\n",
    "negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "tab behind": b"5\t\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "2 to the 64th": b"10000000000000000\r\nhello\r\n0\r\n\r\n",
    "two sizes": b"5 5\r\nhello\r\n0\r\n\r\n",
    "data longer than its size": b"5\r\nhello!\r\n0\r\n\r\n",
    "no line end behind the data": b"5\r\nhello0\r\n\r\n",
    "lone LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "lone CR behind the size": b"5\rhello\r\n0\r\n\r\n",
    "lone LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "lone LF behind an extension": b"5;a=b\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
    "lone CR in an extension": b"5;a=\rb\r\nhello\r\n0\r\n\r\n",
    "quote without an end": b'5;a="b\r\nhello\r\n0\r\n\r\n',
    "an extension of 100 KB": b"5;" + b"a" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
    "NUL in a trailer": b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
    "lone LF in a trailer": b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n",
    "folded trailer": b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
    "a length in a trailer": b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
    "an encoding in a trailer": b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a host in a trailer": b"5\r\nhello\r\n0\r\nHost: b\r\n\r\n",
    "a key in a trailer": b"5\r\nhello\r\n0\r\nAuthorization: Bearer b\r\n\r\n",
    "a cookie in a trailer": b"5\r\nhello\r\n0\r\nCookie: a=b\r\n\r\n",
    "101 trailers": b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 101 + b"\r\n",
    "trailers of 100 KB": b"5\r\nhello\r\n0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_ends_the_connection(name: str, gateway: Gateway) -> None:
    head = request_bytes("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
    with gateway.connect() as connection:
        connection.send(head + BAD_CHUNKS[name] + request_bytes("GET", "/livez"))
        answer = connection.read()
        assert answer.status in (400, 413, 431), answer
        assert answer.error()["message"]
        assert connection.ended()


@pytest.mark.parametrize("extension", [b";a", b";a=b", b';a="b;c"', b";a=b;c=d"], ids=repr)
def test_chunk_extensions_are_read_and_dropped(extension: bytes, gateway: Gateway) -> None:
    body = json.dumps(chat("m")).encode()
    chunks = b"%x%s\r\n%s\r\n0%s\r\n\r\n" % (len(body), extension, body, extension)
    head = request_bytes("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
    with gateway.connect() as connection:
        connection.send(head + chunks)
        assert connection.read().status == 200


HOSTS = [
    *(b"a b", b"a/b", b"a?b", b"a#b", b"a@b", b"a\\b", b"a\tb", b"http://a", b"a:b:c"),
    *(b"a:port", b"a:99999", b"a:-1", b"a:", b"[::1", b"::1", b"[::1]x", b"[zz]", b"a%zz", b"<a>"),
    *(b'"a"', b"a\xff", b"a\x00", b"a\x7f", b"", b" "),
]


@pytest.mark.parametrize("host", HOSTS, ids=repr)
def test_a_host_outside_the_grammar_is_refused(host: bytes, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(b"GET /v1/models HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert connection.read().status == 400


@pytest.mark.parametrize("host", [b"a", b"a.b", b"a-b:80", b"127.0.0.1:8000", b"[::1]:8000", b"A"])
def test_a_host_within_the_grammar_is_served(host: bytes, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(b"GET /livez HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert connection.read().status == 200
