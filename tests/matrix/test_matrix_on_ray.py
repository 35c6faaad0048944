"""The bot as a Ray Serve application, on a real Ray of one node."""

import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bot_program import PACKAGES

from harness.engines import place
from harness.gateway import backend
from harness.waiting import wait_until

pytestmark = pytest.mark.cluster

ROOT = PACKAGES.parent
TOKEN = secrets.token_hex(32)
SLOW = "fake: " + json.dumps({"tokens": 60, "event_delay_ms": 100})
SHORT = "fake: " + json.dumps({"tokens": 2})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Application:
    """ray_application.py, driven."""

    def __init__(self, folder: Path, arguments: dict):
        folder.mkdir()
        self._heard: dict[str, int] = {}  # of each kind of line, how many
        self._out, self._err = folder / "out", folder / "err"
        # Ray's sockets have paths of at most 107 bytes.
        self._short = Path("/tmp") / f"rt{os.getpid()}{secrets.token_hex(2)}"
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self._popen = subprocess.Popen(
                [
                    place("ROCKET_RAY_PYTHON"),
                    Path(__file__).with_name("ray_application.py"),
                    json.dumps({**arguments, "folder": str(self._short)}),
                ],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": f"{ROOT}:{PACKAGES}",
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "RAY_AUTH_MODE": "token",
                    "RAY_AUTH_TOKEN": TOKEN,
                    "RAY_USAGE_STATS_ENABLED": "0",
                    "RAY_agent_register_timeout_ms": "120000",
                },
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                process_group=0,
            )

    def told(self, member: str, seconds: float = 180) -> dict:
        """Waits for the next line that has it."""
        heard = self._heard.get(member, 0)

        def more() -> list[dict]:
            ended = self._popen.poll() is not None
            found = self._lines(member)[heard:]
            assert found or not ended, self._err.read_text()[-3000:]
            return found

        self._heard[member] = heard + 1
        return wait_until(f"it tells {member}", more, seconds=seconds)[0]

    def ask(self, order: str, member: str) -> dict:
        self._popen.stdin.write(order.encode() + b"\n")
        self._popen.stdin.flush()
        return self.told(member)

    def end(self) -> None:
        """Takes the application away, and Ray."""
        self._popen.stdin.close()
        self._popen.wait(90)

    def close(self) -> None:
        if self._popen.poll() is None:
            self._popen.stdin.close()
            try:
                self._popen.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", self._short], check=True)

    def _lines(self, member: str) -> list[dict]:
        """Ray's own words stand between them."""
        lines = self._out.read_text().splitlines(keepends=True)
        told = [json.loads(x) for x in lines if x.startswith("{") and x.endswith("\n")]
        return [each for each in told if member in each]


@pytest.fixture
def on_ray(tmp_path: Path) -> Iterator[Callable[..., Application]]:
    """`on_ray(arguments)`: the application with these `args`, on a Ray of its own."""
    started: list[Application] = []

    def start(arguments: dict) -> Application:
        started.append(Application(tmp_path / f"ray-{len(started)}", arguments))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()


def test_one_replica_that_answers(
    synapse, person, rocket, fake, on_ray, bot_python: Path, tmp_path: Path
) -> None:
    gateway = rocket({"backends": [backend("fakes", fake().url)]})
    gateway.wait_for_models("m")
    alice, account = person(synapse, "alice"), person(synapse, "rocket")
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(account.token)
    config = {
        "homeserver": synapse.url,
        "user_id": account.user_id,
        "access_token_file": "token",
        "rocket_url": gateway.url,
        "users": ["@*:localhost"],
        "listen": f"127.0.0.1:{free_port()}",
        "store": "store",
    }
    (tmp_path / "matrix.yaml").write_text(json.dumps(config))
    arguments = {"config": str(tmp_path / "matrix.yaml"), "python": str(bot_python)}
    application = on_ray({**arguments, "log_folder": str(tmp_path / "logs")})
    assert application.told("running")["running"] == "RUNNING"

    def well() -> dict | None:
        found = application.ask("health", "health")
        return found if found["health"]["status"] == "ok" else None

    found = wait_until("the bot has synced", well, seconds=60)
    assert found["replicas"] == {"RUNNING": 1}
    pid = found["health"]["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert TOKEN.encode() not in environment and b"RAY_" not in environment

    room = alice.room(account.user_id, direct=True)
    assert alice.answer(alice.say(room, SHORT)).body.startswith("[fakes] word0 word1")

    # The bot is killed under an answer: its parent starts another, which goes on with it.
    slow = alice.say(room, SLOW)
    alice.until("it grows", lambda: alice.answers(slow))
    os.kill(pid, signal.SIGKILL)
    assert "60 tokens" in alice.answer(slow, seconds=60).body
    found = wait_until("there is another", well, seconds=60)
    assert found["health"]["restarts"] == 1 and found["health"]["pid"] != pid
    pid = found["health"]["pid"]

    # The replica is killed: the bot dies with it, and Serve starts others.
    slow = alice.say(room, SLOW)
    alice.until("it grows", lambda: alice.answers(slow))
    os.kill(_parent(pid), signal.SIGKILL)
    wait_until("the bot has died, too", lambda: not Path(f"/proc/{pid}").exists(), seconds=5)
    # Where others use the processors, too, Ray takes its time to start a process.
    assert "60 tokens" in alice.answer(slow, seconds=240).body
    assert len(alice.answers(slow)) == 1

    # Taken away, it leaves nothing.
    pid = wait_until("it is well again", well, seconds=90)["health"]["pid"]
    application.end()
    assert not Path(f"/proc/{pid}").exists()
    assert application.told("deleted")["deleted"] < 30


def test_a_bad_configuration_is_told(on_ray, bot_python: Path, tmp_path: Path) -> None:
    (tmp_path / "matrix.yaml").write_text("homesever: x\n")
    arguments = {"config": str(tmp_path / "matrix.yaml"), "python": str(bot_python)}
    refused = on_ray(arguments).told("refused")["refused"]
    assert "homesever: unknown setting; did you mean homeserver?" in refused


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
