"""One `rocket serve` process, kept alive."""

import contextlib
import http.client
import logging
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rocket_ray.admin_client import AdminClient, AdminError, ConfigRefused
from rocket_ray.child_log import ChildLog
from rocket_ray.kept_child import KeptChild, ended_within
from rocket_ray.socket_folder import SocketFolder

# What a call to the admin port raises when nobody answers it, or not as he should.
UNANSWERED = (OSError, http.client.HTTPException, AdminError, ValueError, KeyError, TypeError)


class ChildUnavailable(Exception):
    """The gateway is not there to be asked. The message says since when, and what it said last."""


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds."""

    start: float = 10.0  # until a new child answers at its admin port
    look: float = 0.25  # between two looks at it
    silence: float = 2.0  # without an answer: then it hangs, and is killed
    sick: float = 5.0  # without an answer from any child: then the replica is not healthy
    configure: float = 15.0  # for a configuration to be taken or refused


class GatewayChild(KeptChild):
    """The gateway, started again when it dies or hangs, with the configuration that it had, and
    left to drain in the end. Thread-safe."""

    def __init__(
        self,
        binary: str,
        environment: Mapping[str, str],
        log: ChildLog,
        *,
        logger: logging.Logger,
        patience: Patience = Patience(),
    ):
        self._binary = binary
        self._patience = patience
        self._folder = SocketFolder()
        argv = [binary, "serve", "--wait-config", "--admin", f"unix:{self._folder.socket}"]
        super().__init__("the gateway", argv, environment, log, logger)
        # Held while a configuration is handed over, so that an old one never comes after a new one.
        self._handing_over = threading.Lock()
        self._config: str | None = None  # the last one that was taken
        self._answered = time.monotonic()
        self._up = threading.Event()
        self._trouble = ""

    def start(self) -> None:
        """Until the child answers. Raises ChildUnavailable, with what it said."""
        self._thread.start()
        if not self._up.wait(self._patience.start):
            self.kill()
            why = self._trouble or f"not up within {self._patience.start:g} s"
            raise ChildUnavailable(self._describe(why))

    def configure(self, text: str) -> int:
        """Puts a configuration in force, now and after each restart; its revision. Raises
        ConfigRefused, and the old one stays; ChildUnavailable if nobody is there to take it."""
        deadline = time.monotonic() + self._patience.configure
        while True:
            try:
                with self._handing_over:
                    revision = self._client(self._patience.configure).configure(text)
                    self._config = text
                    return revision
            except UNANSWERED as error:
                # It may just be starting anew: what was not taken yet is put to the next one.
                if time.monotonic() > deadline or self._leaving.is_set():
                    why = f"takes no configuration: {error}"
                    raise ChildUnavailable(self._describe(why)) from error
                time.sleep(self._patience.look / 10)

    def trouble(self) -> str | None:
        """Why the replica should be replaced; None if it should not."""
        silent = time.monotonic() - self._answered
        if silent > self._patience.sick:
            return self._describe(f"no answer for {silent:.1f} s")
        if self._trouble:
            return self._trouble
        return None

    @property
    def socket(self) -> Path:
        """Of its admin port, the same for each child."""
        return self._folder.socket

    def batches_to_share_out(self, cluster: str) -> list[str]:
        """Raises one of UNANSWERED."""
        return self._client(self._patience.silence).batches_to_share_out(cluster)

    def tell_ray(self, there: bool) -> None:
        """Raises one of UNANSWERED."""
        self._client(self._patience.silence).tell_ray(there)

    def metrics(self) -> str:
        """Raises one of UNANSWERED."""
        return self._client(self._patience.silence).metrics()

    def trim_logs(self) -> None:
        self._log.trim()

    def lame_duck(self) -> None:
        """It serves on, but says that it is not healthy, so that no more clients are sent here.
        From now on it is not started again."""
        self._leaving.set()
        with contextlib.suppress(*UNANSWERED):
            self._client(self._patience.silence).lame_duck()

    def drain(self) -> None:
        """Asks it to finish what it has and to end."""
        self._leaving.set()
        self._signal(signal.SIGTERM)

    # What follows runs in the supervising thread.

    def _prepare(self) -> None:
        self._folder.socket.unlink(missing_ok=True)

    def _not_started(self, error: OSError) -> None:
        self._trouble = f"{self._binary} can not be started: {error.strerror or error}"

    def _gone(self) -> None:
        self._folder.remove()

    def _attend(self, handle: int) -> None:
        """Returns when the child has ended, for whatever reason."""
        patience = self._patience
        heard = time.monotonic()
        allowed = patience.start  # afterwards `silence`
        pause = 0.002
        while not ended_within(handle, pause):
            if self._leaving.is_set():
                pause = patience.look
                continue
            left = max(heard + allowed - time.monotonic(), 0.01)
            try:
                health = self._client(left).health()
            except UNANSWERED:
                if time.monotonic() - heard >= allowed and not ended_within(handle, 0):
                    self._logger.error("the gateway hangs: no answer for %.1f s", allowed)
                    self._signal(signal.SIGKILL)
                continue
            heard = self._answered = time.monotonic()
            allowed, pause = patience.silence, patience.look
            if health.status == "waiting":
                self._hand_over()
            else:
                self._trouble = ""
            self._up.set()

    def _hand_over(self) -> None:
        """To a new child what the old one had. Tried again at the next look, if need be."""
        with self._handing_over:
            if self._config is None:
                return
            try:
                self._client(self._patience.silence).configure(self._config)
                self._trouble = ""
            except ConfigRefused as refused:
                self._trouble = f"the gateway does not take its configuration again: {refused}"
                self._logger.error(self._trouble)
            except UNANSWERED as error:
                self._logger.warning("the new gateway did not take its configuration: %s", error)

    def _client(self, timeout: float) -> AdminClient:
        return AdminClient(self._folder.socket, timeout)

    def _describe(self, what: str) -> str:
        said = self._log.tail()
        return f"gateway {Path(self._binary).name}: {what}" + (
            f"; it said last:\n{said}" if said else ""
        )
