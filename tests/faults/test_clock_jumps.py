"""F22: the time of day is set an hour forward or back, passes 2038, or repeats a second: what is
measured in seconds (deadlines, limits, breakers) does not notice."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.waiting import wait_until
from harness.wire import Answer, chat, request_bytes, streamed_text

SOURCE = Path(__file__).with_name("jumping_clock.c")
HOUR = 3600
END_OF_32_BITS = 2**31


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("needs a C compiler")
    built = tmp_path_factory.mktemp("clock") / "jumping_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, SOURCE], check=True)
    return built


@pytest.fixture
def with_clock(rocket, library: Path) -> Callable[..., Gateway]:
    def start(config: dict, *, jump: int, ahead: int = 0) -> Gateway:
        clock = {"CLOCK_JUMP": str(jump), "CLOCK_AHEAD": str(ahead)}
        return rocket(config, env={"LD_PRELOAD": str(library), **clock})

    return start


def said_at(gateway: Gateway, lines: int) -> datetime:
    """When its last line of the access log says that it was written."""
    text = gateway.access_lines(lines)[-1]["ts"]
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("jump", [HOUR, -HOUR, -1], ids=["forward", "back", "a second again"])
def test_what_is_under_way_does_not_notice(with_clock, fake, jump: int) -> None:
    backends = [backend("a", fake().url)]
    gateway = with_clock({"backends": backends, "timeouts": {"total": "20s"}}, jump=jump)
    script = {"tokens": 10, "event_delay_ms": 100}
    with gateway.connect() as connection:
        body = chat("m", stream=True, fake=script)
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        assert connection.read_head().status == 200
        gateway.program.send(signal.SIGUSR2)
        assert streamed_text(b"".join(connection._chunks()))
    (line,) = gateway.access_lines(1)
    assert line["outcome"] == "ok"
    assert 900 <= line["total_ms"] < 10_000, "what it took, not what the clock says"
    assert gateway.chat(chat("m")).status == 200
    ahead = (said_at(gateway, 2) - datetime.now(UTC)).total_seconds()
    assert abs(ahead - jump) < 20, "and its log is written by the clock as it is set"


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_limit_is_not_refilled(with_clock, fake, tmp_path: Path, jump: int) -> None:
    keys = write_keys(tmp_path / "keys.yaml", entry("alice", "rk-alice", rpm=2))
    config = {"backends": [backend("a", fake().url)], "keys_file": str(keys)}
    gateway = with_clock(config, jump=jump)

    def ask() -> Answer:
        return gateway.chat(chat("m"), headers=bearer("rk-alice"))

    assert [ask().status for _ in range(3)] == [200, 200, 429]
    gateway.program.send(signal.SIGUSR2)
    refused = ask()
    assert refused.status == 429
    assert 0 < int(refused.header("retry-after")) <= 30


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
def test_no_breaker_is_stuck(with_clock, fake, jump: int) -> None:
    gone = fake()
    config = {
        "backends": [backend("a", gone.url, default_model="m")],
        "breaker": {"consecutive": 2, "open": "1s", "open_max": "2s"},
    }
    gateway = with_clock(config, jump=jump)
    assert gateway.chat(chat("m")).status == 200
    gone.kill()

    def left() -> bool:
        assert gateway.chat(chat("m")).status == 503
        return breaker(gateway) == "open"

    wait_until("it is left", left)
    gateway.program.send(signal.SIGUSR2)
    again = fake(port=gone.port)
    assert again.port == gone.port
    begun = time.monotonic()
    wait_until("it is asked again", lambda: gateway.chat(chat("m")).status == 200, seconds=20)
    assert time.monotonic() - begun < 15

    def forgiven() -> bool:
        assert gateway.chat(chat("m")).status == 200
        return breaker(gateway) == "closed"

    wait_until("nothing is held against it", forgiven)


def breaker(gateway: Gateway) -> str:
    (described,) = gateway.admin("/backends").json()["backends"]
    return described["endpoints"][0]["breaker"]


def test_2038_is_a_year_like_any_other(with_clock, fake) -> None:
    """From a few seconds before what 32 bits can count to two minutes behind."""
    ahead = END_OF_32_BITS - 5 - int(time.time())
    gateway = with_clock({"backends": [backend("a", fake().url)]}, jump=125, ahead=ahead)
    assert gateway.chat(chat("m")).status == 200
    gateway.program.send(signal.SIGUSR2)
    answer = gateway.chat(chat("m"))
    assert answer.status == 200
    assert "2038" in (answer.header("date") or "2038")
    assert said_at(gateway, 2).timestamp() > END_OF_32_BITS
    assert gateway.admin("/metrics").status == 200
    assert gateway.admin("/requests/" + answer.header("x-request-id")).status == 200
