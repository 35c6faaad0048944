"""One process that a replica keeps alive, by a thread that does nothing else."""

import contextlib
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from rocket_ray.child_log import ChildLog
from rocket_ray.restart_pace import RestartPace


class KeptChild:
    """Starts it, and starts it again when it ends, ever later while it keeps ending; until it may
    leave. What it is to do meanwhile, and when it hangs, is for a class made of this one to say.

    The kernel kills the child when the thread that forked it ends (PR_SET_PDEATHSIG, which
    `--parent-pid` sets): so it is the supervising thread that forks, and it lives until the child
    has ended for good. A killed replica leaves no child behind, not even one that is stopped.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        log: ChildLog,
        logger: logging.Logger,
    ):
        self._name = name
        self._argv = list(argv)
        self._environment = dict(environment)
        self._log = log
        self._logger = logger
        self._process: subprocess.Popen[bytes] | None = None
        self._leaving = threading.Event()  # it is not started again
        self._pace = RestartPace()
        self.restarts = 0
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process else None

    def ended(self, seconds: float) -> bool:
        """Whether it has ended for good within that time, and nothing of it is left."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """At once and for good."""
        self._leaving.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    # What follows runs in the supervising thread.

    def _attend(self, handle: int) -> None:
        """Returns when the child behind that pidfd has ended, for whatever reason."""
        raise NotImplementedError

    def _prepare(self) -> None:
        """Before each start. May raise OSError."""

    def _not_started(self, error: OSError) -> None:
        self._logger.error("%s can not be started: %s", self._name, error)

    def _ended_once(self) -> None:
        """It will be started again."""

    def _gone(self) -> None:
        """It has ended for good."""

    def _supervise(self) -> None:
        try:
            while not self._leaving.is_set():
                started = time.monotonic()
                try:
                    self._live_once()
                except OSError as error:
                    self._not_started(error)
                if self._leaving.is_set():
                    return
                self._rest_after(time.monotonic() - started)
        finally:
            self._gone()

    def _rest_after(self, lived: float) -> None:
        pause = self._pace.pause_after(lived)
        self._logger.error(
            "%s has ended after %.1f s; next one in %.2f s. %s",
            self._name,
            lived,
            pause,
            self._log.tail(3),
        )
        self.restarts += 1
        self._ended_once()
        self._leaving.wait(pause)

    def _live_once(self) -> None:
        """One child's life, from its start until it has been reaped."""
        self._prepare()
        out, err = self._log.open()
        try:
            process = subprocess.Popen(
                [*self._argv, "--parent-pid", str(os.getpid())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                close_fds=True,
                # What a terminal or Ray sends to the replica's group is not for it.
                process_group=0,
            )
        finally:
            os.close(out)
            os.close(err)
        self._process = process
        try:
            handle = os.pidfd_open(process.pid)
            try:
                self._attend(handle)
            finally:
                os.close(handle)
        finally:
            process.kill()  # it has ended already, unless attending to it has failed
            process.wait()


def ended_within(handle: int, seconds: float) -> bool:
    """Whether the process behind a pidfd ends within that time."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
