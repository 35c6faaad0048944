"""Clients of gateways in pods: each request on a connection of its own, to the next pod that is
ready, as a Kubernetes Service would have it; every failure is kept, with its time and its pod."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dev import namespaces
from harness.waiting import wait_until
from harness.wire import chat

PORT = 8000


@dataclass(frozen=True)
class Outcome:
    """Of one request: `fault` is empty if its answer was whole and 200."""

    began: float
    ended: float
    address: str
    fault: str


class Traffic:
    """From entering its block until leaving it. `probe`: seconds between two looks at a pod's
    `/-/healthz`; a pod that was good at the last one is sent requests."""

    def __init__(
        self,
        network: str,
        addresses: Sequence[str],
        *,
        clients: int = 4,
        pause: float = 0.02,
        probe: float = 0.2,
        body: dict | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        self._network = network
        self._addresses = list(addresses)
        self._pause = pause
        self._probe = probe
        self._body = json.dumps(body or chat("m"))
        self._headers = {"content-type": "application/json", **(headers or {})}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._ready: set[str] = set()
        self._turn = 0
        self.outcomes: list[Outcome] = []
        self.unready = 0  # moments at which nobody was ready
        self._threads = [threading.Thread(target=self._watch, daemon=True)]
        self._threads += [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        wait_until("the first answers", lambda: sum(not each.fault for each in self.outcomes) > 10)
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def ready(self) -> set[str]:
        with self._lock:
            return set(self._ready)

    def answered(self, address: str | None = None, since: float = 0.0) -> int:
        """Of requests that began after `since` (time.monotonic)."""
        return sum(
            not each.fault and each.began >= since and address in (None, each.address)
            for each in self.outcomes
        )

    def failed(self, *but_of: str) -> list[Outcome]:
        """Except those of the pods that the test has killed."""
        return [each for each in self.outcomes if each.fault and each.address not in but_of]

    def _watch(self) -> None:
        namespaces.enter(self._network)
        while not self._over.wait(self._probe):
            good = {address for address in self._addresses if healthy(address)}
            with self._lock:
                self._ready = good

    def _ask(self) -> None:
        namespaces.enter(self._network)
        while not self._over.wait(self._pause):
            address = self._next()
            if address is None:
                continue
            began = time.monotonic()
            fault = self._fault_of(address)
            self.outcomes.append(Outcome(began, time.monotonic(), address, fault))

    def _next(self) -> str | None:
        with self._lock:
            ready = [address for address in self._addresses if address in self._ready]
            self._turn += 1
            if not ready and self.outcomes:
                self.unready += 1
            return ready[self._turn % len(ready)] if ready else None

    def _fault_of(self, address: str) -> str:
        connection = http.client.HTTPConnection(address, PORT, timeout=60)
        with contextlib.closing(connection):
            try:
                connection.request("POST", "/v1/chat/completions", self._body, self._headers)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                return f"{type(error).__name__}: {error}"
        if response.status != 200:
            return f"status {response.status}: {text[:300]!r}"
        return ""


def healthy(address: str) -> bool:
    connection = http.client.HTTPConnection(address, PORT, timeout=1)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/-/healthz")
            response = connection.getresponse()
            return response.status == 200 and b"success" in response.read()
        except (OSError, http.client.HTTPException):
            return False
