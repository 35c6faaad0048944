"""How much one gateway has to do, out of two readings of its metrics."""

from collections.abc import Iterable
from dataclasses import dataclass

from rocket_ray.metrics_text import Sample

# Batch work waits by design: it fills what the others leave.
LANES_THAT_COUNT = ("interactive", "normal")


@dataclass(frozen=True)
class Load:
    """`ongoing`: requests at backends and requests that wait. `queue_wait_s`: how long those that
    began lately had waited. `utilisation`: of its event loops, 1.0 where none ever waits."""

    ongoing: float = 0.0
    queue_wait_s: float = 0.0
    utilisation: float = 0.0


@dataclass(frozen=True)
class Reading:
    """The counts at one moment, `at` seconds of a monotonic clock."""

    at: float
    ongoing: float = 0.0
    waits: float = 0.0
    waited_s: float = 0.0
    busy_s: float = 0.0  # of all loops together
    loops: int = 0


def read(samples: Iterable[Sample], at: float) -> Reading:
    sums = {"ongoing": 0.0, "waits": 0.0, "waited_s": 0.0, "busy_s": 0.0}
    loops = 0
    for sample in samples:
        counts = sample.labels.get("lane") in LANES_THAT_COUNT
        match sample.name:
            case "rocket_in_flight":
                sums["ongoing"] += sample.value
            case "rocket_queue_depth" if counts:
                sums["ongoing"] += sample.value
            case "rocket_queue_wait_seconds_count" if counts:
                sums["waits"] += sample.value
            case "rocket_queue_wait_seconds_sum" if counts:
                sums["waited_s"] += sample.value
            case "rocket_loop_busy_seconds_total":
                sums["busy_s"] += sample.value
                loops += 1
    return Reading(at, **sums, loops=loops)


def between(before: Reading | None, now: Reading) -> Load:
    """What has gone on since `before`; counts that have gone back are those of a new process."""
    if before is None or now.busy_s < before.busy_s or now.waits < before.waits:
        return Load(ongoing=now.ongoing)
    waits = now.waits - before.waits
    passed = (now.at - before.at) * now.loops
    return Load(
        ongoing=now.ongoing,
        queue_wait_s=(now.waited_s - before.waited_s) / waits if waits else 0.0,
        utilisation=(now.busy_s - before.busy_s) / passed if passed > 0 else 0.0,
    )
