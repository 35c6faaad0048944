"""No growth: what a mixed load holds is the same after an hour as after a minute."""

import statistics

import pytest
from soak import Soak, sample, slope_per_hour

from harness.gateway import backend
from harness.waiting import wait_until

MEBI = 1024 * 1024


def soaked(rocket, fake, seconds: float) -> tuple[Soak, list[tuple[float, float, int]]]:
    """A load of so many seconds, and what the gateway held meanwhile. The load must be right."""
    backends = [backend("a", [fake().url, fake().url]), backend("b", fake("ollama").url, "ollama")]
    gateway = rocket({"backends": backends, "order": ["a", "b"]})
    gateway.wait_for_models("m")
    with Soak(gateway) as soak:
        samples = sample(gateway, seconds)
    print(dict(soak.counts))
    assert not soak.wrong, (len(soak.wrong), soak.wrong[:5])
    for kind in ("chat", "stream", "embeddings", "models", "aborts", "faults", "reloads"):
        assert soak.counts[kind], kind
    wait_until("nothing is in flight", lambda: gateway.in_flight() == 0)
    return soak, samples


def assert_flat(samples: list[tuple[float, float, int]], warm_up: float) -> None:
    """Descriptors swing with the load, but around the same number."""
    held = [descriptors for at, _, descriptors in samples if at >= warm_up]
    half = len(held) // 2
    assert abs(statistics.median(held[half:]) - statistics.median(held[:half])) <= 5, held
    assert max(held) <= 100, held


def test_a_mixed_load_of_45_seconds_does_not_grow(rocket, fake) -> None:
    _, samples = soaked(rocket, fake, 45)
    assert_flat(samples, 15)
    resident = [rss for at, rss, _ in samples if at >= 15]
    early, late = statistics.median(resident[:10]), statistics.median(resident[-10:])
    # A leak of 200 bytes per request would be more.
    assert late - early <= MEBI, [round(rss / MEBI, 2) for rss in resident]


@pytest.mark.long
def test_a_mixed_load_of_30_minutes_does_not_grow(rocket, fake) -> None:
    soak, samples = soaked(rocket, fake, 30 * 60)
    assert_flat(samples, 600)
    slope = slope_per_hour([(at, rss) for at, rss, _ in samples if at >= 600])
    print(f"resident {samples[-1][1] / MEBI:.1f} MiB, {slope / MEBI:+.3f} MiB/h")
    print(f"{sum(soak.counts.values()) - soak.counts['reloads']} requests")
    assert slope <= MEBI
