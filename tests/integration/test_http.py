"""HTTP/1.1 in front: what is served, what is refused, and how, byte by byte."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checked import checked_gateway
from harness.gateway import Gateway, backend
from harness.wire import Answer, RawConnection, chat, request_bytes

LIMITS = {
    "body_bytes": 4096,
    "target_bytes": 1024,
    "header_bytes": 8192,
    "headers": 50,
    "header_time": "300ms",
    "body_time": "300ms",
}
BODY = json.dumps(chat("m")).encode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[Gateway]:
    """One with small limits, over one fake. Nothing here changes its state."""
    with checked_gateway(tmp_path_factory.mktemp("http"), limits=LIMITS) as served:
        yield served


def ask(gateway: Gateway, data: bytes, *, half_close: bool = False) -> Answer:
    """What is answered to these bytes; the connection must not hang afterwards."""
    with gateway.connect() as connection:
        connection.send(data)
        if half_close:
            connection.socket.shutdown(socket.SHUT_WR)
        return connection.read()


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (*chunks, b""))


def post(framing: bytes, body: bytes, version: bytes = b"1.1", host: bytes = b"Host: r\r\n"):
    return b"".join(
        (
            b"POST /v1/chat/completions HTTP/" + version + b"\r\n",
            host,
            b"Content-Type: application/json\r\n",
            framing,
            b"\r\n",
            body,
        )
    )


LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"

MALFORMED = {
    "length and chunked": post(LENGTH + CHUNKED, chunked(BODY)),
    "differing lengths": post(LENGTH + b"Content-Length: 3\r\n", BODY),
    "length with a plus": post(b"Content-Length: +%d\r\n" % len(BODY), BODY),
    "negative length": post(b"Content-Length: -1\r\n", BODY),
    "overflowing length": post(b"Content-Length: 99999999999999999999\r\n", BODY),
    "xchunked": post(b"Transfer-Encoding: xchunked\r\n", chunked(BODY)),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity\r\n", chunked(BODY)),
    "chunked twice": post(CHUNKED + CHUNKED, chunked(BODY)),
    "space before colon": post(b"Content-Length : %d\r\n" % len(BODY), BODY),
    "0x chunk size": post(CHUNKED, b"0x5\r\nhello\r\n0\r\n\r\n"),
    "junk after chunk": post(CHUNKED, b"5\r\nhelloJUNK\r\n0\r\n\r\n"),
    "overflowing chunk size": post(CHUNKED, b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "bare LF behind a chunk extension": post(CHUNKED, b"5;a=b\nhello\r\n0\r\n\r\n"),
    "folded header": post(b"X-A: b\r\n c\r\n" + LENGTH, BODY),
    "bare LF": post(b"X-A: b\n" + LENGTH, BODY),
    "bare CR": post(b"X-A: b\rX-B: c\r\n" + LENGTH, BODY),
    "NUL in a value": post(b"X-A: b\0c\r\n" + LENGTH, BODY),
    "no Host": post(LENGTH, BODY, host=b""),
    "two Hosts": post(LENGTH, BODY, host=b"Host: a\r\nHost: b\r\n"),
    "Host with a path": post(LENGTH, BODY, host=b"Host: a/b\r\n"),
    "Host with a question mark": post(LENGTH, BODY, host=b"Host: a?b\r\n"),
    "chunked in HTTP/1.0": post(CHUNKED, chunked(BODY), version=b"1.0"),
    "header without a name": post(b": b\r\n" + LENGTH, BODY),
    "header without a colon": post(b"nonsense\r\n" + LENGTH, BODY),
    "no HTTP": b"nonsense\r\n\r\n",
    "target without a slash": b"GET v1/models HTTP/1.1\r\nHost: r\r\n\r\n",
    "fragment in the target": b"GET /v1/models#x HTTP/1.1\r\nHost: r\r\n\r\n",
    "space in the target": b"GET /v1/mo dels HTTP/1.1\r\nHost: r\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_is_refused_with_400(name: str, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(MALFORMED[name])
        connection.socket.shutdown(socket.SHUT_WR)
        answer = connection.read()
        assert answer.status == 400, answer
        assert answer.error()["type"] == "invalid_request_error"
        # Nobody knows where the next request would begin.
        assert connection.ended()


@pytest.mark.parametrize(
    "framing",
    [post(LENGTH, BODY), post(CHUNKED, chunked(BODY)), post(CHUNKED, chunked(BODY[:7], BODY[7:]))],
    ids=["sized", "chunked", "two chunks"],
)
def test_bodies_that_are_right(framing: bytes, gateway: Gateway) -> None:
    assert ask(gateway, framing).json()["choices"][0]["message"]["content"]


def test_a_body_may_come_byte_by_byte(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        for byte in post(CHUNKED, chunked(BODY[:7], BODY[7:])):
            connection.send(bytes((byte,)))
        assert connection.read().status == 200


# However a client spells where the model is looked up (RFC 9112, 3.2.2; RFC 3986, 6.2.2.2).
@pytest.mark.parametrize(
    "target",
    [
        b"/v1/models/m",
        b"/v1/models/m?x=y",
        b"http://rocket/v1/models/m",
        b"HTTP://other:80/v1/models/%6d?x=y",
        b"/v1/model%73/m",
    ],
    ids=repr,
)
def test_a_model_is_found_by_every_form_of_its_target(target: bytes, gateway: Gateway) -> None:
    assert ask(gateway, b"GET " + target + b" HTTP/1.1\r\nHost: r\r\n\r\n").json()["id"] == "m"


# Name: (request, status, a word of the message).
REFUSED = {
    "unknown path": (request_bytes("GET", "/v1/nonsense"), 404, "/v1/chat/completions"),
    "unknown path, POST": (request_bytes("POST", "/v1/delete", {}), 404, "/v1/delete"),
    "path with a slash more": (request_bytes("GET", "/v1/models/"), 404, "/v1/models"),
    "wrong method": (request_bytes("GET", "/v1/chat/completions"), 405, "POST"),
    "delete": (request_bytes("DELETE", "/v1/models"), 405, "GET"),
    "body too large": (request_bytes("POST", "/v1/chat/completions", b"x" * 4097), 413, "limits"),
    "announced body too large": (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nContent-Length: 999999999\r\n\r\n",
        413,
        "limits",
    ),
    "chunked body too large": (post(CHUNKED, chunked(b"x" * 4000, b"x" * 97)), 413, "limits"),
    "target too long": (request_bytes("GET", "/" + "x" * 1024), 414, "1024"),
    "head too large": (request_bytes("GET", "/health", None, "X: " + "x" * 8192), 431, "8192"),
    "too many header lines": (
        request_bytes("GET", "/health", None, *["X: y"] * 50),
        431,
        "50",
    ),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
    "another expectation": (
        request_bytes("POST", "/v1/chat/completions", {}, "Expect: 200-ok"),
        417,
        "100-continue",
    ),
    "two backends in the head": (
        request_bytes(
            "POST", "/v1/chat/completions", BODY, "x-rocket-backend: a", "x-rocket-backend: b"
        ),
        400,
        "x-rocket-backend stands twice",
    ),
    "compressed body": (
        request_bytes("POST", "/v1/chat/completions", {}, "Content-Encoding: gzip"),
        415,
        "Content-Encoding",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str, gateway: Gateway) -> None:
    data, status, word = REFUSED[name]
    answer = ask(gateway, data)
    assert answer.status == status, answer
    assert word in answer.error()["message"]
    assert answer.header("x-request-id") == answer.error()["request_id"]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [("/api/nonsense", 404, "/api/nonsense"), ("/api/delete", 403, "model server")],
)
def test_below_api_ollama_s_clients_are_told(
    path: str, status: int, word: str, gateway: Gateway
) -> None:
    answer = ask(gateway, request_bytes("POST", path, {}))
    assert answer.status == status, answer
    assert word in answer.json()["error"]


def test_405_names_what_is_allowed(gateway: Gateway) -> None:
    answer = ask(gateway, request_bytes("GET", "/v1/chat/completions"))
    assert answer.status == 405
    assert set(answer.header("allow").split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("method", ["FOO", "get", "GETX", "PLAY", "PROPFIND"])
def test_a_method_that_nobody_knows_is_refused_like_one_that_the_path_does_not_take(
    method: str, gateway: Gateway
) -> None:
    with gateway.connect() as connection:
        connection.send(request_bytes(method, "/v1/models", {"a": 1}))
        answer = connection.read()
        assert answer.status == 405 and "GET" in answer.error()["message"], answer
        assert set(answer.header("allow").split(", ")) == {"GET", "HEAD", "OPTIONS"}
        connection.send(request_bytes(method, "/v1/nonsense"))
        assert connection.read().status == 404
        connection.send(request_bytes("GET", "/livez"))
        assert connection.read().status == 200
    assert ask(gateway, request_bytes(method + "/", "/v1/models")).status == 400


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/livez", "/readyz", "/-/healthz"])
def test_head_is_get_without_the_body(path: str, gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(request_bytes("GET", path))
        got = connection.read()
        connection.send(request_bytes("HEAD", path))
        headed = connection.read(to_head=True)
        assert (headed.status, headed.body) == (got.status, b"")
        assert headed.header("content-length") == got.header("content-length") == str(len(got.body))
        # The next answer follows at once: no body came behind that head.
        connection.send(request_bytes("GET", "/livez"))
        assert connection.read().json() == {"status": "ok"}


def test_nobody_on_the_way_keeps_an_answer_or_holds_it_back(gateway: Gateway) -> None:
    for path in ("/v1/models", "/v1/models/m", "/api/tags", "/v1/files"):
        assert gateway.call("GET", path).header("cache-control") == "no-store", path
    for path, body in (
        ("/v1/chat/completions", chat("m", stream=True)),
        ("/v1/chat/completions", chat("m", stream=True, n=2)),
        ("/v1/messages", chat("m", stream=True, max_tokens=9)),
        ("/api/chat", chat("m", stream=True)),
    ):
        answer = gateway.call("POST", path, body)
        told = [value for name, value in answer.headers if name == "cache-control"]
        assert (answer.status, told) == (200, ["no-store"]), path
        assert answer.header("x-accel-buffering") == "no", path


def test_options_names_the_methods(gateway: Gateway) -> None:
    answer = ask(gateway, request_bytes("OPTIONS", "/v1/models"))
    assert answer.status == 204
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.header("allow").split(", "))
    assert ask(gateway, request_bytes("OPTIONS", "*")).status == 204


def test_keep_alive(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        for _ in range(20):
            connection.send(request_bytes("POST", "/v1/chat/completions", BODY))
            answer = connection.read()
            assert (answer.status, answer.header("connection")) == (200, None)


def test_connection_close_is_obeyed(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(request_bytes("GET", "/health", None, "Connection: close"))
        assert connection.read().status == 200
        assert connection.ended()


def test_http_1_0_closes_after_the_answer(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.read().status == 200
        assert connection.ended()


def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    # The first is the slowest, the third is wrong.
    bodies = [chat("m", fake={"word": f"n{i}-", "head_delay_ms": 60 - 20 * i}) for i in range(3)]
    bodies.insert(2, chat("unknown"))
    with gateway.connect() as connection:
        connection.send(
            b"".join(request_bytes("POST", "/v1/chat/completions", body) for body in bodies)
            + request_bytes("GET", "/livez")
        )
        answers = [connection.read() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 404, 200, 200]
    texts = [answers[i].json()["choices"][0]["message"]["content"] for i in (0, 1, 3)]
    assert [text[:3] for text in texts] == ["n0-", "n1-", "n2-"]


def test_who_sends_many_requests_in_advance_has_one_turn_at_a_time(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "threads": 1})

    def asking(name: str) -> bytes:
        return request_bytes("GET", "/v1/models", None, f"x-request-id: {name}")

    greedy = 600
    with gateway.connect() as before, gateway.connect() as flood, gateway.connect() as behind:
        for connection in (before, flood, behind):
            connection.send(request_bytes("GET", "/livez"))
            assert connection.read().status == 200
        # All of it is there when the gateway looks.
        gateway.program.send(signal.SIGSTOP)
        flood.send(asking("greedy") * greedy)
        before.send(asking("before"))
        behind.send(asking("behind"))
        gateway.program.send(signal.SIGCONT)
        for connection in (before, behind):
            assert connection.read().status == 200
        for _ in range(greedy):
            assert flood.read().status == 200
    order = [line["id"] for line in gateway.access_lines(greedy + 2)]
    assert order.index("before") < 10 and order.index("behind") < 10, order[:20]


def test_a_malformed_request_in_a_pipeline_ends_it(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(
            request_bytes("GET", "/livez") + MALFORMED["bare LF"] + request_bytes("GET", "/livez")
        )
        assert [connection.read().status for _ in range(2)] == [200, 400]
        assert connection.ended()


def test_expect_100_continue(gateway: Gateway) -> None:
    head, _, _ = request_bytes(
        "POST", "/v1/chat/completions", BODY, "Expect: 100-continue"
    ).partition(b"\r\n\r\n")
    with gateway.connect() as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.read_head().status == 100
        connection.send(BODY)
        assert connection.read_head().status == 200


def test_expect_100_continue_is_not_asked_for_what_will_be_refused(gateway: Gateway) -> None:
    head = request_bytes("POST", "/v1/chat/completions", None, "Expect: 100-continue")
    with gateway.connect() as connection:
        connection.send(head[:-2] + b"Content-Length: 99999\r\n\r\n")
        assert connection.read_head().status == 413


def test_curl_sends_its_body_after_100_continue(gateway: Gateway, tmp_path: Path) -> None:
    body = json.dumps(chat("m", padding="x" * 3000)).encode()
    (tmp_path / "body.json").write_bytes(body)
    headers = ["-H", "Expect: 100-continue", "-H", "Content-Type: application/json"]
    url = f"{gateway.url}/v1/chat/completions"
    result = subprocess.run(
        ["curl", "-sv", "--max-time", "10", *headers, "--data-binary", "@body.json", url],
        cwd=tmp_path,
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert b"HTTP/1.1 100 Continue" in result.stderr
    assert json.loads(result.stdout)["choices"]


def test_a_slow_head_is_408(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(b"GET /health HTTP/1.1\r\nHo")
        answer = connection.read()
        assert answer.status == 408
        assert "limits.header_time" in answer.error()["message"]
        assert connection.ended()


def test_a_slow_body_is_408(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(post(LENGTH, BODY[:5]))
        answer = connection.read()
        assert answer.status == 408
        assert "limits.body_time" in answer.error()["message"]
        assert connection.ended()


def test_a_client_that_says_nothing_is_closed_without_a_word(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "limits": {"keep_alive": "200ms"}}, ready=False
    )
    with gateway.connect() as connection:
        assert connection.ended()


def test_a_request_id_is_kept_if_it_is_one(gateway: Gateway) -> None:
    given = ask(gateway, request_bytes("GET", "/health", None, "X-Request-Id: mine-1.2_3"))
    assert given.header("x-request-id") == "mine-1.2_3"
    for bad in ("a b", "x" * 129, 'a"b', "ä"):
        made = ask(gateway, request_bytes("GET", "/health", None, f"X-Request-Id: {bad}"))
        assert made.header("x-request-id") not in (bad, None)


PREFLIGHT = [
    "Origin: https://chat.example",
    "Access-Control-Request-Method: POST",
    "Access-Control-Request-Headers: authorization,content-type",
]


def cors_headers(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers if k.startswith("access-control-")}


def test_cors_is_off_by_default(gateway: Gateway) -> None:
    assert not cors_headers(
        ask(gateway, request_bytes("OPTIONS", "/v1/chat/completions", None, *PREFLIGHT))
    )
    assert not cors_headers(ask(gateway, request_bytes("GET", "/v1/models", None, PREFLIGHT[0])))


def test_cors_for_the_origins_that_are_configured(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "cors": {"origins": ["https://chat.example"]}}
    )
    preflight = ask(gateway, request_bytes("OPTIONS", "/v1/chat/completions", None, *PREFLIGHT))
    said = cors_headers(preflight)
    assert preflight.status == 204
    assert said["access-control-allow-origin"] == "https://chat.example"
    assert "POST" in said["access-control-allow-methods"]
    assert "authorization" in said["access-control-allow-headers"]
    for method, path, body in (
        ("POST", "/v1/chat/completions", chat("m")),
        ("POST", "/v1/chat/completions", chat("m", stream=True)),
        ("POST", "/v1/chat/completions", chat("unknown")),
        ("GET", "/v1/models", None),
    ):
        answer = ask(gateway, request_bytes(method, path, body, PREFLIGHT[0]))
        allowed = cors_headers(answer).get("access-control-allow-origin")
        assert allowed == "https://chat.example", path
        exposed = cors_headers(answer)["access-control-expose-headers"].split(", ")
        assert {"retry-after", "x-rocket-warning", "x-ratelimit-reset-tokens"} <= set(exposed)
        foreign = ask(gateway, request_bytes(method, path, body, "Origin: https://other.example"))
        assert not cors_headers(foreign)
        assert answer.header("vary") == foreign.header("vary") == "origin"


def test_the_admin_port_sends_no_cors(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "cors": {"origins": ["*"]}})
    with RawConnection(gateway.admin_port) as connection:
        host = f"127.0.0.1:{gateway.admin_port}"
        connection.send(request_bytes("GET", "/health", None, PREFLIGHT[0], host=host))
        assert not cors_headers(connection.read())


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:80", "127.0.0.1.example"])
def test_the_admin_port_answers_no_foreign_host(host: str, rocket, fake) -> None:
    """A page of the name `host` that now resolves to loopback shall read nothing."""
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with RawConnection(gateway.admin_port) as connection:
        connection.send(request_bytes("GET", "/backends", host=host))
        answer = connection.read()
        assert answer.status in (400, 403, 421), answer
