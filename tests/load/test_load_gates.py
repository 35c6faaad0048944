"""The load of locustfile.py against its bounds, briefly."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.engines import place
from harness.fake import Fake
from harness.gateway import Gateway, backend
from harness.waiting import wait_until

FOLDER = Path(__file__).parent
THRESHOLDS = json.loads((FOLDER / "thresholds.json").read_text())


def load(url: str, folder: Path, *options: str, **variables: str) -> tuple[int, dict]:
    """locust's exit code, and the figures."""
    report = folder / "figures.json"
    command = [place("ROCKET_LOCUST"), "-m", "locust", "-f", FOLDER / "locustfile.py"]
    command += ["--host", url, "--headless", "--only-summary", *options]
    done = subprocess.run(
        command,
        env={**os.environ, "ROCKET_REPORT": str(report), **variables},
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=900,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text())
    print(found)
    return done.returncode, found


def gateway_of(rocket: Callable[..., Gateway], *urls: str) -> Gateway:
    return rocket({"backends": [backend(f"b{i}", url) for i, url in enumerate(urls)]})


def test_ten_people_for_twenty_seconds(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> None:
    gateway = gateway_of(rocket, fake(event_delay_ms=2).url, fake(event_delay_ms=2).url)
    code, found = load(gateway.url, tmp_path, "-t", "20s", ROCKET_MODEL="m")
    assert code == 0, found
    assert found["requests"] > 200 and found["first_tokens"] > 100


def test_a_crowd_some_of_whom_hang_up(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> None:
    gateway = gateway_of(rocket, fake(event_delay_ms=2).url, fake(event_delay_ms=2).url)
    code, found = load(gateway.url, tmp_path, "-t", "12s", ROCKET_MODEL="m", ROCKET_PROFILE="hard")
    assert code == 0, found
    assert found["requests"] > 200 and found["first_tokens"] > 150
    lines = gateway.access_lines(200)
    assert sum(each["outcome"] == "cancelled" for each in lines) > 10
    wait_until("nothing is left", lambda: gateway.in_flight() == 0, seconds=10)


BROKEN = {
    # The first token of a stream comes after that, and its one word's end after as much again.
    "too slow": ({"event_delay_ms": 2100, "tokens": 1}, "first_token_p95_ms"),
    "too many errors": ({"fault": "status_500"}, "error_ratio"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_bounds_that_are_not_kept_are_told(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path, what: str
) -> None:
    script, bound = BROKEN[what]
    gateway = gateway_of(rocket, fake(**script).url)
    code, found = load(gateway.url, tmp_path, "-t", "12s", "-u", "4", "-r", "4", ROCKET_MODEL="m")
    assert code == 1
    assert any(each.startswith(bound) for each in found["broken"]), found
    # Slow answers are no errors, and the other way round.
    assert (found["error_ratio"] == 0) == (what == "too slow"), found
    assert (found["first_tokens"] > 0) == (what == "too slow"), found
