"""A real Ray cluster in emulated pods, for the tests of the gateway as a Serve application."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pytest import skip

from dev import namespaces
from dev.pods import LAN_ADDRESS, Pod, PodNetwork
from dev.ray_cluster import DATA_PORT, RayCluster, gateway_config, serve_config
from harness.engines import place
from harness.fake import Fake
from harness.gateway import backend, binary
from harness.program import Program
from harness.waiting import wait_until
from harness.wire import Answer

T = TypeVar("T")

PREFIX = "rocket-test-"
REDIS_PORT = 6380
REPLICA = "ray::ServeReplica:gateway:MultiBackendRouter"
# Quicker than for people: nobody's DNS or kube-proxy has to hear of a pod that goes.
OPTIONS = {
    "health_check_period_s": 1,
    "health_check_timeout_s": 5,
    "graceful_shutdown_timeout_s": 40,
    "graceful_shutdown_wait_loop_s": 0.2,
}
ARGUMENTS = {"lame_duck_s": 1.5}
POLICY = {"policy_function": "rocket_ray.autoscaling:policy"}


def remove_leftovers() -> None:
    """Pods of test runs that were killed."""
    for name in namespaces.named(PREFIX):
        pid = name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            namespaces.remove([name])


class RayBed:
    """One network with a head, workers, Redis as the head's store, and fake backends."""

    def __init__(self, folder: Path, workers: int):
        self.folder = folder
        self.network = PodNetwork(f"{PREFIX}{os.getpid()}", folder / "pods")
        self.cluster = RayCluster(self.network, place("ROCKET_RAY_PYTHON"), binary())
        self.workers = workers
        self._programs: list[Program] = []
        self._fakes: list[Fake] = []
        # What it starts belongs to the network, and ends with its one thread.
        self._inside = concurrent.futures.ThreadPoolExecutor(
            1, initializer=lambda: namespaces.enter(self.network.lan)
        )

    def start(self) -> None:
        self.network.make()
        self.fake = self.start_fake("m")
        self.cluster.start_head(self.start_redis())
        self.cluster.wait_for_head()
        for number in range(1, self.workers + 1):
            self.cluster.start_worker(number)
        self.cluster.wait_for_nodes(1 + self.workers)

    def stop(self) -> None:
        self.network.remove()
        for program in [*self._programs, *(fake.program for fake in self._fakes)]:
            with contextlib.suppress(Exception):
                self.inside(program.stop)
        self._inside.shutdown()

    def inside(self, function: Callable[[], T]) -> T:
        """Calls it where the pods' addresses are."""
        return self._inside.submit(function).result()

    def start_redis(self) -> dict[str, str]:
        """Keeps what the head knows; the head's variables for it. Debian's one program for all of
        Redis serves under that name."""
        program = shutil.which("redis-check-rdb")
        if program is None:
            return {}
        folder = self.folder / "redis"
        folder.mkdir(parents=True)
        server = folder / "redis-server"
        server.symlink_to(program)
        argv = [
            server,
            "--port",
            REDIS_PORT,
            "--bind",
            LAN_ADDRESS,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        argv += ["--protected-mode", "no"]
        redis = self.inside(lambda: Program([str(word) for word in argv], folder))
        self._programs.append(redis)
        redis.line("Ready to accept connections")
        self.environment = {"RAY_REDIS_ADDRESS": f"{LAN_ADDRESS}:{REDIS_PORT}"}
        return self.environment

    def start_fake(self, *models: str, **script) -> Fake:
        folder = self.folder / "fakes"
        fake = self.inside(lambda: Fake(folder, models=models, host=LAN_ADDRESS, **script))
        self._fakes.append(fake)
        return fake

    def require_redis(self) -> dict[str, str]:
        if not getattr(self, "environment", {}):
            skip("needs Redis: apt-get install redis-tools")
        return self.environment

    def config(self, name: str = "first", backends: Iterable[dict] = (), **more) -> dict:
        """A user_config by which requests for the model `name` are answered, and for the fake's.
        All pods have the same disk, so they share a store in SQLite."""
        settings = {
            "health": {"interval": "200ms"},
            "drain": {"timeout": "20s"},
            "store": {"path": str(self.folder / "store")},
            **more,
        }
        routes = {name: [{"backend": "a", "model": "m"}]}
        known = [backend("a", self.fake.url), *backends]
        return gateway_config(known, models=routes, **settings)

    def deploy(
        self,
        config: dict | None = None,
        *,
        replicas: int | tuple[int, int] | None = None,
        arguments: dict | None = None,
        beside: Iterable[dict] = (),
        **options,
    ) -> None:
        """Returns when Serve has taken it up. `replicas`: how many, or from and to how many;
        `beside`: other applications."""
        least, most = replicas if isinstance(replicas, tuple) else (replicas or self.workers,) * 2
        scaling = {
            "min_replicas": least,
            "initial_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": 5,
            "look_back_period_s": 2,
            "upscale_delay_s": 1,
            "downscale_delay_s": 3,
            "policy": POLICY,
        }
        whole = serve_config(
            config or self.config(),
            arguments={**ARGUMENTS, **(arguments or {})},
            **{**OPTIONS, "autoscaling_config": scaling, **options},
        )
        whole["applications"] += beside
        self.cluster.deploy(whole)

    def deployed(self, config: dict | None = None, **more) -> None:
        """Returns when it runs everywhere and answers."""
        config = config or self.config()
        self.deploy(config, **more)
        self.cluster.wait_until_running()
        model = next(iter(config.get("models", {})), "m")
        for pod in self.serving():
            wait_until(f"{pod.name} has {model}", lambda pod=pod: self.answers(pod, model), 30)

    def serving(self) -> list[Pod]:
        """Pods that have a gateway."""
        return [pod for pod in self.worker_pods() if self.gateway_pid(pod)]

    def worker_pods(self) -> list[Pod]:
        pods = self.network.pods.values()
        return [pod for pod in pods if pod.name != "head" and pod.running()]

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
                given = {name.lower(): value for name, value in (headers or {}).items()}
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
