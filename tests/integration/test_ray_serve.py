"""test_ray_serve.sh, which operators run against a cluster, over two scripted backends; and that it
notices what it is there to notice."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import fake as fakes
from harness.fake import Fake
from harness.gateway import Gateway, backend

SCRIPT = Path(__file__).with_suffix(".sh")


@pytest.fixture
def stage(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> Iterator[dict[str, str]]:
    """A gateway before two backends, and the script's variables."""
    first, second = fake(), fake()
    gateway = rocket(
        {
            "backends": [backend("second", second.url), backend("first", first.url)],
            "order": ["first", "second"],
            "breaker": {"open": "1s"},
        }
    )
    gateway.wait_for_models("m")
    pid = tmp_path / "pid"
    again = f"'{fakes.binary()}' --models m --port {first.port}"
    yield {
        "ROCKET_URL": gateway.url,
        "MODEL": "m",
        "FIRST": "first",
        "SECOND": "second",
        "STOP": f"kill -9 {first.program.pid}",
        "START": f"{again} >'{tmp_path}/again.log' 2>&1 & echo $! >'{pid}'",
        "RETURN_S": "30",
    }
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGKILL)


def run(stage: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT],
        env={**os.environ, **stage},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_hint_order_failover_and_return(stage: dict[str, str]) -> None:
    done = run(stage)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("9 passed, 0 failed\n")


WRONG = {
    "the order is another": {"FIRST": "second", "SECOND": "first", "RETURN_S": "1"},
    "the first does not stop": {"STOP": "true", "FAILOVER_S": "1"},
    "the first does not come back": {"START": "true", "RETURN_S": "1"},
    "nobody has the model": {"MODEL": "nobody-has-it", "FAILOVER_S": "1", "RETURN_S": "1"},
    "nobody listens": {"ROCKET_URL": "http://127.0.0.1:1", "FAILOVER_S": "1", "RETURN_S": "1"},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_noticed(stage: dict[str, str], what: str) -> None:
    done = run({**stage, **WRONG[what]})
    assert done.returncode != 0 and "not ok: " in done.stdout, done.stdout + done.stderr
