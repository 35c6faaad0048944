"""The gateway's main figures as Ray metrics, where Ray's own dashboards look.

Everything else, and the same in finer grain, is at the gateway's own /metrics. Serve's
`ray_serve_deployment_*` count calls of handles only: requests do not come through Serve.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from rocket_ray.load import Load
from rocket_ray.metrics_text import Sample

# Name at the gateway -> labels that go along. Ray puts `ray_` before the name.
GAUGES = {
    "rocket_in_flight": ("backend",),
    "rocket_queue_depth": ("lane",),
    "rocket_config_revision": (),
    "backend_health_status": ("backend", "endpoint"),
}
COUNTERS = {
    "rocket_requests_total": ("backend", "code"),
    "rocket_attempts_total": ("backend", "outcome"),
    "rocket_tokens_total": ("backend", "model", "direction"),
}
# The host's own.
UTILISATION = "rocket_utilisation"
RESTARTS = "rocket_gateway_restarts_total"
REFUSED = "rocket_config_refused"


class Metrics(Protocol):
    """What ray.serve.metrics and ray.util.metrics have in common."""

    Gauge: Any
    Counter: Any


class RayMetrics:
    """publish() is called by one thread."""

    def __init__(self, metrics: Metrics):
        self._gauges = {
            name: metrics.Gauge(name, description="As at the gateway.", tag_keys=labels)
            for name, labels in GAUGES.items()
        }
        self._counters = {
            name: metrics.Counter(name, description="As at the gateway.", tag_keys=labels)
            for name, labels in COUNTERS.items()
        }
        self._utilisation = metrics.Gauge(
            UTILISATION, description="Of the gateway's event loops; 1 where none ever waits."
        )
        self._restarts = metrics.Counter(
            RESTARTS, description="How often the gateway was started again."
        )
        self._refused = metrics.Gauge(
            REFUSED, description="1 while the configuration that was given last is not in force."
        )
        self._counted: dict[tuple, float] = {}
        self._restarts_counted = 0
        self._gauges_set: set[tuple] = set()

    def publish(self, samples: Iterable[Sample], load: Load, restarts: int) -> None:
        gauges: dict[tuple, float] = {}
        counts: dict[tuple, float] = {}
        for sample in samples:
            for known, sums in ((GAUGES, gauges), (COUNTERS, counts)):
                if labels := known.get(sample.name):
                    key = (sample.name, *(sample.labels.get(label, "") for label in labels))
                elif sample.name in known:
                    key = (sample.name,)
                else:
                    continue
                sums[key] = sums.get(key, 0.0) + sample.value
        self._set(gauges)
        self._count(counts)
        self._utilisation.set(load.utilisation)
        if restarts > self._restarts_counted:
            self._restarts.inc(restarts - self._restarts_counted)
            self._restarts_counted = restarts

    def config_refused(self, refused: bool) -> None:
        self._refused.set(1.0 if refused else 0.0)

    def _set(self, gauges: dict[tuple, float]) -> None:
        # What is there no more would else stay at its last value.
        for key in self._gauges_set - gauges.keys():
            gauges[key] = 0.0
        for (name, *values), value in gauges.items():
            tags = dict(zip(GAUGES[name], values, strict=True))
            self._gauges[name].set(value, tags=tags)
        self._gauges_set = {key for key, value in gauges.items() if value}

    def _count(self, counts: dict[tuple, float]) -> None:
        for key, value in counts.items():
            before = self._counted.get(key, 0.0)
            # A new gateway counts from nothing.
            more = value - before if value >= before else value
            if more > 0:
                name, *values = key
                tags = dict(zip(COUNTERS[name], values, strict=True))
                self._counters[name].inc(more, tags=tags)
        self._counted = counts
