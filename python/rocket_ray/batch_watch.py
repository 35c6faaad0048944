"""Sees to it that batches which are shared out among nodes have a job of Ray's that does it.

Every replica does so, for all batches: whoever is left goes on. Ray's token stays in this process;
the gateway is only told whether Ray answers, which is what its clients get to know.
"""

import logging
import threading
import time
from typing import Protocol

from rocket_ray.batch_jobs import Job, Nodes, Submit, decide
from rocket_ray.gateway_child import UNANSWERED
from rocket_ray.jobs_client import RayAway

INTERVAL_S = 1.0
# How often Ray is asked whether it is there while no batch needs it.
GREETING_S = 3.0
# How old what is known of Ray's nodes may be: telling them costs its head something.
NODES_S = 5.0


class Gateway(Protocol):
    """What the watch needs of a GatewayChild."""

    def batches_to_share_out(self, cluster: str) -> list[str]: ...
    def tell_ray(self, there: bool) -> None: ...


class Jobs(Protocol):
    """What it needs of a JobsClient."""

    def version(self) -> str: ...
    def jobs(self) -> list[Job]: ...
    def nodes(self) -> Nodes: ...
    def submit(self, submission_id: str, entrypoint: str) -> bool: ...
    def forget(self, submission_id: str) -> None: ...


class BatchWatch:
    """A thread of its own: Ray may take its time to answer, or not to. `cluster`: its name, since
    others may share the store; what they have in hand is left to them."""

    def __init__(
        self, gateway: Gateway, jobs: Jobs, cluster: str, most: int, logger: logging.Logger
    ):
        self._gateway = gateway
        self._cluster = cluster
        self._jobs = jobs
        self._most = most
        self._logger = logger
        self._over = threading.Event()
        self._there: bool | None = None
        self._greeted = -GREETING_S
        self._nodes = Nodes()
        self._nodes_at = -NODES_S
        self._thread = threading.Thread(target=self._go, name="batches", daemon=True)

    def start(self) -> None:
        if self._most:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def _go(self) -> None:
        while not self._over.wait(INTERVAL_S):
            try:
                self.look(time.monotonic(), time.time())
            except UNANSWERED:
                pass  # the gateway is just being started again
            except Exception:  # the next look may go better; the thread has to stay
                self._logger.exception("a look at the batches failed")

    def look(self, now: float, wall_now: float) -> None:
        """One look, at that time of a monotonic clock and of the wall clock."""
        batches = self._gateway.batches_to_share_out(self._cluster)
        if not batches and now - self._greeted < GREETING_S:
            return
        self._greeted = now
        try:
            if batches:
                self._share_out(batches, now, wall_now)
            else:
                self._jobs.version()
        except RayAway as error:
            self._note(False, str(error))
        else:
            self._note(True)
        self._gateway.tell_ray(bool(self._there))

    def _share_out(self, batches: list[str], now: float, wall_now: float) -> None:
        jobs = self._jobs.jobs()
        used = {job.node for job in jobs if job.status == "RUNNING"}
        if not used <= self._nodes.alive or now - self._nodes_at >= NODES_S:
            self._nodes, self._nodes_at = self._jobs.nodes(), now
        for deed in decide(batches, jobs, self._nodes, wall_now, self._most):
            if not isinstance(deed, Submit):
                self._jobs.forget(deed.submission_id)
            elif self._jobs.submit(deed.submission_id, deed.entrypoint):
                self._logger.info("submitted the job %s", deed.submission_id)

    def _note(self, there: bool, why: str = "") -> None:
        if there != self._there and (not there or self._there is not None):
            self._logger.log(
                logging.INFO if there else logging.WARNING,
                "Ray answers" if there else "batches wait for Ray: %s",
                *([] if there else [why]),
            )
        self._there = there
