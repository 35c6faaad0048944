"""Who starts, who waits and who is turned away when endpoints have as much to do as they may."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from harness.gateway import Gateway, backend
from harness.keys import bearer, entry, write_keys
from harness.waiting import elapse, wait_until
from harness.wire import Answer, chat

SLACK = 1.0
ANSWER_SECONDS = 0.05


def ask(gateway: Gateway, lane: str | None = None, milliseconds: int = 50) -> tuple[Answer, float]:
    """An answer, and how long it took."""
    begun = time.monotonic()
    headers = {"x-rocket-lane": lane} if lane else {}
    answer = gateway.chat(chat("m", fake={"head_delay_ms": milliseconds}), headers=headers)
    return answer, time.monotonic() - begun


def ask_together(gateway: Gateway, count: int, **more) -> list[Answer]:
    with ThreadPoolExecutor(count) as pool:
        asked: list[Future] = [pool.submit(ask, gateway, **more) for _ in range(count)]
        return [each.result()[0] for each in asked]


@pytest.mark.parametrize("threads", [1, 4])
def test_an_endpoint_never_has_more_than_it_may(rocket, fake, threads: int) -> None:
    server = fake()
    gateway = rocket(
        {"backends": [backend("a", server.url)], "threads": threads}
        | {"limits": {"in_flight_per_endpoint": 3}, "hedge": {"on": False}}
    )
    answers = ask_together(gateway, 30)
    assert {each.status for each in answers} == {200}
    counted = server.stop()
    assert counted["requests"] == 30
    assert counted["in_flight_max"] <= 3
    waited = [line["queue_ms"] for line in gateway.access_lines(30)]
    assert sum(each > 0 for each in waited) >= 20
    depth = gateway.samples("rocket_queue_depth")
    assert set(depth.values()) == {0.0}
    assert gateway.samples("rocket_queue_wait_seconds_count")['{lane="interactive"}'] == 30


@pytest.mark.parametrize("limited", ["backend", "route"])
def test_a_backend_and_a_route_have_limits_of_their_own(rocket, fake, limited: str) -> None:
    servers = [fake(), fake()]
    urls = [each.url for each in servers]
    few = {"in_flight": 2}
    route = {"candidates": [{"backend": "a", "model": "m"}]}
    gateway = rocket(
        {"backends": [backend("a", urls, **(few if limited == "backend" else {}))]}
        | {"models": {"m": route | (few if limited == "route" else {})}}
        | {"hedge": {"on": False}}
    )
    answers = ask_together(gateway, 12)
    assert {each.status for each in answers} == {200}
    waited = [line["queue_ms"] for line in gateway.access_lines(12)]
    # Two at a time of 50 ms each: the last waits for five rounds.
    assert max(waited) >= 4 * 50
    assert sum(each.stop()["in_flight_max"] for each in servers) <= 4


def test_the_wait_ends_with_timeouts_queue(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "timeouts": {"queue": "1s"}}
        | {"limits": {"in_flight_per_endpoint": 1}}
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, gateway, milliseconds=4000)
        wait_until("the first is at the backend", lambda: gateway.in_flight() == 1)
        answer, seconds = ask(gateway)
        assert 1 <= seconds <= 1 + SLACK
        assert answer.status == 503
        assert answer.error()["code"] == "no_place"
        assert "timeouts.queue" in answer.error()["message"]
        assert int(answer.header("retry-after")) >= 1
        assert first.result()[0].status == 200


def test_beyond_the_queue_is_refused_at_once(rocket, fake) -> None:
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "lanes": {"interactive": {"queue": 2}}}
        | {"limits": {"in_flight_per_endpoint": 1}}
    )
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask, gateway, milliseconds=1000) for _ in range(3)]
        wait_until(
            "two wait",
            lambda: gateway.samples("rocket_queue_depth").get('{lane="interactive"}') == 2,
        )
        refused, seconds = ask(gateway)
        assert refused.status == 503
        assert "lanes.interactive.queue" in refused.error()["message"]
        assert int(refused.header("retry-after")) >= 1
        assert seconds < 0.1 + SLACK
        assert [each.result()[0].status for each in asked] == [200, 200, 200]


def test_a_key_that_floods_has_no_other_turned_away(rocket, fake, tmp_path) -> None:
    """Its requests fill the queue, and their wait is longer than anybody may wait."""
    keys = write_keys(tmp_path / "keys.yaml", entry("big", "rk-big"), entry("small", "rk-small"))
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "keys_file": str(keys)}
        | {"lanes": {"normal": {"queue": 12}}, "timeouts": {"queue": "2s"}}
        | {"limits": {"in_flight_per_endpoint": 1}, "hedge": {"on": False}}
    )

    def ask_as(key: str, body: dict) -> int:
        return gateway.chat(body, headers=bearer(key)).status

    body = chat("m", fake={"head_delay_ms": 300})
    with ThreadPoolExecutor(14) as pool:
        flooding = True

        def flood() -> set[int]:
            seen = set()
            while flooding:
                seen.add(status := ask_as("rk-big", body))
                if status != 200:
                    elapse(0.02)
            return seen

        flood_seen = [pool.submit(flood) for _ in range(14)]
        # Five requests wait as long as a request may; from then on it is known how long they do.
        wait_until("the flood is turned away", lambda: refused(gateway) > 20)
        small = [ask_as("rk-small", body) for _ in range(6)]
        flooding = False
        assert {200, 503} <= set().union(*(each.result() for each in flood_seen))
    assert small == [200] * 6


def refused(gateway: Gateway) -> float:
    requests = gateway.samples("rocket_requests_total")
    return sum(count for labels, count in requests.items() if 'code="503"' in labels)


def test_a_model_that_is_stuck_has_no_other_turned_away(rocket, fake) -> None:
    stuck, well = fake(models=["stuck"]), fake(models=["m"])
    gateway = rocket(
        {"backends": [backend("a", stuck.url), backend("b", well.url)]}
        | {"lanes": {"interactive": {"queue": 8}}, "hedge": {"on": False}}
        | {"limits": {"in_flight_per_endpoint": 1}}
    )
    with ThreadPoolExecutor(9) as pool:
        hang = chat("stuck", fake={"head_delay_ms": 3000})
        waits = [pool.submit(gateway.chat, hang) for _ in range(9)]
        wait_until("the queue is full", lambda: depth(gateway, "interactive") == 8)
        answers = ask_together(gateway, 4)
        assert {each.status for each in answers} == {200}
        assert gateway.chat(hang).status == 503
        gateway.kill()
        assert all(each.exception() for each in waits)


@pytest.mark.parametrize("lane", ["interactive", "normal", "batch"])
def test_the_access_log_names_the_lane(rocket, fake, lane: str) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    assert ask(gateway, lane)[0].status == 200
    assert gateway.access_lines(1)[0]["lane"] == lane


def test_an_unknown_lane_is_refused(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    answer, _ = ask(gateway, "urgent")
    assert answer.status == 400
    assert "x-rocket-lane" in answer.error()["message"]


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 95 // 100]


@pytest.mark.parametrize(
    "seconds", [6, pytest.param(30, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_a_flood_of_batch_work_does_not_hold_people_up(rocket, fake, seconds: int) -> None:
    places = 16
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "hedge": {"on": False}}
        | {"limits": {"in_flight_per_endpoint": places}}
    )

    def people() -> list[float]:
        took = []
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            answer, one = ask(gateway, "interactive")
            assert answer.status == 200
            took.append(one)
            elapse(0.01)
        return took

    alone = people()
    with ThreadPoolExecutor(2 * places) as pool:
        until = time.monotonic() + seconds

        def work() -> int:
            done = 0
            while time.monotonic() < until:
                done += ask(gateway, "batch")[0].status == 200
            return done

        flood = [pool.submit(work) for _ in range(2 * places)]
        wait_until("batch work waits", lambda: depth(gateway, "batch") > 0)
        beside = people()
        done = sum(each.result() for each in flood)
    # What waits for a place; the client's own share of this machine is not the gateway's doing.
    waited = [line["queue_ms"] for line in gateway.access_lines(1) if line["lane"] == "interactive"]
    assert p95(waited) <= 5
    assert done >= seconds / ANSWER_SECONDS * places / 4, "the flood did not flow"
    assert len(beside) >= len(alone) / 4


def depth(gateway: Gateway, lane: str) -> float:
    return gateway.samples("rocket_queue_depth").get(f'{{lane="{lane}"}}', 0.0)


def test_at_twice_what_it_can_do_it_does_as_much_as_ever(rocket, fake) -> None:
    """No work is done for nothing, and who is let in does not wait for ever."""
    places, seconds, patience = 4, 5.0, 0.5
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "hedge": {"on": False}}
        | {"limits": {"in_flight_per_endpoint": places}, "timeouts": {"queue": f"{patience}s"}}
    )
    with ThreadPoolExecutor(places) as pool:
        until = time.monotonic() + seconds / 2

        def work() -> int:
            done = 0
            while time.monotonic() < until:
                done += ask(gateway)[0].status == 200
            return done

        peak = sum(pool.map(lambda _: work(), range(places))) / (seconds / 2)
    with ThreadPoolExecutor(int(4 * peak * patience) + places) as pool:
        begun = time.monotonic()
        asked: list[Future] = []
        while (now := time.monotonic() - begun) < seconds:
            while len(asked) < 2 * peak * now:
                asked.append(pool.submit(ask, gateway))
            elapse(0.005)
        answers = [each.result() for each in asked]
        took = time.monotonic() - begun
    good = sorted(each for answer, each in answers if answer.status == 200)
    refused = [answer for answer, _ in answers if answer.status != 200]
    print(f"{peak:.0f}/s at most, {len(good) / took:.0f}/s of {len(asked) / took:.0f}/s asked")
    assert len(good) / took >= 0.9 * peak
    assert good[len(good) * 99 // 100] <= patience + ANSWER_SECONDS + SLACK / 4
    assert {answer.status for answer in refused} == {503}
    assert all(int(answer.header("retry-after")) >= 1 for answer in refused)
