"""One of two endpoints falls silent, dies or is cut off under a steady load: no answer is lost, no
client stalls, the endpoint is left, and used again once it is back."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from harness.gateway import Gateway, backend
from harness.network import FAR
from harness.waiting import elapse, wait_until
from harness.wire import chat

RATE = 100  # requests a second
STALL_SECONDS = 2.0


@dataclass
class Seen:
    """What became of the requests of a load."""

    seconds: list[float] = field(default_factory=list)
    endpoints: list[tuple[float, str]] = field(default_factory=list)  # and when they were sent
    lost: list[str] = field(default_factory=list)


def send_load(gateway: Gateway, seconds: float, *, stream: bool) -> Seen:
    """`RATE` requests a second, each sent at its time whatever becomes of the others."""
    seen = Seen()
    lock = threading.Lock()
    body = chat("m", stream=stream, fake={"head_delay_ms": 80})
    start = time.monotonic()

    def ask(number: int) -> None:
        elapse(max(0.0, start + number / RATE - time.monotonic()))
        begun = time.monotonic()
        try:
            answer = gateway.chat(body)
            whole = answer.status == 200 and (not stream or b"[DONE]" in answer.body)
            fault = None if whole else f"{answer.status}: {answer.body[:200]!r}"
        except OSError as error:
            answer, fault = None, repr(error)
        with lock:
            seen.seconds.append(time.monotonic() - begun)
            if fault:
                seen.lost.append(fault)
            else:
                seen.endpoints.append((begun - start, answer.header("x-rocket-endpoint")))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(ask, range(int(seconds * RATE))))
    return seen


def stall(undisturbed: Seen) -> float:
    """What counts as one on this machine, as busy as it is."""
    return STALL_SECONDS + max(undisturbed.seconds)


def stop(fake) -> None:
    fake.program.send(signal.SIGSTOP)


def go_on(fake) -> None:
    fake.program.send(signal.SIGCONT)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("seconds", [6, pytest.param(30, marks=pytest.mark.long)])
def test_a_stopped_process_costs_no_answer(rocket, fake, stream: bool, seconds: int) -> None:
    left, kept = fake(models=["m"]), fake(models=["m"])
    gateway = rocket({"backends": [backend("a", [left.url, kept.url])]})
    warm_up = send_load(gateway, 5, stream=stream)
    assert not warm_up.lost
    stop(left)
    try:
        seen = send_load(gateway, seconds, stream=stream)
    finally:
        go_on(left)
    assert not seen.lost, seen.lost[:3]
    assert max(seen.seconds) < stall(warm_up), sorted(seen.seconds)[-5:]
    assert {endpoint for _, endpoint in seen.endpoints} == {"a/1"}
    wait_until("it answers again", lambda: answers_from(gateway, "a/0", stream), seconds=40)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("seconds", [6, pytest.param(30, marks=pytest.mark.long)])
def test_a_black_hole_costs_no_answer(far, rocket, fake, stream: bool, seconds: int) -> None:
    left = fake(models=["m"], host=FAR, within=far.inside)
    kept = fake(models=["m"])
    gateway = rocket({"backends": [backend("a", [left.url, kept.url])]})
    warm_up = send_load(gateway, 5, stream=stream)
    assert not warm_up.lost
    far.cut()
    seen = send_load(gateway, seconds, stream=stream)
    assert not seen.lost, seen.lost[:3]
    assert max(seen.seconds) < stall(warm_up), sorted(seen.seconds)[-5:]
    assert {endpoint for _, endpoint in seen.endpoints} == {"a/1"}
    far.mend()
    wait_until("it answers again", lambda: answers_from(gateway, "a/0", stream), seconds=40)


def answers_from(gateway: Gateway, endpoint: str, stream: bool) -> bool:
    seen = send_load(gateway, 0.2, stream=stream)
    assert not seen.lost, seen.lost[:3]
    return endpoint in {each for _, each in seen.endpoints}


def test_a_killed_process_costs_no_answer(rocket, fake) -> None:
    left, kept = fake(models=["m"]), fake(models=["m"])
    gateway = rocket({"backends": [backend("a", [left.url, kept.url])]})
    warm_up = send_load(gateway, 2, stream=False)
    assert not warm_up.lost
    killer = threading.Timer(1, left.program.kill)
    killer.start()
    seen = send_load(gateway, 4, stream=False)
    killer.join()
    assert not seen.lost, seen.lost[:3]
    assert max(seen.seconds) < stall(warm_up)
    wait_until("it is known", lambda: breaker_or_verdict(gateway, "a/0") != ("closed", "healthy"))


def breaker_or_verdict(gateway: Gateway, endpoint: str) -> tuple[str, str]:
    backends = gateway.admin("/backends").json()["backends"]
    found = next(e for b in backends for e in b["endpoints"] if e["id"] == endpoint)
    return found["breaker"], found["verdict"]


def test_only_chat_hangs_while_the_health_check_is_good(rocket, upstream, fake) -> None:
    """The failure that no health check sees."""
    left, kept = upstream(hang=True), fake(models=["m"])
    gateway = rocket(
        {
            "backends": [backend("a", left.url), backend("b", kept.url)],
            "timeouts": {"first_token": "1s"},
        }
    )
    first = gateway.chat(chat("m"))
    assert first.status == 200
    assert first.header("x-rocket-backend") == "b"
    assert first.header("x-rocket-attempts") == "2"
    assert sum(gateway.samples("rocket_hedges_total").values()) == 1
    for _ in range(5):
        assert gateway.chat(chat("m")).status == 200
    # Enough were left unanswered: it is not asked any more.
    assert gateway.chat(chat("m")).header("x-rocket-attempts") == "1"
    assert breaker_or_verdict(gateway, "a/0")[0] == "open"

    def breakers() -> list[float]:
        states = gateway.samples("rocket_breaker_state")
        return [states.get(f'{{endpoint="{each}"}}', -1) for each in ("a/0", "b/0")]

    wait_until("the metrics say so", lambda: breakers() == [2, 0])
