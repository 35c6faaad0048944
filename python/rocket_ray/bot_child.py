"""One `python -m rocket_matrix` process, kept alive by a thread that does nothing else."""

import contextlib
import http.client
import json
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rocket_ray.child_log import ChildLog
from rocket_ray.gateway_child import ended_within
from rocket_ray.restart_pace import RestartPace


@dataclass(frozen=True)
class BotPatience:
    """How long things may take, in seconds."""

    start: float = 60.0  # until a new child answers `/healthz`
    look: float = 1.0  # between two looks at it
    silence: float = 15.0  # without an answer: then it hangs, and is killed
    sick: float = 90.0  # without an answer from any child: then the replica is not healthy
    stop: float = 12.0  # for it to end when it is asked to


class BotChild:
    """Starts the bot, and starts it again when it dies or hangs; what it was answering it goes on
    with by itself. Thread-safe.

    `address`: its `listen`. As with the gateway, the kernel kills the child when the thread that
    forked it ends (`--parent-pid`), so a killed replica leaves no bot behind that would go on
    answering beside the next one.
    """

    def __init__(
        self,
        argv: list[str],
        environment: Mapping[str, str],
        address: tuple[str, int],
        log: ChildLog,
        *,
        logger: logging.Logger,
        patience: BotPatience = BotPatience(),
    ):
        self._argv = argv
        self._environment = dict(environment)
        self._address = address
        self._log = log
        self._logger = logger
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = time.monotonic()
        self._health: dict[str, Any] = {"status": "starting"}
        self._leaving = threading.Event()
        self._pace = RestartPace()
        self._restarts = 0
        self._thread = threading.Thread(target=self._supervise, name="matrix-bot", daemon=True)

    def start(self) -> None:
        """Does not wait: a homeserver that is away is no reason not to be there."""
        self._thread.start()

    def facts(self) -> dict[str, Any]:
        """What it says of itself, and the process it is."""
        process = self._process
        return {
            **self._health,
            "pid": process.pid if process else 0,
            "restarts": self._restarts,
        }

    def trouble(self) -> str | None:
        """Why the replica should be replaced; None if it should not."""
        silent = time.monotonic() - self._answered
        if silent <= self._patience.sick:
            return None
        return f"the bot gives no answer for {silent:.0f} s; it said last:\n{self._log.tail(3)}"

    def stop(self) -> bool:
        """Asks it to end, and waits; whether it did by itself. It is not started again."""
        self._leaving.set()
        self._signal(signal.SIGTERM)
        self._thread.join(self._patience.stop)
        if not self._thread.is_alive():
            return True
        self._signal(signal.SIGKILL)
        self._thread.join(self._patience.stop)
        return False

    # What follows runs in the supervising thread.

    def _supervise(self) -> None:
        while not self._leaving.is_set():
            started = time.monotonic()
            try:
                self._live_once()
            except OSError as error:
                self._logger.error("the bot can not be started: %s", error)
            if self._leaving.is_set():
                return
            lived = time.monotonic() - started
            pause = self._pace.pause_after(lived)
            self._logger.error(
                "the bot has ended after %.1f s; next one in %.2f s. %s",
                lived,
                pause,
                self._log.tail(3),
            )
            self._restarts += 1
            self._health = {"status": "starting"}
            self._leaving.wait(pause)

    def _live_once(self) -> None:
        """One child's life, from its start until it has been reaped."""
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

    def _attend(self, handle: int) -> None:
        """Returns when the child has ended, for whatever reason."""
        heard, allowed = time.monotonic(), self._patience.start
        while not ended_within(handle, self._patience.look):
            self._log.trim()
            health = self._ask()
            if health is not None:
                heard = self._answered = time.monotonic()
                self._health, allowed = health, self._patience.silence
            elif time.monotonic() - heard >= allowed and not self._leaving.is_set():
                self._logger.error("the bot hangs: no answer for %.1f s", allowed)
                self._signal(signal.SIGKILL)

    def _ask(self) -> dict[str, Any] | None:
        """Well or not, it lives if it answers."""
        connection = http.client.HTTPConnection(*self._address, timeout=self._patience.look)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/healthz")
                found = json.loads(connection.getresponse().read(4096))
            except (OSError, http.client.HTTPException, ValueError):
                return None
        return found if isinstance(found, dict) else None

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
