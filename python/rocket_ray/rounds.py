"""What has to be done once a second beside a gateway: read its figures, see to its files."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rocket_ray import load
from rocket_ray.gateway_child import UNANSWERED, ChildUnavailable, GatewayChild
from rocket_ray.load import Load
from rocket_ray.metrics_text import samples
from rocket_ray.ray_metrics import RayMetrics

INTERVAL_S = 1.0


class Rounds:
    """A thread of its own, so that a slow answer holds nobody up. `load` is the last reading."""

    def __init__(self, child: GatewayChild, metrics: RayMetrics, logger: logging.Logger):
        self._child = child
        self._metrics = metrics
        self._logger = logger
        self._over = threading.Event()
        self._before: load.Reading | None = None
        self._file: WatchedFile | None = None
        # Held while a configuration is taken up: what an earlier word of Serve's has named is never
        # put in force after a later one.
        self._taking_up = threading.Lock()
        self.load = Load()
        self._thread = threading.Thread(target=self._go, name="rounds", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def put_in_force(self, take_up: Callable[[], bool], path: Path | None) -> None:
        """What Serve has given, by `take_up`, which says whether it is in force and may raise. What
        stands in the file `path` is taken up again whenever that changes, also if it was refused:
        it may be mended. A file that was given before is looked at no more then."""
        file = WatchedFile(path, take_up) if path else None
        with self._taking_up:
            if take_up() or file is not None:
                self._file = file

    def config_refused(self, refused: bool) -> None:
        """Whether what was given last is not in force."""
        self._metrics.config_refused(refused)

    def _go(self) -> None:
        while not self._over.wait(INTERVAL_S):
            self._round()

    def _round(self) -> None:
        for duty in (self._read_metrics, self._child.trim_logs, self._look_at_file):
            try:
                duty()
            except Exception:  # the next round may go better; the others and the thread stay
                self._logger.exception("a round beside the gateway failed")

    def _read_metrics(self) -> None:
        try:
            found = list(samples(self._child.metrics()))
        except UNANSWERED:
            # The supervisor knows better what to do about it.
            self._before, self.load = None, Load()
            return
        now = load.read(found, time.monotonic())
        self.load = load.between(self._before, now)
        self._before = now
        self._metrics.publish(found, self.load, self._child.restarts)

    def _look_at_file(self) -> None:
        with self._taking_up:
            file = self._file
            if file is None or not file.changed():
                return
            self._logger.info("%s has changed", file.path)
            try:
                file.take_up()
            except ChildUnavailable:
                file.forget()  # the next round tries again
                raise


class WatchedFile:
    """`take_up` is called when it is another one than when this was made; to be made before the
    file is read. Also of one that is replaced through a symbolic link, as Kubernetes does."""

    def __init__(self, path: Path, take_up: Callable[[], object]):
        self.path = path
        self.take_up = take_up
        self._seen = self._look()

    def changed(self) -> bool:
        before, self._seen = self._seen, self._look()
        return self._seen != before and self._seen is not None

    def forget(self) -> None:
        """The next look at it finds it changed."""
        self._seen = None

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
