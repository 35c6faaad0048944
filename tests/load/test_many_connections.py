"""Many clients that do little: what one of them costs, and that nothing of it is left."""

import json
import resource

import pytest

from harness import gateway as serving
from harness.gateway import Gateway, backend
from harness.program import Program
from harness.waiting import wait_until
from harness.wire import chat

KIBI = 1024


@pytest.fixture
def program(tmp_path):
    """`program(name, options)`: one of those that are built beside the gateway."""
    started: list[Program] = []

    def start(name: str, *options: object) -> Program:
        binary = serving.binary().parent / name
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        words = [str(option) for option in options]
        started.append(Program([binary, *words], tmp_path / name, descriptors=hard))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.stop()


def port_of(upstream: Program) -> int:
    return json.loads(upstream.line('"port"'))["port"]


def warm(gateway: Gateway, model: str) -> None:
    """What a process takes once, whatever comes."""
    gateway.wait_for_models(model)
    for _ in range(64):
        assert gateway.chat(chat("small")).status == 200


def need_descriptors(connections: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < connections * 4 // 3 + 100:
        pytest.skip(f"{connections} connections need more descriptors: ulimit -Hn is {hard}")


def test_ten_thousand_idle_connections(rocket, program) -> None:
    connections = 10_000
    need_descriptors(connections)
    upstream = port_of(program("bench_upstream"))
    gateway = rocket({"backends": [backend("a", f"http://127.0.0.1:{upstream}")]})
    warm(gateway, "small")
    assert "limits.connections" not in gateway.program.err()
    before, descriptors = gateway.program.rss_bytes(), gateway.program.descriptors()
    # One place stays for those who look.
    client = program(
        *("bench_client", "--port", gateway.port, "--model", "small", "--hold"),
        *("--connections", connections - 1),
    )
    client.line('"held"', seconds=60)
    each = (gateway.program.rss_bytes() - before) / connections
    assert gateway.program.descriptors() >= connections
    assert gateway.chat(chat("small")).status == 200
    assert each <= 4 * KIBI, each
    client.stop()
    assert json.loads(client.line('"requests"'))["errors"] == 0
    wait_until(
        "all are closed", lambda: gateway.program.descriptors() <= descriptors + 8, seconds=30
    )
    assert gateway.chat(chat("small")).status == 200
    after = wait_until(
        "the memory is given back",
        lambda: (now := gateway.program.rss_bytes()) <= before + 2048 * KIBI and now,
    )
    print(f"{each:.0f} bytes each; {before / KIBI:.0f} KiB before, {after / KIBI:.0f} after")


def stream_slowly(rocket, program, streams: int, seconds: int) -> None:
    need_descriptors(2 * streams)
    upstream = port_of(program("bench_upstream", "--slow-events", seconds))
    gateway = rocket(
        {"backends": [backend("a", f"http://127.0.0.1:{upstream}")]}
        | {"limits": {"in_flight_per_endpoint": 10_000}}
        | {"timeouts": {"total": f"{seconds + 120}s"}}
    )
    warm(gateway, "slow")
    before = gateway.program.rss_bytes()
    client = program(
        *("bench_client", "--port", gateway.port, "--model", "slow", "--stream"),
        *("--connections", streams, "--seconds", 10),
    )
    wait_until("all have begun", lambda: gateway.in_flight() == streams, seconds=10)
    most = 0

    def ended() -> bool:
        nonlocal most
        if gateway.in_flight() == streams:
            most = max(most, gateway.program.rss_bytes())
        return not client.running()

    wait_until("all have ended", ended, seconds=seconds + 60)
    told = json.loads(client.line('"requests"'))
    each = (most - before) / streams
    print(f"{each:.0f} bytes per stream; {told}")
    assert (told["requests"], told["errors"]) == (streams, 0)
    assert told["events"] == streams * seconds
    # However many there are: what only the first ones made the gateway get.
    once = 256 * KIBI
    assert most - before <= streams * 12 * KIBI + once
    assert gateway.samples("rocket_requests_total")
    wait_until("nothing is in flight", lambda: gateway.in_flight() == 0)


def test_500_streams_of_an_event_a_second_are_all_whole(rocket, program) -> None:
    stream_slowly(rocket, program, 500, 20)


@pytest.mark.long
def test_2000_streams_of_an_event_a_second_are_all_whole_after_ten_minutes(rocket, program) -> None:
    stream_slowly(rocket, program, 2000, 600)
