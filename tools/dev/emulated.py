"""An environment of k8s/ray on one machine: its pods are network namespaces with the pods' limits
of memory, its application is deployed from its own serveConfigV2.

What only Kubernetes can do is left out: nobody starts a pod again that has ended (start() does,
when it is called again), there is no autoscaler, no ingress, no NetworkPolicy.
"""

import json
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dev import namespaces, prometheus
from dev.console import DevError, Progress, say
from dev.engines import free_port
from dev.memory_groups import MemoryGroup, controller
from dev.overlay import SECRETS, Object, Overlay, PodSpec
from dev.places import ROOT, shown
from dev.pods import LAN_ADDRESS, Pod, PodNetwork
from dev.ray import bring_in, forward
from dev.ray_cluster import DASHBOARD_PORT, DATA_PORT, METRICS_PORT, Node, RayCluster, Shape
from dev.stores import INDEX, PORTS, Stores
from dev.volumes import Volumes, replace

RULES = ROOT / "monitoring/rules/rocket.rules.yaml"
# Where the pods of a second cluster begin.
BESIDE_INDEX = 20
FIRST_FAKE_PORT = 9001
PROMETHEUS_PORT = 9090
MODEL = "m"
# Prometheus asks more often than on a cluster, where it is every 15 s.
SCRAPE = "5s"
# What the operator gives a RayService's pods beside what stands there
# (tests/cluster/data/prod-operator.yaml); and, of Ray's, the value that it has by itself.
OPERATOR_ENVIRONMENT = {
    "RAY_timeout_ms_task_wait_for_death_info": "0",
    "RAY_gcs_server_request_timeout_seconds": "5",
    "RAY_SERVE_KV_TIMEOUT_S": "5",
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "10",
}
OPERATOR_OPTIONS = (f"--metrics-export-port={METRICS_PORT}", "--block")


@dataclass(frozen=True)
class Programs:
    """What is run: Ray's interpreter, the gateway, the scripted model server, and the folder that
    Prometheus is in."""

    python: Path
    rocket: Path
    fake: Path
    prometheus: Path


@dataclass(frozen=True)
class Ports:
    """On loopback."""

    gateway: int
    dashboard: int
    prometheus: int


class EmulatedCluster:
    """Found again by `name` and `folder`: another process may go on with it. `port`: the gateways'
    on loopback."""

    def __init__(
        self, name: str, folder: Path, overlay: Overlay, programs: Programs, port: int = DATA_PORT
    ):
        self.overlay = overlay
        self.programs = programs
        self.volumes = Volumes(folder / "volumes")
        self.workers = overlay.workers
        self._state = read_state(folder, port)
        self.ports = Ports(**self._state["ports"])
        self.network = PodNetwork(name, folder)
        self.stores = Stores(self.network, overlay, self.volumes, self._secrets())
        self.network.memory = {name: self._spec(name).memory for name in self.pods()}
        self.ray = RayCluster(
            self.network, programs.python, programs.rocket, OPERATOR_ENVIRONMENT, self._shape()
        )

    def pods(self) -> list[str]:
        """Their names, in the order in which they are started."""
        return [*self.stores.specs, "head", *(f"worker-{n}" for n in range(1, self.workers + 1))]

    def start(self, *, discover: bool = True) -> None:
        """What is there stays; what has ended, or was killed, comes back. `discover`: the model
        servers of this machine are asked, if there are any."""
        if not namespaces.named(self.network.name + "-"):
            self.network.make()
        self._write_secrets()
        missing = [name for name in self.pods() if not self.lives(name)]
        for kind in ("stores", "head", "workers"):
            with Progress(f"starting the {kind}"):
                for name in missing:
                    if _kind(name) == kind:
                        self.start_pod(name)
                self._wait_for(kind)
        self.configure((discover and bring_in(self.network)) or self.scripted_backends())
        with Progress("deploying the application"):
            self.deploy()
            self.ray.wait_until_running()
            for name in self.pods():
                if _kind(name) == "workers":
                    self._wait_until_open(name, self.address(name), DATA_PORT, 120)
        self._open_ports()

    def start_pod(self, name: str) -> Pod:
        if name in self.stores.specs:
            return self.stores.start(name)
        if name == "head":
            return self.ray.start_head()
        return self.ray.start_worker(int(name.removeprefix("worker-")))

    def beside(self, name: str) -> RayCluster:
        """A second RayService in the same namespace, with nothing started or deployed yet."""
        shape = self._shape(name)
        self.network.memory[f"{name}-head"] = self.overlay.head.memory
        for number in range(1, self.workers + 1):
            self.network.memory[f"{name}-worker-{number}"] = self.overlay.worker.memory
        return RayCluster(
            self.network, self.programs.python, self.programs.rocket, OPERATOR_ENVIRONMENT, shape
        )

    def kill_pod(self, name: str) -> None:
        """As a node that is switched off."""
        namespaces.clear(f"{self.network.name}-{name}")
        if pod := self.network.pods.pop(name, None):
            pod.process.wait(10)

    def lives(self, name: str) -> bool:
        return bool(namespaces.processes(f"{self.network.name}-{name}"))

    def group(self, name: str) -> MemoryGroup:
        """What holds the pod's memory within its limit."""
        return MemoryGroup(f"{self.network.name}-{name}")

    def address(self, name: str) -> str:
        if name in INDEX:
            return self.network.address(INDEX[name])
        return self.network.address(0 if name == "head" else int(name.removeprefix("worker-")))

    def configure(self, backends: list[Object], **more) -> None:
        """The ConfigMap's rocket.yaml with these backends: gateways follow the file."""
        given = self.overlay.gateway_config()
        order = {"order": [each["name"] for each in backends]} if "order" in given else {}
        text = json.dumps({**given, "backends": backends, **order, **more}, indent=1)
        file = self.volumes.named("rocket-config") / "rocket.yaml"
        replace(file, self.volumes.relocated(text, self.overlay.worker))

    def deploy(self, config: Object | None = None, cluster: RayCluster | None = None) -> None:
        """As the operator gives it to Serve; the environment's own unless another is given."""
        text = json.dumps(config or self.overlay.serve_config)
        (cluster or self.ray).deploy(json.loads(self.volumes.relocated(text, self.overlay.worker)))

    @property
    def key_file(self) -> Path:
        """The file with the API key that clients show, where the environment wants one."""
        return self.network.folder / "key"

    def _secrets(self) -> dict[str, str]:
        """What the Secret holds, without keys and what is for clouds."""
        password = self._state["postgres-password"]
        where = f"{self.address('postgres')}:{PORTS['postgres']}"
        return {
            "redis-password": self._state["redis-password"],
            "postgres-password": password,
            "postgres-url": f"postgresql://rocket:{password}@{where}/rocket",
        }

    def _spec(self, name: str) -> PodSpec:
        if name in self.stores.specs:
            return self.stores.specs[name]
        return self.overlay.head if name == "head" else self.overlay.worker

    def _shape(self, beside: str = "") -> Shape:
        head, worker = self.overlay.head, self.overlay.worker
        options = [*OPERATOR_OPTIONS, "--dashboard-host=0.0.0.0"]
        environment = head.environment(self._secrets())
        if self.overlay.has_autoscaler():
            options.append("--no-monitor")
        if self.overlay.has_external_store():
            password = self._state["redis-password"]
            options.append(f"--redis-password={password}")
            environment |= {
                "RAY_REDIS_ADDRESS": f"{self.address('redis')}:{PORTS['redis']}",
                "RAY_external_storage_namespace": beside or self.network.name,
                "REDIS_PASSWORD": password,
            }
        patience = "600" if self.overlay.has_external_store() else "60"
        of_workers = {
            "RAY_gcs_rpc_server_reconnect_timeout_s": patience,
            **worker.environment(self._secrets()),
        }
        return Shape(
            Node((*_options(head), *options), environment),
            Node((*_options(worker), *OPERATOR_OPTIONS), of_workers),
            self._state["token"],
            *((f"{beside}-", BESIDE_INDEX) if beside else ()),
        )

    def _write_secrets(self) -> None:
        """What the pods read of them, and what people do."""
        replace(self.network.folder / "token", self.ray.token, 0o600)
        folder = self.volumes.named(SECRETS)
        if not (keys := folder / "rocket-keys.yaml").exists():
            for name, file in (("handles", folder / "handle-key"), ("you", self.key_file)):
                command = [self.programs.rocket, "key", "new", "--name", name, "--keys-file", keys]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                replace(file, said, 0o600)

    def _wait_for(self, kind: str) -> None:
        if kind == "head":
            self.ray.wait_for_head()
        elif kind == "workers":
            self.ray.wait_for_nodes(1 + self.workers)
        else:
            for name in self.stores.specs:
                self._wait_until_open(name, self.address(name), PORTS[name])

    def _wait_until_open(self, what: str, address: str, port: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not self._open(address, port):
            if time.monotonic() > deadline:
                pod = self.network.pods.get(what)
                tail = f":\n{pod.log_tail()}" if pod else f"; logs: {shown(self.network.folder)}"
                raise DevError(f"{what} does not listen on {address}:{port}{tail}")
            time.sleep(0.05)

    def _open(self, address: str, port: int) -> bool:
        def dial() -> bool:
            try:
                socket.create_connection((address, port), 2).close()
            except OSError:
                return False
            return True

        return dial() if address == "127.0.0.1" else namespaces.inside(self.network.lan, dial)

    def scripted_backends(self) -> list[Object]:
        """In the places of the environment's own, but for clouds."""
        say(f"scripted model servers answer (their model is called `{MODEL}`)")
        own = self.overlay.gateway_config()["backends"]
        found = []
        for each in own:
            if each["kind"] == "anthropic":
                continue
            port = FIRST_FAKE_PORT + len(found)
            found.append({**each, "urls": [f"http://{LAN_ADDRESS}:{port}"]})
            if not self._open(LAN_ADDRESS, port):
                argv = [self.programs.fake, "--host", LAN_ADDRESS, "--port", str(port)]
                argv += ["--kind", each["kind"], "--models", MODEL, "--loaded", MODEL]
                argv += ["--fake", json.dumps({"event_delay_ms": 5})]
                self.network.run_in_lan(argv, self.network.folder / f"{each['name']}.log")
                self._wait_until_open(each["name"], LAN_ADDRESS, port)
        return found

    def _open_ports(self) -> None:
        """The gateways, Ray's dashboard and Prometheus on loopback."""
        if not self._open(LAN_ADDRESS, PROMETHEUS_PORT):
            self._start_prometheus()
        wanted: dict[int, tuple[str, list[str]]] = {
            self.ports.gateway: (
                "in",
                [f"{self.ray.worker_address(n)}:{DATA_PORT}" for n in range(1, self.workers + 1)],
            ),
            self.ports.dashboard: ("to", [f"{self.ray.head_address}:{DASHBOARD_PORT}"]),
            self.ports.prometheus: ("to", [f"{LAN_ADDRESS}:{PROMETHEUS_PORT}"]),
        }
        for port, (direction, targets) in wanted.items():
            if not self._open("127.0.0.1", port):
                forward(self.network, direction, f"127.0.0.1:{port}", *targets)
                self._wait_until_open(targets[0], "127.0.0.1", port)

    def _start_prometheus(self) -> None:
        folder = self.volumes.named("prometheus")
        replace(folder / "prometheus.yaml", prometheus.config(self.targets(), RULES, SCRAPE))
        argv = [
            self.programs.prometheus / "prometheus",
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={LAN_ADDRESS}:{PROMETHEUS_PORT}",
        ]
        self.network.run_in_lan(argv, self.network.folder / "prometheus.log")
        self._wait_until_open("prometheus", LAN_ADDRESS, PROMETHEUS_PORT)

    def targets(self) -> dict[str, list[Object]]:
        """What Prometheus asks, by job, as the environment's PodMonitors say; the autoscaler, which
        is not there, is not asked."""
        found: dict[str, list[Object]] = {}
        kinds = {"head": self.overlay.head, "worker": self.overlay.worker}
        for job, kind, port in self.overlay.scraped():
            if port == "as-metrics":
                continue
            names = [name for name in self.pods() if name.partition("-")[0] == kind]
            found[job] = [
                {
                    "targets": [f"{self.address(name)}:{kinds[kind].port(port)}"],
                    "labels": {"namespace": self.overlay.namespace, "pod": name},
                }
                for name in names
            ]
        return found


def require_bounds() -> None:
    """Raises DevError where this machine can not bound the pods' memory."""
    if controller() is None:
        raise DevError(
            "this machine bounds nobody's memory: no memory controller in /sys/fs/cgroup; "
            "a container needs --privileged. ./dev ray up has no limits"
        )


def remove(name: str, folder: Path) -> None:
    """All of it but the logs, whoever has started it. Nothing there: nothing to do."""
    PodNetwork(name, folder).remove()
    Volumes(folder / "volumes").remove()
    for file in ("state.json", "key", "token"):
        (folder / file).unlink(missing_ok=True)


def read_state(folder: Path, port: int) -> dict:
    """What has to stay the same when another process goes on with it; made if it is not there."""
    file = folder / "state.json"
    if not file.exists():
        passwords = ("token", "redis-password", "postgres-password")
        ports = {
            "gateway": port or free_port(),
            "dashboard": free_port(),
            "prometheus": free_port(),
        }
        state = {**{name: secrets.token_hex(32) for name in passwords}, "ports": ports}
        folder.mkdir(parents=True, exist_ok=True)
        replace(file, json.dumps(state), 0o600)
    return json.loads(file.read_text())


def _kind(pod: str) -> str:
    if pod in PORTS:
        return "stores"
    return "head" if pod == "head" else "workers"


def _options(spec: PodSpec) -> list[str]:
    """For `ray start`."""
    return [f"--memory={spec.memory}", *(f"--{key}={value}" for key, value in spec.start.items())]
