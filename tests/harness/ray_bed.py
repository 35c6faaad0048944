"""A real Ray cluster in emulated pods, for the tests of the gateway as a Serve application."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pytest import skip

from dev.pods import LAN_ADDRESS, PodNetwork
from dev.ray_cluster import RayCluster, gateway_config, serve_config
from harness.bed import PREFIX, Bed
from harness.engines import place
from harness.gateway import backend, binary
from harness.program import Program
from harness.waiting import wait_until

REDIS_PORT = 6380
# Quicker than for people: nobody's DNS or kube-proxy has to hear of a pod that goes.
OPTIONS = {
    "health_check_period_s": 1,
    "health_check_timeout_s": 5,
    "graceful_shutdown_timeout_s": 40,
    "graceful_shutdown_wait_loop_s": 0.2,
}
ARGUMENTS = {"lame_duck_s": 1.5}
POLICY = {"policy_function": "rocket_ray.autoscaling:policy"}


class RayBed(Bed):
    """One network with a head, workers, Redis as the head's store, and fake backends."""

    def __init__(self, folder: Path, workers: int):
        network = PodNetwork(f"{PREFIX}{os.getpid()}", folder / "pods")
        super().__init__(folder, network, RayCluster(network, place("ROCKET_RAY_PYTHON"), binary()))
        self.workers = workers

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
        self.end_programs()

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
