import unittest
from pathlib import Path

from rocket_ray.load import Load
from rocket_ray.metrics_text import Sample
from rocket_ray.ray_metrics import RESTARTS, RayMetrics


class Recorded:
    """Stands in for Ray's metrics: remembers what it is told."""

    all: dict[str, "Recorded"] = {}

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...] = ()):
        self.tag_keys = tag_keys
        self.values: dict[tuple, float] = {}
        Recorded.all[name] = self

    def set(self, value: float, tags: dict[str, str] | None = None) -> None:
        self.values[self.key(tags)] = value

    def inc(self, value: float, tags: dict[str, str] | None = None) -> None:
        assert value > 0, "Ray refuses anything else"
        self.values[self.key(tags)] = self.values.get(self.key(tags), 0) + value

    def key(self, tags: dict[str, str] | None) -> tuple:
        assert set(tags or {}) == set(self.tag_keys), (tags, self.tag_keys)
        return tuple((tags or {})[name] for name in self.tag_keys)


class RecordedMetrics:
    Gauge = Recorded
    Counter = Recorded


def requests(code: str, value: float, operation: str = "chat_completions") -> Sample:
    labels = {"operation": operation, "route": "r", "backend": "a", "code": code}
    return Sample("rocket_requests_total", labels, value)


# What rules and dashboards may name, and whose each name is.
KNOWN = Path(__file__).parents[2] / "tests/cluster/data/ray-metrics.txt"


class RayMetricsTest(unittest.TestCase):
    def setUp(self) -> None:
        Recorded.all.clear()
        self.metrics = RayMetrics(RecordedMetrics)

    def values(self, name: str) -> dict[tuple, float]:
        return Recorded.all[name].values

    def test_finer_series_are_added_up(self) -> None:
        found = [requests("200", 3), requests("200", 4, "embeddings"), requests("503", 1)]
        self.metrics.publish(found, Load(), 0)
        counted = self.values("rocket_requests_total")
        self.assertEqual(counted, {("a", "200"): 7, ("a", "503"): 1})

    def test_counters_go_on_through_a_new_gateway(self) -> None:
        for value in (5, 8, 2, 2):
            self.metrics.publish([requests("200", value)], Load(), 0)
        self.assertEqual(self.values("rocket_requests_total"), {("a", "200"): 8 + 2})

    def test_a_gauge_that_is_there_no_more_is_0(self) -> None:
        self.metrics.publish([Sample("rocket_in_flight", {"backend": "a"}, 3)], Load(), 0)
        self.metrics.publish([Sample("rocket_in_flight", {"backend": "b"}, 1)], Load(), 0)
        self.assertEqual(self.values("rocket_in_flight"), {("a",): 0, ("b",): 1})

    def test_without_labels(self) -> None:
        self.metrics.publish([Sample("rocket_config_revision", {}, 4)], Load(), 0)
        self.assertEqual(self.values("rocket_config_revision"), {(): 4})

    def test_restarts_count_once(self) -> None:
        for restarts in (0, 2, 2, 3):
            self.metrics.publish([], Load(), restarts)
        self.assertEqual(self.values(RESTARTS), {(): 3})

    def test_what_is_asked_of_the_host_is_told_by_it(self) -> None:
        lines = [line.split() for line in KNOWN.read_text().splitlines()]
        asked = {line[0] for line in lines if line[1:] == ["host"]}
        self.assertIn("ray_rocket_requests_total", asked)
        self.assertLessEqual(asked, {f"ray_{name}" for name in Recorded.all})
