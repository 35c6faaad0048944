"""Start, reload, drain: no request is lost while the gateway changes."""

import json
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.gateway import Gateway, UnixConnection, backend
from harness.waiting import elapse, wait_until
from harness.wire import RawConnection, chat, events, request_bytes, streamed_text


def test_not_ready_before_the_first_inventory(rocket, upstream) -> None:
    # Nothing answers there: the probe has to run into its timeout first.
    silent = upstream(hang=True)
    gateway = rocket({"backends": [backend("a", silent.url)]}, ready=False)
    assert gateway.call("GET", "/livez").status == 200
    gateway.wait_ready()


# Every answer takes its time, also to the question what models there are.
SLOW = {"fault": "drip_head", "fault_probes": True, "drip_delay_ms": 2}
PATIENT = {"health": {"interval": "200ms", "timeout": "10s"}}


@pytest.mark.parametrize("body", [chat("m"), chat(), chat("m", stream=True)], ids=str)
def test_a_request_before_the_first_inventory_waits_for_it(body: dict, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake(**SLOW).url)], **PATIENT}, ready=False)
    answer = gateway.chat(body)
    assert answer.status == 200, answer
    assert answer.header("x-rocket-backend") == "a"
    # Once everybody has been asked, what nobody has is denied.
    assert gateway.chat(chat("unknown")).status == 404


def test_a_reload_denies_no_model_of_a_new_backend(rocket, fake) -> None:
    known, new = fake(models=["known"]), fake(models=["new"], **SLOW)
    gateway = rocket({"backends": [backend("a", known.url)], **PATIENT})
    backends = [backend("a", known.url), backend("b", new.url)]
    gateway.write_config({"backends": backends, **PATIENT})
    gateway.program.send(signal.SIGHUP)
    wait_for_revision_after(gateway, 1)
    assert gateway.chat(chat("known")).status == 200
    answer = gateway.chat(chat("new"))
    assert answer.status == 200, answer
    assert answer.header("x-rocket-backend") == "b"


def test_health_names_status_and_revision(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    assert gateway.call("GET", "/health").json() == {"status": "ok", "revision": 1}
    healthz = gateway.call("GET", "/-/healthz")
    assert (healthz.status, healthz.body) == (200, b"success")
    detail = gateway.admin("/health").json()
    assert (detail["status"], detail["revision"]) == ("ok", 1)


def wait_for_revision_after(gateway: Gateway, known: int) -> None:
    wait_until("the revision rises", lambda: gateway.revision() > known)


def test_sighup_reloads(rocket, fake) -> None:
    first, second = fake(models=["one"]), fake(models=["two"])
    gateway = rocket({"backends": [backend("a", first.url)]})
    gateway.wait_for_models("one")
    gateway.write_config({"backends": [backend("b", second.url)]})
    gateway.program.send(signal.SIGHUP)
    wait_for_revision_after(gateway, 1)
    gateway.wait_for_models("two")
    assert gateway.chat(chat("two")).header("x-rocket-backend") == "b"
    assert gateway.chat(chat("one")).status == 404


def test_a_changed_file_reloads_by_itself(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    gateway.write_config({"backends": [backend("renamed", fake().url)]})
    wait_for_revision_after(gateway, 1)
    wait_until(
        "the new name answers",
        lambda: gateway.chat(chat("m")).header("x-rocket-backend") == "renamed",
    )


BROKEN = {
    "not YAML": ("backends: [", ""),
    "unknown key": ('{"listne": 1, "backends": []}', "listne"),
    "another listen": (
        '{"listen": "127.0.0.1:1", "admin": "127.0.0.1:0", "backends": B}',
        "listen",
    ),
    "more threads": (
        '{"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "threads": 2, "backends": B}',
        "threads",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_changes_nothing_and_is_told(name: str, rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    text, place = BROKEN[name]
    gateway.write_config_text(text.replace("B", json.dumps(gateway.config["backends"])))
    gateway.program.send(signal.SIGHUP)
    line = json.loads(gateway.program.line('"configuration refused"'))
    assert place in line["problem"]
    assert gateway.revision() == 1
    assert gateway.chat(chat("m")).status == 200


def test_reloads_under_load_lose_no_request(rocket, fake) -> None:
    backends = [backend("a", fake().url), backend("b", fake().url)]
    gateway = rocket({"backends": backends})
    script = {"tokens": 6, "event_delay_ms": 5}

    def one(number: int) -> str | None:
        """What was wrong with it."""
        stream = number % 2 == 0
        answer = gateway.chat(chat("m", stream=stream, fake=script))
        if answer.status != 200:
            return f"{number}: {answer}"
        if stream:
            streamed_text(answer.body)
        return None

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(one, number) for number in range(200)]
        reloads = 0
        while not all(each.done() for each in running):
            reloads += 1
            if reloads % 3 == 0:
                gateway.write_config_text("backends: [")
            else:
                gateway.write_config({"backends": backends[:: (-1) ** reloads]})
            known = gateway.revision()
            gateway.program.send(signal.SIGHUP)
            if reloads % 3:
                wait_for_revision_after(gateway, known)
        failures = [each.result() for each in running if each.result()]
    assert not failures
    assert reloads >= 3
    # Valid again, so that the watcher has nothing to complain about at the end.
    gateway.write_config({"backends": backends})


class Streams:
    """Many streams at once, each known to have begun."""

    def __init__(self, gateway: Gateway, count: int, script: dict):
        self._begun = threading.Semaphore(0)
        self._pool = ThreadPoolExecutor(count)
        self._count = count
        self._running = [self._pool.submit(self._one, gateway, script) for _ in range(count)]

    def wait_begun(self) -> None:
        for _ in range(self._count):
            assert self._begun.acquire(timeout=20), "a stream has not begun"

    def texts(self) -> list[str]:
        """What each said, once all have ended, whole."""
        found = [each.result() for each in self._running]
        self._pool.shutdown()
        return found

    def _one(self, gateway: Gateway, script: dict) -> str:
        with gateway.connect() as connection:
            body = chat("m", stream=True, fake=script)
            connection.send(request_bytes("POST", "/v1/chat/completions", body))
            # The head comes with the first token.
            head = connection.read_head()
            assert head.status == 200
            self._begun.release()
            return streamed_text(b"".join(connection._chunks()))


def test_sigterm_lets_200_streams_end_and_refuses_new_clients(rocket, fake) -> None:
    backends = [backend("a", fake().url)]
    gateway = rocket(
        {"backends": backends, "drain": {"lame_duck": "500ms", "timeout": "20s"}}
        | {"limits": {"in_flight_per_endpoint": 250}}
    )
    streams = Streams(gateway, 200, {"tokens": 30, "event_delay_ms": 150})
    streams.wait_begun()
    gateway.terminate()
    # A lame duck: it serves, but says that it is going.
    wait_until("/readyz is 503", lambda: gateway.call("GET", "/readyz").status == 503)
    assert gateway.call("GET", "/-/healthz").status == 503
    assert gateway.call("GET", "/health").json()["status"] == "draining"
    assert gateway.chat(chat("m")).status == 200
    wait_until("new connections are refused", gateway.refuses_connections)
    texts = streams.texts()
    assert len(set(texts)) == 1 and len(texts) == 200
    assert gateway.program.wait(seconds=20) == 0


def test_sigterm_closes_idle_connections_at_once(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with gateway.connect() as connection:
        connection.send(request_bytes("GET", "/health"))
        connection.read()
        gateway.terminate()
        assert connection.ended()
    assert gateway.program.wait(seconds=5) == 0


def test_the_admin_port_answers_until_the_end(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with gateway.connect() as streaming:
        body = chat("m", stream=True, fake={"tokens": 60, "event_delay_ms": 50})
        streaming.send(request_bytes("POST", "/v1/chat/completions", body))
        assert streaming.read_head().status == 200
        gateway.terminate()
        gateway.program.said('"draining"')
        for _ in range(10):
            with RawConnection(gateway.admin_port) as connection:
                # It is accepted before its request is there.
                elapse(0.02)
                host = f"127.0.0.1:{gateway.admin_port}"
                connection.send(request_bytes("GET", "/health", host=host))
                assert connection.read().json()["status"] == "draining"
        assert streamed_text(b"".join(streaming._chunks()))
    assert gateway.program.wait(seconds=10) == 0


def test_the_drain_is_bounded(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "drain": {"timeout": "300ms"}})
    with gateway.connect() as connection:
        endless = chat("m", stream=True, fake={"tokens": 1000, "event_delay_ms": 100})
        connection.send(request_bytes("POST", "/v1/chat/completions", endless))
        assert connection.read_head().status == 200
        gateway.terminate()
        assert gateway.program.wait(seconds=5) == 0
        with pytest.raises((AssertionError, ValueError, ConnectionResetError)):
            streamed_text(b"".join(connection._chunks()))


def test_a_second_sigterm_ends_at_once(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "drain": {"timeout": "60s"}})
    with gateway.connect() as connection:
        endless = chat("m", stream=True, fake={"tokens": 1000, "event_delay_ms": 100})
        connection.send(request_bytes("POST", "/v1/chat/completions", endless))
        assert connection.read_head().status == 200
        gateway.terminate()
        gateway.program.said('"draining"')
        gateway.program.send(signal.SIGTERM)
        gateway.program.wait(seconds=3)


@pytest.mark.parametrize("limit", ["300ms", "60s"])
def test_whose_stream_the_end_cuts_is_told_and_not_blamed(limit: str, rocket, fake) -> None:
    """By `drain.timeout`, and by a second SIGTERM."""
    gateway = rocket({"backends": [backend("a", fake().url)], "drain": {"timeout": limit}})
    told = b""
    with gateway.connect() as connection:
        endless = chat("m", stream=True, fake={"tokens": 1000, "event_delay_ms": 50})
        connection.send(request_bytes("POST", "/v1/chat/completions", endless))
        assert connection.read_head().status == 200
        gateway.terminate()
        if limit == "60s":
            gateway.program.said('"draining"')
            gateway.program.send(signal.SIGTERM)
        with pytest.raises(ValueError, match="invalid literal"):  # there is no last chunk
            for chunk in connection._chunks():
                told += chunk
    assert json.loads(events(told)[-1])["error"]["code"] == "draining"
    assert gateway.program.wait(seconds=5) == 0
    (line,) = gateway.access_lines(1)
    assert (line["status"], line["outcome"], line["blame"]) == (200, "cut", "gateway")


@pytest.mark.parametrize("limit", ["300ms", "60s"])
def test_who_has_no_answer_when_it_ends_is_told_so(limit: str, rocket, fake) -> None:
    """By `drain.timeout`, and by a second SIGTERM."""
    gateway = rocket({"backends": [backend("a", fake().url)], "drain": {"timeout": limit}})
    with gateway.connect() as connection:
        slow = chat("m", fake={"head_delay_ms": 60_000})
        connection.send(request_bytes("POST", "/v1/chat/completions", slow))
        wait_until("it is asked", lambda: gateway.in_flight() == 1)
        gateway.terminate()
        if limit == "60s":
            gateway.program.said('"draining"')
            gateway.program.send(signal.SIGTERM)
        answer = connection.read()
    assert (answer.status, answer.error()["code"]) == (503, "draining")
    assert (answer.header("connection"), answer.header("retry-after")) == ("close", "1")
    assert gateway.program.wait(seconds=5) == 0
    (line,) = gateway.access_lines(1)
    assert (line["status"], line["outcome"], line["blame"]) == (503, "error", "gateway")


@pytest.mark.parametrize("way", ["config", "flag"])
def test_the_admin_port_may_be_a_unix_socket(way: str, rocket, fake, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    config = {"backends": [backend("a", fake().url)]}
    if way == "config":
        gateway = rocket({**config, "admin": f"unix:{path}"})
    else:
        gateway = rocket(config, arguments=["--admin", f"unix:{path}"])
    connection = UnixConnection(path)
    connection.request("GET", "/health")
    assert json.loads(connection.getresponse().read())["status"] == "ok"
    connection.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    gateway.finish()


def test_four_threads_serve(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)], "threads": 4})

    def one(_) -> int:
        return gateway.chat(chat("m")).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(100))) == {200}
    # Reloads reach every thread, and what is counted on each is told as one.
    gateway.write_config({**gateway.config, "mark_backend": False})
    gateway.program.send(signal.SIGHUP)
    wait_for_revision_after(gateway, 1)
    wait_until(
        "every thread has it",
        lambda: all("_backend" not in gateway.chat(chat("m")).json() for _ in range(20)),
    )
    total = sum(gateway.samples("backend_request_count").values())
    assert total >= 120
