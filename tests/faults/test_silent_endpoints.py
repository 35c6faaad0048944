"""One of two endpoints falls silent, dies or is cut off under a steady load: no answer is lost, no
client stalls, the endpoint is left, and used again once it is back."""

import pytest

from harness.gateway import Gateway, backend
from harness.steady_load import (
    OPEN_SECONDS,
    Pair,
    chat_hangs,
    most_chats_hang,
    network_swallows,
    process_dies,
    process_stops,
    send_load,
)
from harness.waiting import wait_until
from harness.wire import chat, request_bytes

STALL_SECONDS = 2.0
LEFT_SECONDS = 2.0

WAYS = {
    "its chats hang": chat_hangs,
    "its process stops": process_stops,
    "its process dies": process_dies,
}
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
# As long as the figure says with --long.
for_seconds = pytest.mark.parametrize("seconds", [6, pytest.param(30, marks=pytest.mark.long)])


def hold(pair: Pair, stream: bool, seconds: int) -> None:
    """500 requests to learn from, then one of two endpoints falls silent under 100 a second: none
    is lost, none stalls, the endpoint is left within 2 s, and used again once it is back."""
    gateway = pair.gateway
    warm_up = send_load(gateway, 5, stream=stream)
    assert not warm_up.lost, warm_up.lost[:3]
    assert warm_up.answered_by() == {"a/0", "a/1"}
    # What counts as a stall on this machine, as busy as it is.
    slowness = max(warm_up.seconds)
    pair.strike()
    try:
        seen = send_load(gateway, seconds, stream=stream)
    finally:
        pair.recover()
    assert not seen.lost, seen.lost[:3]
    assert max(seen.seconds) < STALL_SECONDS + slowness, sorted(seen.seconds)[-5:]
    # From then on nobody is sent there but the breaker's single trials, one at a time.
    trials = seen.astray(after=LEFT_SECONDS + slowness)
    assert len(trials) <= 1 + seconds / OPEN_SECONDS, [each.at for each in trials]
    late = [each for each in seen.answered if each.at >= 1]
    assert {each.endpoint for each in late} == {"a/1"}
    wait_until("it answers again", lambda: answers_from(gateway, "a/0", stream), seconds=90)


@both
@for_seconds
@pytest.mark.parametrize("way", WAYS)
def test_one_of_two_falls_silent(rocket, fake, way: str, stream: bool, seconds: int) -> None:
    hold(WAYS[way](rocket, fake), stream, seconds)


@both
@for_seconds
def test_a_black_hole_costs_no_answer(far, rocket, fake, stream: bool, seconds: int) -> None:
    hold(network_swallows(far, rocket, fake), stream, seconds)


@both
def test_most_chats_of_one_of_two_hang(rocket, fake, stream: bool) -> None:
    """Three in ten are answered there as ever, so it is not silent: it is left all the same, and a
    trial that is one of the three brings it back for a moment."""
    pair = most_chats_hang(rocket, fake)
    gateway = pair.gateway
    warm_up = send_load(gateway, 5, stream=stream)
    assert not warm_up.lost, warm_up.lost[:3]
    slowness = max(warm_up.seconds)
    pair.strike()
    try:
        seen = send_load(gateway, 6, stream=stream)
    finally:
        pair.recover()
    assert not seen.lost, seen.lost[:3]
    assert max(seen.seconds) < STALL_SECONDS + slowness, sorted(seen.seconds)[-5:]
    late = [each for each in seen.answered if each.at >= LEFT_SECONDS + slowness]
    astray = seen.astray(after=LEFT_SECONDS + slowness)
    assert len(astray) <= len(late) / 5, [each.at for each in astray]
    wait_until("it answers again", lambda: answers_from(gateway, "a/0", stream), seconds=90)


def test_clients_that_hang_up_open_no_breaker(rocket, fake) -> None:
    """Twenty that leave while they wait: nobody else notices anything."""
    slow = fake(models=["m"])
    gateway = rocket({"backends": [backend("a", slow.url)], "hedge": {"on": False}})
    for _ in range(20):
        with gateway.connect() as connection:
            body = chat("m", fake={"head_delay_ms": 3000})
            connection.send(request_bytes("POST", "/v1/chat/completions", body))
            wait_until("it is asked", lambda: gateway.in_flight() == 1)
        wait_until("the upstream is closed", lambda: gateway.in_flight() == 0)
    assert breaker_or_verdict(gateway, "a/0") == ("closed", "healthy")
    assert gateway.chat(chat("m")).status == 200
    assert {line["outcome"] for line in gateway.access_lines(21)[:20]} == {"cancelled"}


def answers_from(gateway: Gateway, endpoint: str, stream: bool) -> bool:
    seen = send_load(gateway, 0.2, stream=stream)
    assert not seen.lost, seen.lost[:3]
    return endpoint in seen.answered_by()


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

    # Whatever the time until the next probe.
    assert breakers() == [2, 0]
