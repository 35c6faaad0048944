"""The clusters of this folder's tests, one at a time: each takes half a minute to start."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from harness.bed import remove_leftovers  # noqa: E402
from harness.emulated_bed import EmulatedBed  # noqa: E402
from harness.engines import place  # noqa: E402
from harness.ray_bed import RayBed  # noqa: E402
from harness.waiting import wait_until  # noqa: E402

WORKERS = 2
MAKERS: dict[str, Callable[[Path], RayBed | EmulatedBed]] = {
    "ray": lambda folder: RayBed(folder, WORKERS),
    "prod": lambda folder: EmulatedBed(folder, "prod"),
    "dev": lambda folder: EmulatedBed(folder, "dev"),
}


class Beds:
    """Two of them at once starve each other on a small machine: whoever asks for another one ends
    the one before."""

    def __init__(self, folders: pytest.TempPathFactory):
        self._folders = folders
        self._kind = ""
        self._bed: RayBed | EmulatedBed | None = None

    def get(self, kind: str) -> RayBed | EmulatedBed:
        if self._bed is None or self._kind != kind:
            self.end()
            self._bed = MAKERS[kind](self._folders.mktemp(kind))
            self._bed.start()
            self._kind = kind
        return self._bed

    def end(self) -> None:
        bed, self._bed, self._kind = self._bed, None, ""
        if bed:
            bed.stop()


@pytest.fixture(scope="session")
def beds(tmp_path_factory) -> Iterator[Beds]:
    place("ROCKET_RAY_PYTHON")
    remove_leftovers()
    found = Beds(tmp_path_factory)
    # Whoever ends the run with a signal ends the pods, too.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    try:
        yield found
    finally:
        found.end()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def bed(beds: Beds) -> RayBed:
    """With the gateway on both workers, as every test begins."""
    ray_bed = beds.get("ray")
    for number in range(1, WORKERS + 1):
        pod = ray_bed.network.pods.get(f"worker-{number}")
        if pod is None or not pod.running():
            ray_bed.cluster.start_worker(number)
    ray_bed.cluster.wait_for_nodes(1 + WORKERS)
    ray_bed.deploy()
    wait_until("each worker has a gateway", lambda: len(ray_bed.serving()) == WORKERS, 120)
    ray_bed.deployed()
    return ray_bed


@pytest.fixture
def prod(beds: Beds) -> EmulatedBed:
    """As `./dev cluster up` leaves it."""
    found = beds.get("prod")
    found.restore()
    return found
