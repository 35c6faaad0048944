"""What the bot counts, and the lines that it logs. Neither ever holds what somebody said, nor a
secret: ids, names and counts only."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

# How long the homeserver may be silent before the bot says that it is not well.
SYNC_AGE_MAX = 90.0


class Telemetry:
    """`clock`: in seconds, from anywhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        registry = self._registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"rocket_matrix_{name}", text, labels, registry=registry)

        self.messages = counter("messages", "Requests taken from rooms, by command", "command")
        self.answers = counter("answers", "Requests done, by how they ended", "outcome")
        self.refused = counter("refused", "Messages that nobody may send here, by why", "reason")
        self.edits = counter("edits", "Edits sent while answers grew")
        self.limit_waits = counter("rate_limit_waits", "Times the homeserver said: too fast")
        self.limit_seconds = counter("rate_limit_wait_seconds", "Seconds waited for that")
        self.errors = counter("errors", "What went wrong, by where", "where")
        self.reconnects = counter("sync_failures", "Syncs with the homeserver that failed")
        self.first_text = Histogram(
            "rocket_matrix_first_text_seconds",
            "From an answer's first token to its first text in the room",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=registry,
        )
        self.running = Gauge("rocket_matrix_running", "Answers under way", registry=registry)
        self.waiting = Gauge("rocket_matrix_waiting", "Requests that wait", registry=registry)
        self.jobs = Gauge("rocket_matrix_jobs", "Batches that are watched", registry=registry)
        age = Gauge(
            "rocket_matrix_sync_age_seconds",
            "Since the last whole sync",
            registry=registry,
        )
        age.set_function(self.sync_age)
        self._synced: float | None = None
        self._began = self._clock()

    def synced(self) -> None:
        self._synced = self._clock()

    def sync_age(self) -> float:
        return self._clock() - (self._began if self._synced is None else self._synced)

    def health(self) -> tuple[bool, dict]:
        age = self.sync_age()
        if self._synced is None:
            return False, {
                "status": "starting",
                "reason": "no sync with the homeserver yet",
            }
        if age > SYNC_AGE_MAX:
            return False, {"status": "cut off", "reason": f"no sync for {age:.0f} s"}
        return True, {"status": "ok", "sync_age_s": round(age, 1)}

    def page(self) -> bytes:
        return generate_latest(self._registry)


def log(event: str, **members: object) -> None:
    """One JSON line on stderr."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"ts": now, "event": event, **members}, default=str)
    print(line, file=sys.stderr, flush=True)


def fault(error: BaseException) -> str:
    """What kind of error it is, and where it comes from. Not its own words: they may be those of
    whoever said what could not be read."""
    places = traceback.extract_tb(error.__traceback__)
    ours = [each for each in places if Path(each.filename).parent.name == __package__]
    at = [f"{Path(each.filename).name}:{each.lineno}" for each in (*ours[-1:], *places[-1:])]
    return " ".join([type(error).__name__, *dict.fromkeys(at)])
