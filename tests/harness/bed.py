"""A Ray cluster in emulated pods, seen from beside them: for tests, whoever has started it."""

import concurrent.futures
import contextlib
import http.client
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from dev import namespaces
from dev.memory_groups import remove_groups
from dev.pods import LAN_ADDRESS, Pod, PodNetwork
from dev.ray_cluster import DATA_PORT, RayCluster
from harness.fake import Fake
from harness.gateway import binary
from harness.program import Program
from harness.wire import Answer

T = TypeVar("T")

PREFIX = "rocket-test-"
REPLICA = "ray::ServeReplica:gateway:MultiBackendRouter"


def remove_leftovers() -> None:
    """Pods of test runs that were killed."""
    for name in namespaces.named(PREFIX):
        pid = name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            namespaces.remove([name])
            remove_groups(name)


class Bed:
    """`headers`: what clients show with each request."""

    def __init__(self, folder: Path, network: PodNetwork, cluster: RayCluster):
        self.folder = folder
        self.network = network
        self.cluster = cluster
        self.headers: dict[str, str] = {}
        self._programs: list[Program] = []
        self._fakes: list[Fake] = []
        # What it starts belongs to the network, and ends with its one thread.
        self._inside = concurrent.futures.ThreadPoolExecutor(
            1, initializer=lambda: namespaces.enter(self.network.lan)
        )

    def end_programs(self) -> None:
        """After the network has gone, and they with it."""
        for program in [*self._programs, *(fake.program for fake in self._fakes)]:
            with contextlib.suppress(Exception):
                self.inside(program.stop)
        self._inside.shutdown()

    def inside(self, function: Callable[[], T]) -> T:
        """Calls it where the pods' addresses are."""
        return self._inside.submit(function).result()

    def start_fake(self, *models: str, **script) -> Fake:
        folder = self.folder / "fakes"
        fake = self.inside(lambda: Fake(folder, models=models, host=LAN_ADDRESS, **script))
        self._fakes.append(fake)
        return fake

    def serving(self) -> list[Pod]:
        """Pods that have a gateway."""
        return [pod for pod in self.worker_pods() if self.gateway_pid(pod)]

    def worker_pods(self) -> list[Pod]:
        pods = self.network.pods.values()
        return [pod for pod in pods if pod.name.startswith("worker-") and pod.running()]

    def addresses(self) -> list[str]:
        return [pod.address for pod in self.worker_pods()]

    def call(
        self,
        pod: Pod,
        method: str,
        path: str,
        body: bytes | dict | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        def ask() -> Answer:
            connection = http.client.HTTPConnection(pod.address, DATA_PORT, timeout=30)
            with contextlib.closing(connection):
                shown = {**self.headers, **(headers or {})}
                given = {name.lower(): value for name, value in shown.items()}
                lines = {"content-type": "application/json", **given}
                sent = json.dumps(body) if isinstance(body, dict) else body
                connection.request(method, path, sent, lines)
                response = connection.getresponse()
                lines = [(name.lower(), value) for name, value in response.getheaders()]
                return Answer(response.status, lines, response.read())

        return self.inside(ask)

    def chat(self, pod: Pod, model: str = "m", **more) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}
        return self.call(pod, "POST", "/v1/chat/completions", body)

    def answers(self, pod: Pod, model: str = "m") -> bool:
        try:
            return self.chat(pod, model).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def refused(self, pod: Pod) -> bool:
        """Whether nobody listens on the pod's data port."""
        try:
            self.call(pod, "GET", "/livez")
        except ConnectionRefusedError:
            return True
        except (OSError, http.client.HTTPException):
            return False
        return False

    def gateway_pid(self, pod: Pod) -> int | None:
        return next(
            (
                pid
                for pid in pod.processes()
                if runs(pid, binary()) and title(pid).split("\0")[1:2] == ["serve"]
            ),
            None,
        )

    def pids(self, pod: Pod, text: str) -> list[int]:
        """Of the pod's processes in whose command line that stands."""
        return [pid for pid in pod.processes() if text in title(pid).replace("\0", " ")]

    def replica_pid(self, pod: Pod) -> int | None:
        return next((pid for pid in pod.processes() if title(pid).startswith(REPLICA)), None)


def runs(pid: int, program: Path) -> bool:
    """Not as a zombie, which has no program."""
    try:
        return Path(f"/proc/{pid}/exe").resolve() == program.resolve()
    except OSError:
        return False


def title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
