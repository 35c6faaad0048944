"""Out of descriptors, out of threads: who is in is served or told so, who waits is served later,
nothing spins, and everything works again afterwards."""

import json
import resource
import select
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.gateway import Gateway, backend
from harness.waiting import elapse, wait_until
from harness.wire import RawConnection, chat, request_bytes

MEBI = 1024 * 1024
PING = request_bytes("GET", "/livez")
ASK = request_bytes("POST", "/v1/chat/completions", chat("m"))


def answered(connection: RawConnection) -> bool:
    """Whether an answer has begun to arrive."""
    return bool(select.select([connection.socket], [], [], 0)[0])


@contextmanager
def few_descriptors(gateway: Gateway, more: int) -> Iterator[None]:
    """It may open about so many more than it has open now, which changes; with 0 none at all."""
    soft, _ = resource.prlimit(gateway.program.pid, resource.RLIMIT_NOFILE)
    # A new descriptor is the lowest free number, and the lowest few are never free.
    most = gateway.program.descriptors() + more if more else 3
    gateway.program.limit_descriptors(most)
    yield
    gateway.program.limit_descriptors(soft)


def test_connections_wait_while_there_is_no_descriptor_for_them(rocket, fake) -> None:
    gateway = rocket({"backends": [backend("a", fake().url)]})
    with ExitStack() as stack:
        # The kernel completes their connections whether or not anybody accepts them.
        connections = [stack.enter_context(gateway.connect()) for _ in range(3)]
        for connection in connections:
            connection.send(PING)
            assert connection.read().status == 200
        with few_descriptors(gateway, 3):
            waiting = [stack.enter_context(gateway.connect()) for _ in range(20)]
            for connection in waiting:
                connection.send(PING)
            wait_until("some are accepted", lambda: any(map(answered, waiting)))
            before = gateway.program.cpu_seconds()
            elapse(2)
            # Of two seconds, less than half of one core: it does not ask again and again.
            assert gateway.program.cpu_seconds() - before < 1
            served = [connection for connection in waiting if answered(connection)]
            assert 1 <= len(served) <= 6
            # Those that have a place are served meanwhile.
            connections[0].send(PING)
            assert connections[0].read().status == 200
            # A descriptor that is given back goes to who waits.
            for connection in (*connections, *served):
                connection.close()
            rest = [connection for connection in waiting if connection not in served]
            wait_until("the next are accepted", lambda: any(map(answered, rest)))
        for connection in rest:
            assert connection.read().status == 200
    assert "unhealthy" not in gateway.program.err()


def test_without_a_descriptor_for_the_upstream_the_answer_is_503(rocket, fake) -> None:
    server = fake()
    # No idle connections: each request and each probe needs a new one.
    limits = {"idle_per_endpoint": 0}
    gateway = rocket({"backends": [backend("a", server.url)], "limits": limits})
    with gateway.connect() as connection:
        connection.send(ASK)
        assert connection.read().status == 200
        with few_descriptors(gateway, 0):
            for _ in range(3):
                connection.send(ASK)
                refused = connection.read()
                assert refused.status == 503, refused
                assert refused.error()["code"] == "overloaded"
                assert "descriptor" in refused.error()["message"]
                assert refused.header("retry-after")
            before = gateway.program.cpu_seconds()
            elapse(2)  # ten probes
            assert gateway.program.cpu_seconds() - before < 1
        connection.send(ASK)
        assert connection.read().status == 200
    blamed = [line["blame"] for line in gateway.access_lines(5)]
    assert blamed == ["none", "gateway", "gateway", "gateway", "none"]
    # Nothing was wrong with the backend, and nobody has said so.
    assert "unhealthy" not in gateway.program.err()


def test_the_limit_is_raised_as_far_as_it_may_be(rocket, fake) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = fake()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        gateway = rocket({"backends": [backend("a", server.url)], "limits": {"connections": 500}})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(gateway.program.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    assert "limits.connections" not in gateway.program.err()


def test_connections_leave_descriptors_for_the_backends(rocket, fake) -> None:
    """However many clients come, those that are in are answered; and the log says what is missing."""
    gateway = rocket(
        {"backends": [backend("a", fake().url)], "limits": {"connections": 1000}},
        descriptors=128,
    )
    told = json.loads(gateway.program.line("limits.connections"))
    assert told["level"] == "warn"
    assert told["descriptors"] == 128
    assert 32 <= told["connections"] <= 100
    with ExitStack() as stack:
        clients = [stack.enter_context(gateway.connect()) for _ in range(150)]
        for client in clients:
            client.send(PING)
        for client in clients[: told["connections"]]:
            assert client.read().status == 200
        assert not any(map(answered, clients[told["connections"] :]))
        # Everybody who came in sits there, and one of them still gets an answer from a backend.
        clients[0].send(ASK)
        assert clients[0].read().status == 200
    assert "unhealthy" not in gateway.program.err()


def test_a_log_that_may_not_grow_any_more_ends_nothing(rocket, fake) -> None:
    """A service's LimitFSIZE, a shell's ulimit -f: the kernel sends a signal for it."""
    gateway = rocket({"backends": [backend("a", fake().url)]})
    pid = gateway.program.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, hard))
    for _ in range(5):
        assert gateway.chat(chat("m")).status == 200
    wait_until("the log is full", lambda: len(gateway.program.out()) == 1000)
    assert gateway.chat(chat("m")).status == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert [line["status"] for line in gateway.access_lines(6)] == [200] * 6


def test_without_a_thread_to_resolve_a_name_the_answer_is_503(rocket, fake) -> None:
    """Names are looked up by a thread of their own, which starts with the first name."""
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    if stack != 8 * MEBI:
        pytest.skip("the size of a thread's stack is not the usual one: ulimit -s")
    server = fake()
    gateway = rocket({"backends": [backend("literal", server.url)]})
    by_name = backend("named", f"http://localhost:{server.port}", default_model="m")
    pages = int(Path(f"/proc/{gateway.program.pid}/statm").read_text().split()[0])
    # Room for what a request needs, and not for another stack.
    room = pages * resource.getpagesize() + 7 * MEBI
    old = resource.prlimit(gateway.program.pid, resource.RLIMIT_AS, (room, -1))
    gateway.write_config({"backends": [by_name]})
    gateway.program.send(signal.SIGHUP)
    wait_until("the name is configured", lambda: gateway.revision() == 2)
    refused = gateway.chat(chat())
    assert refused.status == 503, refused
    assert refused.error()["code"] == "overloaded"
    resource.prlimit(gateway.program.pid, resource.RLIMIT_AS, old)
    assert gateway.chat(chat()).status == 200
    assert "unhealthy" not in gateway.program.err()
