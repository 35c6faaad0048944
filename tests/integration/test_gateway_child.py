"""What keeps a replica's gateway alive: `rocket_ray.gateway_child`, without Ray."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.gateway import backend, binary
from harness.processes import descriptors, has_ended
from harness.waiting import wait_until
from harness.wire import RawConnection, call, chat, request_bytes

PACKAGES = Path(__file__).parents[2] / "python"
sys.path.insert(0, str(PACKAGES))

from rocket_ray import load  # noqa: E402
from rocket_ray.admin_client import AddressTaken, ConfigRefused  # noqa: E402
from rocket_ray.child_environment import ALWAYS, child_environment  # noqa: E402
from rocket_ray.child_log import ChildLog  # noqa: E402
from rocket_ray.gateway_child import ChildUnavailable, GatewayChild, Patience  # noqa: E402
from rocket_ray.metrics_text import samples  # noqa: E402

LOGGER = logging.getLogger("gateway_child")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Hosted:
    """A child with a port that it keeps over its restarts."""

    def __init__(self, child: GatewayChild, upstream: str):
        self.child = child
        self.port = free_port()
        self.upstream = upstream
        self.configure()

    def configure(self, name: str = "a", **more) -> int:
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "health": {"interval": "200ms"},
            "backends": [backend(name, self.upstream)],
            **more,
        }
        return self.child.configure(json.dumps(config))

    def answers(self) -> bool:
        try:
            return (
                call(self.port, "POST", "/v1/chat/completions", chat("m"), timeout=5).status == 200
            )
        except OSError:
            return False

    def wait(self) -> None:
        wait_until("the gateway answers", self.answers)

    def seconds_without(self, deed: Callable[[], object]) -> float:
        """How long nobody could connect after the deed: the longest time between two that could."""
        seen = threading.Event()
        longest = 0.0
        last = time.perf_counter()
        deed()
        end = last + 3
        while time.perf_counter() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            # Reset: it has died with the connection in its queue; timed out: with half of it.
            except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
                seen.set()
                continue
            now = time.perf_counter()
            longest = max(longest, now - last)
            last = now
            if seen.is_set():
                break
        assert seen.is_set(), "nobody was ever refused: has it died at all?"
        return longest


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., GatewayChild]]:
    started: list[GatewayChild] = []

    def start(program: str = "", **patience) -> GatewayChild:
        child = GatewayChild(
            program or str(binary()),
            child_environment(os.environ, []),
            ChildLog(tmp_path / "logs", f"gateway-{len(started)}"),
            logger=LOGGER,
            patience=Patience(**patience),
        )
        started.append(child)
        child.start()
        return child

    yield start
    for child in started:
        child.kill()
        assert child.ended(10), "a child outlives its host"


@pytest.fixture
def hosted(start_child, fake) -> Hosted:
    found = Hosted(start_child(), fake(models=["m"]).url)
    found.wait()
    return found


def test_a_killed_child_is_back_at_once_with_its_last_configuration(hosted) -> None:
    hosted.configure("last")
    hosted.wait()
    times = []
    for _ in range(5):
        pid = hosted.child.pid
        times.append(hosted.seconds_without(lambda pid=pid: os.kill(pid, signal.SIGKILL)))
        wait_until("another one has come", lambda pid=pid: hosted.child.pid != pid)
        hosted.wait()
        answer = call(hosted.port, "POST", "/v1/chat/completions", chat("m"))
        assert answer.header("x-rocket-backend") == "last"
        # Sound lives are what no pause is for; the test does not want to wait for five of them.
        hosted.child._pace.early_deaths = 0
    print(f"back after {[round(1000 * each) for each in times]} ms")
    assert min(times) < 0.1, times
    assert hosted.child.restarts == 5
    assert hosted.child.trouble() is None


def test_a_stopped_child_is_killed_and_replaced(hosted) -> None:
    pid = hosted.child.pid
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    wait_until("another one has come", lambda: hosted.child.pid != pid, seconds=10)
    assert time.monotonic() - start > 1.5, "a gateway that is slow for a moment is no hung one"
    hosted.wait()
    assert hosted.child.trouble() is None


def test_what_keeps_dying_is_started_ever_later_and_makes_the_replica_sick(
    start_child, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\necho x >> {starts}\necho 'no library' >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(ChildUnavailable, match="no library"):
        start_child(str(broken), start=2.0)
    assert 3 <= len(starts.read_text().split()) <= 10


def test_a_program_that_is_not_there_is_named(start_child, tmp_path: Path) -> None:
    with pytest.raises(ChildUnavailable, match="nowhere"):
        start_child(str(tmp_path / "nowhere"), start=0.5)


def test_a_refused_configuration_changes_nothing(hosted) -> None:
    pid = hosted.child.pid
    with pytest.raises(ConfigRefused, match=r"backends\[0\]\.urls\[0\]: .*; "):
        hosted.child.configure(json.dumps({"backends": [backend("a", "ftp://x")]}))
    assert hosted.answers() and hosted.child.pid == pid
    os.kill(pid, signal.SIGKILL)
    wait_until("another one has come", lambda: hosted.child.pid != pid)
    hosted.wait()


def test_a_port_that_is_taken_is_the_configuration_s_error(start_child, fake) -> None:
    child = start_child()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = {
            "listen": f"127.0.0.1:{taken.getsockname()[1]}",
            "backends": [backend("a", fake().url)],
        }
        with pytest.raises(AddressTaken, match="listen"):
            child.configure(json.dumps(config))
    assert child.configure(json.dumps(config)) == 1


def test_configurations_and_deaths_at_once(hosted) -> None:
    """The last one that was taken is in force in the end, whoever died meanwhile."""
    over = threading.Event()

    def kill_again_and_again() -> None:
        while not over.wait(0.05):
            try:
                os.kill(hosted.child.pid, signal.SIGKILL)
            except (ProcessLookupError, TypeError):
                pass

    killer = threading.Thread(target=kill_again_and_again)
    killer.start()
    try:
        for number in range(10):
            hosted.configure(f"b{number}")
    finally:
        over.set()
        killer.join()
    hosted.wait()
    answer = call(hosted.port, "POST", "/v1/chat/completions", chat("m"))
    assert answer.header("x-rocket-backend") == "b9"


def test_it_drains(hosted, fake) -> None:
    hosted.upstream = fake(models=["slow"], tokens=20, event_delay_ms=50).url
    hosted.configure("slow")
    wait_until(
        "it knows the model", lambda: b'"slow"' in call(hosted.port, "GET", "/v1/models").body
    )
    with RawConnection(hosted.port) as connection:
        body = chat("slow", stream=True)
        connection.send(request_bytes("POST", "/v1/chat/completions", body))
        connection.read_head()
        hosted.child.lame_duck()
        assert call(hosted.port, "GET", "/-/healthz").status == 503
        assert call(hosted.port, "GET", "/livez").status == 200
        hosted.child.drain()
        said = b""
        while line := connection.read_line():
            said += line
    assert b"[DONE]" in said
    assert hosted.child.ended(5)
    assert hosted.child.restarts == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", hosted.port), 1)


def test_nothing_of_its_host_is_inherited(start_child, monkeypatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        child = start_child()
        found = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
        names = {each.partition(b"=")[0].decode() for each in found if each}
        assert names <= set(ALWAYS), names
        pipe = f"pipe:[{os.fstat(writing).st_ino}]"
        opened = descriptors(child.pid)
        assert opened and pipe not in opened.values()
    finally:
        os.close(reading)
        os.close(writing)


HOST = """
import json, logging, os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from rocket_ray.child_environment import child_environment
from rocket_ray.child_log import ChildLog
from rocket_ray.gateway_child import GatewayChild
log = ChildLog(Path(sys.argv[3]), "g")
environment = child_environment(os.environ, [])
child = GatewayChild(sys.argv[2], environment, log, logger=logging.getLogger("host"))
child.start()
child.configure(sys.argv[4])
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_killed_host_leaves_no_gateway_and_no_port(tmp_path: Path, fake, stopped: bool) -> None:
    port = free_port()
    config = json.dumps({"listen": f"127.0.0.1:{port}", "backends": [backend("a", fake().url)]})
    with subprocess.Popen(
        [sys.executable, "-B", "-c", HOST, PACKAGES, binary(), tmp_path, config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        child = int(host.stdout.readline())
        if stopped:
            os.kill(child, signal.SIGSTOP)
        host.kill()
        host.wait()
    wait_until("the gateway is gone", lambda: has_ended(child), seconds=5)
    socket.create_server(("127.0.0.1", port)).close()


def test_its_load_is_read_from_its_metrics(hosted) -> None:
    def read() -> load.Reading:
        return load.read(samples(hosted.child.metrics()), time.monotonic())

    before = read()
    assert before.loops == 1
    assert all(hosted.answers() for _ in range(20))
    found = load.between(before, read())
    assert 0 < found.utilisation <= 1
    assert load.Load(utilisation=found.utilisation) == found, "nobody waits or is asked any more"


def test_logs_do_not_grow_without_end(tmp_path: Path) -> None:
    log = ChildLog(tmp_path, "g")
    out, err = log.open()
    os.write(out, b"x" * 1000)
    log.trim(bytes_max=999)
    os.write(out, b"after\n")
    os.write(err, b"said\n")
    os.close(out)
    os.close(err)
    assert log.access.read_bytes() == b"after\n"
    assert (tmp_path / "g.access.log.1").stat().st_size == 1000
    assert log.tail() == "said"
