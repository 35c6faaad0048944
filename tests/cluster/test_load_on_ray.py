"""Ten people who chat with prod on a Ray cluster, over scripted and over real model servers, of
which one is killed in the midst: every bound of tests/load/thresholds.json is kept."""

import itertools
import json
import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.pods import LAN_ADDRESS
from dev.ray import forward
from harness.emulated_bed import EmulatedBed
from harness.engines import place, start_llama_server
from harness.gateway import backend
from harness.traffic import Outcome
from harness.waiting import elapse, wait_until
from harness.wire import chat

pytestmark = pytest.mark.cluster

LOAD = Path(__file__).parents[1] / "load"
BOUNDS = json.loads((LOAD / "thresholds.json").read_text())["asked_for"]


@dataclass
class Servers:
    """Two that have the same model."""

    urls: list[str]
    model: str
    kill_one: Callable[[], None]
    longest_question: int = 10_000


@contextmanager
def scripted(prod: EmulatedBed, folder: Path) -> Iterator[Servers]:
    first, second = (prod.start_fake("m", event_delay_ms=5) for _ in range(2))
    yield Servers([first.url, second.url], "m", lambda: prod.inside(first.kill))


@contextmanager
def real(prod: EmulatedBed, folder: Path) -> Iterator[Servers]:
    """Of a model that is small enough for ten people on a small machine: the engine is what is
    real about it. It reads bytes, and 2,048 of them."""
    engines = [start_llama_server(folder, model="tiny", alias="tiny") for _ in range(2)]
    try:
        for each in engines:
            forward(prod.network, "out", f"{LAN_ADDRESS}:{each.port}", f"127.0.0.1:{each.port}")
        urls = [f"http://{LAN_ADDRESS}:{each.port}" for each in engines]
        yield Servers(urls, "tiny", engines[0].program.kill, 1000)
    finally:
        for each in engines:
            each.program.stop()


@contextmanager
def people(
    prod: EmulatedBed, servers: Servers, seconds: float, folder: Path
) -> Iterator[subprocess.Popen]:
    command = [place("ROCKET_LOCUST"), "-m", "locust", "-f", LOAD / "locustfile.py", "--headless"]
    command += ["--host", f"http://127.0.0.1:{prod.emulated.ports.gateway}", "--only-summary"]
    variables = {
        "ROCKET_KEY": prod.headers["authorization"].removeprefix("Bearer "),
        "ROCKET_MODEL": servers.model,
        "ROCKET_LONGEST_QUESTION": str(servers.longest_question),
        "ROCKET_REPORT": str(folder / "figures.json"),
    }
    with open(folder / "locust.log", "wb") as log:
        running = subprocess.Popen(
            [*map(str, command), "-t", f"{seconds}s"],
            env={**os.environ, **variables},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield running
    finally:
        running.kill()
        running.wait(10)


def longest_break(outcomes: list[Outcome], since: float) -> float:
    """The longest time without an answer that was good."""
    good = (each.ended for each in outcomes if not each.fault)
    ends = [since, *sorted(end for end in good if end > since)]
    breaks = (after - before for before, after in itertools.pairwise(ends))
    return max(breaks, default=math.inf)


class WorkerMemory:
    """What a worker has held at most, whenever it was looked at."""

    def __init__(self, prod: EmulatedBed):
        self._groups = [prod.emulated.group(pod.name) for pod in prod.worker_pods()]
        self.most = 0

    def look(self) -> None:
        self.most = max(self.most, *(each.held() for each in self._groups))


@pytest.mark.parametrize("seconds", [20, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize("over", [scripted, real], ids=["scripted servers", "llama-servers"])
def test_ten_people_are_served_within_the_bounds(
    prod: EmulatedBed, tmp_path: Path, over: Callable, seconds: int
) -> None:
    with over(prod, tmp_path) as servers:
        prod.emulated.configure([backend("servers", servers.urls)])
        model = servers.model
        wait_until("it is there", lambda: prod.everywhere(lambda pod: prod.answers(pod, model)), 60)
        memory = WorkerMemory(prod)
        body = {**chat(model), "max_tokens": 4}
        with (
            people(prod, servers, seconds, tmp_path) as running,
            prod.traffic(clients=2, pause=0.05, body=body) as beside,
        ):
            half = time.monotonic() + seconds / 2
            at = 0.0
            while running.poll() is None:
                elapse(0.5)
                memory.look()
                if not at and time.monotonic() >= half:
                    at = time.monotonic()
                    servers.kill_one()
        said = (tmp_path / "locust.log").read_text()
        failover = longest_break(beside.outcomes, at)
    found = json.loads((tmp_path / "figures.json").read_text())
    print(
        f"{seconds} s: {found}; one of two servers killed: no answer for {failover:.2f} s, "
        f"{len(beside.failed())} of {len(beside.outcomes)} failed beside; "
        f"a worker held {memory.most >> 20} MiB at most"
    )
    assert running.returncode == 0, said
    assert at and failover < BOUNDS["failover_s"]
    assert len(beside.failed()) <= BOUNDS["error_ratio"] * len(beside.outcomes), beside.failed()
    assert memory.most < BOUNDS["worker_bytes"]
