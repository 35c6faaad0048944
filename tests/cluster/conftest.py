"""One Ray cluster for all tests of this folder: it takes half a minute to start."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from harness.engines import place  # noqa: E402
from harness.ray_bed import RayBed, remove_leftovers  # noqa: E402
from harness.waiting import wait_until  # noqa: E402

WORKERS = 2


@pytest.fixture(scope="session")
def ray_bed(tmp_path_factory) -> Iterator[RayBed]:
    place("ROCKET_RAY_PYTHON")
    remove_leftovers()
    bed = RayBed(tmp_path_factory.mktemp("ray"), WORKERS)
    # Whoever ends the run with a signal ends the pods, too.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    try:
        bed.start()
        yield bed
    finally:
        bed.stop()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def bed(ray_bed: RayBed) -> RayBed:
    """With the gateway on both workers, as every test begins."""
    for number in range(1, WORKERS + 1):
        pod = ray_bed.network.pods.get(f"worker-{number}")
        if pod is None or not pod.running():
            ray_bed.cluster.start_worker(number)
    ray_bed.cluster.wait_for_nodes(1 + WORKERS)
    ray_bed.deploy()
    wait_until("each worker has a gateway", lambda: len(ray_bed.serving()) == WORKERS, 120)
    ray_bed.deployed()
    return ray_bed
