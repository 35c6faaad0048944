"""One `python -m rocket_matrix` process, kept alive."""

import contextlib
import http.client
import json
import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rocket_ray.child_log import ChildLog
from rocket_ray.kept_child import KeptChild, ended_within


@dataclass(frozen=True)
class BotPatience:
    """How long things may take, in seconds."""

    start: float = 60.0  # until a new child answers `/healthz`
    look: float = 1.0  # between two looks at it
    silence: float = 15.0  # without an answer: then it hangs, and is killed
    sick: float = 90.0  # without an answer from any child: then the replica is not healthy
    stop: float = 12.0  # for it to end when it is asked to


class BotChild(KeptChild):
    """The bot, started again when it dies or hangs; what it was answering it goes on with by
    itself. A killed replica leaves none behind that would go on answering beside the next one.
    Thread-safe. `address`: its `listen`.
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
        super().__init__("the bot", argv, environment, log, logger)
        self._address = address
        self._patience = patience
        self._answered = time.monotonic()
        self._health: dict[str, Any] = {"status": "starting"}

    def start(self) -> None:
        """Does not wait: a homeserver that is away is no reason not to be there."""
        self._thread.start()

    def facts(self) -> dict[str, Any]:
        """What it says of itself, and the process it is."""
        return {**self._health, "pid": self.pid or 0, "restarts": self.restarts}

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
        if self.ended(self._patience.stop):
            return True
        self.kill()
        self.ended(self._patience.stop)
        return False

    # What follows runs in the supervising thread.

    def _ended_once(self) -> None:
        self._health = {"status": "starting"}

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
