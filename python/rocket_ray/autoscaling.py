"""How many gateways there should be. Pure; runs on Serve's controller, without anything else.

Serve counts only what comes through its own handles, so its own policy would see an idle
application. Each replica reports what its gateway knows (`record_autoscaling_stats`); this decides.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rocket_ray.load import Load

# Above it an event loop has no room for a burst.
UTILISATION_TARGET = 0.6
# People notice.
QUEUE_WAIT_S_MAX = 1.0
# What deviates less from what is there is left alone.
TOLERANCE = 0.1


def wanted(current: int, loads: Sequence[Load], target_ongoing: float) -> int:
    """How many replicas would have `target_ongoing` requests each, busy loops or waiting people
    aside. `loads`: of those of the `current` replicas that have told; while one has not, none are
    taken away. Bounds and delays are Serve's to apply."""
    if current <= 0 or not loads:
        return current
    by_requests = sum(load.ongoing for load in loads) / max(target_ongoing, 0.001)
    by_utilisation = sum(load.utilisation for load in loads) / UTILISATION_TARGET
    share = max(by_requests, by_utilisation) / current
    count = current if abs(share - 1) <= TOLERANCE else math.ceil(share * current)
    if max(load.queue_wait_s for load in loads) > QUEUE_WAIT_S_MAX:
        count = max(count, current + 1)
    if len(loads) < current:
        count = max(count, current)
    return max(count, 1)


def policy(ctx: Any) -> tuple[int, dict[str, Any]]:
    """As `autoscaling_config.policy.policy_function`; `ctx` is Serve's AutoscalingContext. Serve
    keeps the answer between min_replicas and max_replicas and applies the delays."""
    target = ctx.config.get_target_ongoing_requests()
    return wanted(ctx.current_num_replicas, loads(ctx.aggregated_metrics or {}), target), {}


def loads(metrics: Mapping[str, Mapping[Any, float]]) -> list[Load]:
    """By replica, out of what Serve has gathered by name."""
    replicas = metrics.get("ongoing", {})
    return [
        Load(
            ongoing=replicas[replica],
            queue_wait_s=metrics.get("queue_wait_s", {}).get(replica, 0.0),
            utilisation=metrics.get("utilisation", {}).get(replica, 0.0),
        )
        for replica in replicas
    ]
