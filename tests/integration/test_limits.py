"""What is held at once is bounded, and so is the time for each thing; hitting a limit is a clear
error, and everything works afterwards. docs/testing.md says which limit is tested where."""

import contextlib
import json
import re
import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import Gateway, backend
from harness.sockets import established
from harness.waiting import elapse, wait_until
from harness.wire import RawConnection, chat, events, request_bytes, streamed_text

MEBI = 1024 * 1024
# A busy machine lets everybody wait.
SLACK = 5.0


def silent(connection, seconds: float) -> bool:
    """Nothing has come by then."""
    return not select.select([connection.socket], [], [], seconds)[0]


def test_connections_beyond_the_limit_wait_for_a_place(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"connections": 2}})
    ping = request_bytes("GET", "/livez")
    with gateway.connect() as first, gateway.connect() as second, gateway.connect() as third:
        for held in (first, second):
            held.send(ping)
            assert held.read().status == 200
        third.send(ping)
        assert silent(third, 0.3)
        first.close()
        assert third.read().status == 200


def test_the_admin_port_is_not_locked_out_by_a_full_data_port(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"connections": 1}})
    with gateway.connect() as only:
        only.send(request_bytes("GET", "/livez"))
        assert only.read().status == 200
        assert gateway.admin("/health").status == 200


def test_a_crowd_at_the_door_holds_up_nobody_who_is_in(rocket, fake) -> None:
    """All that come at once are accepted before anything else only if there are few of them."""
    gateway = rocket({"backends": [backend("a", fake().url)]})
    crowd = 500
    with contextlib.ExitStack() as stack:
        inside = stack.enter_context(RawConnection(gateway.admin_port, 15))
        inside.send(request_bytes("GET", "/metrics", host="localhost"))
        assert inside.read().status == 200
        gateway.program.send(signal.SIGSTOP)
        for _ in range(crowd):
            stack.enter_context(gateway.connect())
        inside.send(request_bytes("GET", "/metrics", host="localhost"))
        gateway.program.send(signal.SIGCONT)
        told = inside.read().body.decode()
        (connections,) = re.findall(r"^rocket_connections (\d+)", told, re.MULTILINE)
        assert int(connections) < crowd / 2


def test_bodies_in_flight_are_bounded_and_announcing_costs_nothing(rocket, fake) -> None:
    limits = {"body_bytes": MEBI, "bodies_in_flight_bytes": MEBI}
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": limits})
    body = json.dumps(chat("m", padding="x" * 700_000)).encode()
    whole = request_bytes("POST", "/v1/chat/completions", body)
    head = whole[: -len(body)]
    with gateway.connect() as announced, gateway.connect() as slow:
        # A length without a body takes nothing from anybody.
        announced.send(head)
        assert gateway.call("POST", "/v1/chat/completions", body).status == 200
        # Most of a body does.
        slow.send(head + body[:-10])
        refused = gateway.call("POST", "/v1/chat/completions", body)
        assert refused.status == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.header("retry-after")
        slow.send(body[-10:])
        assert slow.read().status == 200
    assert gateway.call("POST", "/v1/chat/completions", body).status == 200


def test_answers_in_flight_are_bounded_by_the_same_budget(rocket, fake) -> None:
    limits = {"body_bytes": MEBI, "bodies_in_flight_bytes": MEBI}
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": limits})
    large = chat("m", fake={"answer_bytes": 700_000})
    body = json.dumps(chat("m", padding="x" * 700_000)).encode()
    whole = request_bytes("POST", "/v1/chat/completions", body)
    with gateway.connect() as slow:
        slow.send(whole[:-10])
        # What arrives is counted when it arrives, and nobody says when that is.
        refused = wait_until("the budget is used", lambda: not_ok(gateway, large))
        assert refused.status == 503
        assert refused.error()["code"] == "overloaded"
        # A stream holds no more than an event of its answer.
        stream = gateway.chat({**large, "stream": True})
        assert len(streamed_text(stream.body)) > 600_000
    assert gateway.chat(large).status == 200


@pytest.mark.parametrize("whole", [False, True], ids=["the head arrives", "the body arrives"])
def test_large_heads_are_bounded_by_the_same_budget(whole: bool, rocket, fake) -> None:
    """However many clients send no end of theirs."""
    limits = {"body_bytes": "512KiB", "bodies_in_flight_bytes": MEBI}
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": limits})
    lines = b"Content-Length: 10\r\nX: " + b"x" * 50_000
    large = b"POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\n" + lines
    before = gateway.program.rss_bytes()
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(gateway.connect()) for _ in range(200)]
        for client in crowd:
            client.send(large + (b"\r\n\r\n" if whole else b""))
        refused = [client.read() for client in crowd if not silent(client, 0.05)]
        assert 150 <= len(refused) < 200
        assert {(answer.status, answer.error()["code"]) for answer in refused} == {
            (503, "overloaded")
        }
        assert gateway.program.rss_bytes() - before < 4 * MEBI
        # Whoever has a usual head, and little to say, is not concerned.
        assert gateway.call("GET", "/v1/models").status == 200
    wait_until("all is given back", lambda: gateway.chat(chat("m")).status == 200)
    assert gateway.call("GET", "/livez", headers={"X": "x" * 50_000}).status == 200


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"], ids=["more to come", "whole"])
def test_a_body_in_tiny_chunks_leaves_nothing_behind(end: bytes, rocket, fake) -> None:
    """Each chunk costs the parser some bytes more than the client."""
    gateway = rocket({"backends": [backend("a", fake().url)]})
    head = request_bytes("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
    before = gateway.program.rss_bytes()
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(gateway.connect()) for _ in range(100)]
        for client in crowd:
            client.send(head + b"1\r\n \r\n" * 10_000 + end)
        for client in crowd:
            assert client.read().status == 400 if end else silent(client, 0.02)
        assert gateway.program.rss_bytes() - before < 100 * 40_000


def test_a_long_target_leaves_nothing_behind(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    before = gateway.program.rss_bytes()
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(gateway.connect())
            client.send(request_bytes("GET", "/livez?" + "x" * 8000))
            assert client.read().status == 200
        assert gateway.program.rss_bytes() - before < 300 * 6000


def many_names(url: str) -> dict:
    """A configuration whose list of models is more than half a megabyte."""
    routes = {f"{i}-{'x' * 200}": [{"backend": "a", "model": "m"}] for i in range(2500)}
    return {"backends": [backend("a", url)], "models": routes}


def test_lists_that_nobody_takes_are_bounded_by_the_same_budget(rocket, fake) -> None:
    limits = {"body_bytes": MEBI, "bodies_in_flight_bytes": 2 * MEBI}
    gateway = rocket(many_names(fake().url) | {"limits": limits})
    assert len(gateway.call("GET", "/v1/models").body) > MEBI / 2
    before = gateway.program.rss_bytes()
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(gateway.connect()) for _ in range(50)]
        for client in crowd:
            client.send(request_bytes("GET", "/v1/models"))
        statuses = [client.read_head().status for client in crowd]
        assert 1 <= statuses.count(200) <= 3
        assert statuses.count(503) == len(statuses) - statuses.count(200)
        assert gateway.program.rss_bytes() - before < 12 * MEBI
        # Operators are told what they ask in any case.
        assert gateway.admin("/metrics").status == 200
    wait_until("it is given back", lambda: gateway.call("GET", "/v1/models").status == 200)


def not_ok(gateway: Gateway, body: dict):
    answer = gateway.chat(body)
    return answer if answer.status != 200 else None


def test_a_whole_answer_larger_than_a_body_may_be_is_502(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"body_bytes": "64KiB"}})
    assert gateway.chat(chat("m", fake={"answer_bytes": 60_000})).status == 200
    assert gateway.chat(chat("m", fake={"answer_bytes": 70_000})).status == 502


def test_a_client_that_goes_on_sending_hears_why_it_is_refused(rocket, fake) -> None:
    """Closed while it sends it would be told of a reset, whatever was on its way to it."""
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"body_bytes": "64KiB"}})
    large = request_bytes("POST", "/v1/chat/completions", None, f"Content-Length: {10 * MEBI}")
    with gateway.connect() as slow:
        slow.send(large)
        for _ in range(30):
            slow.send(b"x" * 100_000)
            elapse(0.1)
        assert slow.read().error()["code"] == "body_too_large"


def test_an_event_larger_than_an_event_may_be_is_not_passed_on(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"event_bytes": "8KiB"}})
    fits = chat("m", stream=True, fake={"tokens": 4, "answer_bytes": 4 * 6000})
    assert len(streamed_text(gateway.chat(fits).body)) > 4 * 5000
    large = chat("m", stream=True, fake={"tokens": 4, "answer_bytes": 4 * 9000})
    # It would have been the first token, so nothing was sent yet.
    assert gateway.chat(large).status == 502
    late = chat("m", stream=True, fake={"fault": "long_line", "at": 4, "tokens": 8})
    answer = gateway.chat({**late, "fake": {**late["fake"], "event_delay_ms": 20}}, cut=True)
    assert json.loads(events(answer.body)[-1])["error"]["message"]


@pytest.mark.parametrize("kept", [2, 256])
def test_idle_connections_to_an_endpoint_are_bounded(kept: int, rocket, fake) -> None:
    server = fake()
    gateway = rocket(
        {"backends": [backend("a", server.url)], "limits": {"idle_per_endpoint": kept}}
        | {"health": {"interval": "1m"}}
    )
    slow = chat("m", fake={"head_delay_ms": 300})
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(gateway.chat, [slow] * 8)
        wait_until("eight connections are in use", lambda: established(server.port) >= 8)
        assert {answer.status for answer in answers} == {200}
    # Sooner than they would be closed for their age, 4 s.
    most = wait_until(
        "they are idle", lambda: (held := established(server.port)) <= kept and held, seconds=2
    )
    assert most == min(kept, 8)


def test_a_client_s_idle_connection_is_closed_after_keep_alive_and_not_before(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "limits": {"keep_alive": "1500ms"}})
    ping = request_bytes("GET", "/livez")
    with gateway.connect() as connection:
        began = asked = time.monotonic()
        # Each request begins it anew.
        while asked - began < 2:
            connection.send(ping)
            assert connection.read().status == 200
            elapse(0.4)
            asked = time.monotonic()
        connection.send(ping)
        assert connection.read().status == 200
        answered = time.monotonic()
        assert connection.ended()
        closed = time.monotonic()
    assert closed - asked >= 1.48
    assert closed - answered <= 1.5 + SLACK


def test_more_choices_than_may_be_had_are_refused(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake("ollama").url, "ollama")], "limits": {"choices": 3}}
    )
    answer = gateway.chat(chat("m", n=3))
    assert answer.status == 200
    assert [choice["index"] for choice in answer.json()["choices"]] == [0, 1, 2]
    refused = gateway.chat(chat("m", n=4))
    assert refused.status == 400
    assert "limits.choices" in refused.error()["message"]


def test_a_client_that_stops_reading_pauses_all_its_choices(rocket, flood) -> None:
    upstream = flood(200 * MEBI)
    gateway = rocket(
        {"backends": [backend("a", upstream.url, "lmstudio")], "limits": {"write_time": "1s"}}
    )
    with gateway.connect() as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True, n=2)))
        wait_until("the streams run", lambda: sum(sent > 0 for sent in upstream.sent()) == 2)
        wait_until("the upstream is left", lambda: upstream.streaming() == 0)
        # What the kernel and the links between us hold, and no more.
        assert sum(upstream.sent()) < 60 * MEBI
    (line,) = gateway.access_lines(1)
    assert (line["outcome"], line["blame"]) == ("cancelled", "client")
    assert line["attempts"] == 2


def test_a_client_that_stops_reading_is_cut_after_write_time(rocket, flood) -> None:
    upstream = flood(200 * MEBI)
    gateway = rocket({"backends": [backend("a", upstream.url)], "limits": {"write_time": "1s"}})
    with gateway.connect() as connection:
        asked = time.monotonic()
        connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True)))
        wait_until("the stream runs", lambda: upstream.sent() and upstream.sent()[0] > 0)
        wait_until("the upstream is left", lambda: upstream.streaming() == 0)
        assert 1 <= time.monotonic() - asked <= 1 + SLACK
        # It can see that this is not all; and the kernel holds nothing for it any more.
        with pytest.raises(ConnectionResetError):
            while connection.socket.recv(MEBI):
                pass
    (line,) = gateway.access_lines(1)
    assert (line["outcome"], line["blame"]) == ("cancelled", "client")


def test_a_client_that_reads_slowly_but_steadily_is_not_cut(rocket, flood) -> None:
    upstream = flood(20 * MEBI)
    gateway = rocket({"backends": [backend("a", upstream.url)], "limits": {"write_time": "2s"}})
    with gateway.connect() as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", chat("m", stream=True)))
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        seen, began = b"", time.monotonic()
        while not seen.endswith(b"0\r\n\r\n"):
            # Less in write_time than the kernel would have buffered.
            slow = time.monotonic() - began < 6
            more = connection.socket.recv(32 * 1024 if slow else MEBI)
            assert more, "it was cut"
            seen = seen[-8:] + more
            if slow:
                elapse(0.05)
    assert gateway.access_lines(1)[0]["outcome"] == "ok"


def test_a_whole_answer_is_not_held_longer_than_an_exchange_may_take(rocket, fake) -> None:
    """Never stopping for long, a client could otherwise hold bodies_in_flight_bytes for hours."""
    gateway = rocket(
        {"backends": [backend("a", fake().url)]}
        | {"timeouts": {"total": "5s"}, "limits": {"write_time": "2s"}}
    )
    body = chat("m", fake={"answer_bytes": 20_000_000})
    with gateway.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        asked = time.monotonic()
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        assert connection.read_head().status == 200
        with pytest.raises(ConnectionResetError):
            while connection.socket.recv(100_000):
                elapse(0.05)
                assert time.monotonic() - asked <= 5 + SLACK
    (line,) = gateway.access_lines(1)
    assert (line["outcome"], line["blame"]) == ("cancelled", "client")


def test_nor_is_an_answer_of_the_gateway_s_own(rocket, fake) -> None:
    gateway = rocket(
        many_names(fake().url) | {"timeouts": {"total": "3s"}, "limits": {"write_time": "3s"}}
    )
    with gateway.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        asked = time.monotonic()
        connection.send(request_bytes("GET", "/v1/models"))
        assert connection.read_head().status == 200
        with pytest.raises(ConnectionResetError):
            while connection.socket.recv(4000):
                elapse(0.05)
                assert time.monotonic() - asked <= 3 + SLACK


@contextlib.contextmanager
def black_hole(port: int) -> Iterator[None]:
    """Connections to it are never completed: its queue is full, and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield


def test_the_error_names_the_phase_connect(rocket, fake) -> None:
    server = fake()
    gateway = rocket(
        {"backends": [backend("hole", server.url)], "timeouts": {"connect": "1s"}}
        | {"health": {"interval": "1m"}}
    )
    server.kill()
    with black_hole(server.port):
        asked = time.monotonic()
        answer = gateway.chat(chat("m"))
        assert 1 <= time.monotonic() - asked <= 1 + SLACK
    assert answer.status == 504, answer
    assert "timeouts.connect" in answer.error()["message"]


@pytest.mark.parametrize(
    ("phase", "stream", "fault"),
    [("first_token", True, "hang_before_head"), ("total", False, "hang_before_head")],
    ids=["first_token", "total"],
)
def test_the_error_names_the_phase(phase: str, stream: bool, fault: str, rocket, fake) -> None:
    server = fake(fault=fault)
    gateway = rocket({"backends": [backend("a", server.url)], "timeouts": {phase: "1s"}})
    asked = time.monotonic()
    answer = gateway.chat(chat("m", stream=stream))
    assert 1 <= time.monotonic() - asked <= 1 + SLACK
    assert answer.status == 504, answer
    assert f"timeouts.{phase}" in answer.error()["message"]


def test_the_error_names_the_phase_load(rocket, fake) -> None:
    """Where the model has to be loaded first, `first_token` is not what counts."""
    server = fake("ollama", load_time_ms=60_000)
    timeouts = {"first_token": "100ms", "load": "1s"}
    gateway = rocket({"backends": [backend("a", server.url, "ollama")], "timeouts": timeouts})
    asked = time.monotonic()
    answer = gateway.chat(chat("m", stream=True))
    assert 1 <= time.monotonic() - asked <= 1 + SLACK
    assert answer.status == 504, answer
    assert answer.error()["code"] == "load_timeout"
    assert "timeouts.load" in answer.error()["message"]


@pytest.mark.parametrize(
    ("phase", "script"),
    [
        ("idle", {"fault": "hang_mid_stream", "at": 3}),
        # Never silent for long, and never done.
        ("total", {"tokens": 1000, "event_delay_ms": 50}),
        ("total", {"fault": "drip_body", "drip_delay_ms": 20, "tokens": 1000}),
    ],
    ids=["idle", "total", "total, dripping"],
)
def test_a_stream_s_last_event_names_the_phase(phase: str, script: dict, rocket, fake) -> None:
    timeouts = {phase: "1s"}
    gateway = rocket({"backends": [backend("a", fake().url)], "timeouts": timeouts})
    asked = time.monotonic()
    answer = gateway.chat(chat("m", stream=True, fake=script), cut=None)
    assert 1 <= time.monotonic() - asked <= 1 + SLACK
    if answer.status == 200:
        message = json.loads(events(answer.body)[-1])["error"]["message"]
    else:  # it had not come to its first token yet
        message = answer.error()["message"]
    assert f"timeouts.{phase}" in message
