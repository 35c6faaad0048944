"""The load of locustfile.py against its bounds, briefly."""

import http.server
import json
import os
import subprocess
import threading
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


def test_a_gateway_that_answers_nobody_any_more_is_told(
    rocket: Callable[..., Gateway], fake: Callable[..., Fake], tmp_path: Path
) -> None:
    """Nobody's request fails before the end: all of them wait for theirs."""
    server = fake(fault="hang_before_head", fault_on_signal=True)
    gateway = gateway_of(rocket, server.url)
    timer = threading.Timer(6, server.switch_fault)
    timer.start()
    try:
        code, found = load(gateway.url, tmp_path, "-t", "14s", ROCKET_MODEL="m")
    finally:
        timer.cancel()
    assert code == 1
    assert found["error_ratio"] == 0 and found["requests"] > 20, found
    assert any(each.startswith("failover_s is ") for each in found["broken"]), found


class Nonsense(http.server.BaseHTTPRequestHandler):
    """What is no answer, with status 200."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = b"data: [DONE]\n\n" if body["stream"] else b'{"error": {"message": "no"}}'
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments) -> None:
        pass


def test_a_200_that_says_nothing_is_no_answer(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        code, found = load(url, tmp_path, "-t", "6s")
        server.shutdown()
    assert code == 1 and found["requests"] > 20
    assert found["error_ratio"] == 1, found


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
