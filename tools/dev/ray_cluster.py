"""A small real Ray cluster in emulated pods, with the gateway as a Serve application on it."""

import http.client
import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev import namespaces
from dev.console import DevError
from dev.engines import EngineMissing
from dev.places import ROOT
from dev.pods import Pod, PodNetwork, output_of
from dev.venvs import python

REQUIREMENTS = ROOT / "python/requirements.txt"
PYTHON = (3, 11)  # whose packages it pins
APPLICATION = "gateway"
DEPLOYMENT = "MultiBackendRouter"
IMPORT_PATH = "deploy.ray_serve.multi_backend_router:app"
GCS_PORT = 6379
DASHBOARD_PORT = 8265
METRICS_PORT = 8080
DATA_PORT = 8000
RESTARTS_MAX = 3
# The least that Ray takes, in bytes: no object of a request is ever put there.
OBJECT_STORE_BYTES = 80_000_000
# The head has no place for replicas; what it saves is in docs/ray.md.
HEAD_OPTIONS = ("--num-cpus=0", "--dashboard-host=0.0.0.0", f"--dashboard-port={DASHBOARD_PORT}")
WORKER_OPTIONS = ("--num-cpus=1",)
COMMON_OPTIONS = (
    f"--object-store-memory={OBJECT_STORE_BYTES}",
    f"--metrics-export-port={METRICS_PORT}",
    "--include-log-monitor=false",
    "--disable-usage-stats",
    "--block",
)
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    # Workers serve on without a head for as long; the default is 60 s.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
    # How often replicas tell the autoscaler what they have to do; the default is 10 s.
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
    # The gateway is what a node is for: Ray's own workers are nice to everybody, 15 of 19.
    "RAY_worker_niceness": "0",
    # Its Python processes take this long to start where others use the processors, too.
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "180",
    "RAY_raylet_start_wait_time_s": "120",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LANG": "C.UTF-8",
}


def ray_python() -> Path:
    """The interpreter that has Ray, made once. Raises EngineMissing where pods can not be had."""
    try:
        namespaces.require()
    except namespaces.NamespacesMissing as missing:
        raise EngineMissing(f"Ray: {missing}") from missing
    if sys.version_info[:2] != PYTHON:
        raise EngineMissing(f"Ray: its packages are pinned for Python {PYTHON[0]}.{PYTHON[1]}")
    return python(REQUIREMENTS)


@dataclass(frozen=True)
class Node:
    """How `ray start` is called, and what its environment has besides everybody's."""

    options: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """What a cluster is made of. A second one in the same network has a `prefix` to its pods'
    names, and its `first` place there behind the others'."""

    head: Node = Node((*HEAD_OPTIONS, *COMMON_OPTIONS))
    worker: Node = Node((*WORKER_OPTIONS, *COMMON_OPTIONS))
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    prefix: str = ""
    first: int = 0


class RayCluster:
    """`head` and `worker-1`, `worker-2`, ... in `network`."""

    def __init__(
        self,
        network: PodNetwork,
        ray_python: Path,
        binary: Path,
        environment: Mapping[str, str] | None = None,
        shape: Shape | None = None,
    ):
        self.network = network
        self.python = ray_python
        self.shape = shape or Shape()
        self.token = self.shape.token
        self.environment = {
            **ENVIRONMENT,
            "PATH": f"{self.python.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(network.folder),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'python'}",
            "RAY_AUTH_TOKEN": self.token,
            "ROCKET_BINARY": str(binary),
            **(environment or {}),
        }

    @property
    def head_address(self) -> str:
        return self.worker_address(0)

    def worker_address(self, number: int) -> str:
        return self.network.address(self.shape.first + number)

    def start_head(self, environment: Mapping[str, str] | None = None) -> Pod:
        return self._start(
            "head", 0, ("--head", f"--port={GCS_PORT}"), self.shape.head, environment
        )

    def start_worker(self, number: int) -> Pod:
        """From 1 on."""
        address = f"--address={self.head_address}:{GCS_PORT}"
        return self._start(f"worker-{number}", number, (address,), self.shape.worker)

    def _start(self, name: str, number: int, options, node: Node, environment=None) -> Pod:
        address = f"--node-ip-address={self.worker_address(number)}"
        argv = [self.python.parent / "ray", "start", address, *options, *node.options]
        given = {**self.environment, **node.environment, **(environment or {})}
        place = self.shape.first + number
        return self.network.start(self.shape.prefix + name, place, argv, given)

    def wait_for_head(self, seconds: float = 180) -> None:
        self._wait("the head is up", lambda: self.call("GET", "/api/version")[0] == 200, seconds)

    def wait_for_nodes(self, count: int, seconds: float = 180) -> None:
        """Until so many nodes, the head among them, are alive."""
        self._wait(f"{count} nodes are alive", lambda: len(self.nodes()) >= count, seconds)

    def nodes(self) -> list[dict]:
        status, answer = self.call("GET", "/api/v0/nodes")
        if status != 200:
            return []
        rows = answer["data"]["result"]["result"]
        return [row for row in rows if row["state"] == "ALIVE"]

    def deploy(self, config: Mapping) -> None:
        """As `serve deploy` does. Returns when Serve has it, not when it runs."""
        status, answer = self.call("PUT", "/api/serve/applications/", config, timeout=120)
        if status != 200:
            raise DevError(f"Serve does not take the application: {status}: {str(answer)[:2000]}")

    def shut_serve_down(self) -> None:
        self.call("DELETE", "/api/serve/applications/", timeout=180)

    def application(self, name: str = APPLICATION) -> dict:
        """What Serve says of it; empty if it says nothing."""
        status, answer = self.call("GET", "/api/serve/applications/")
        return answer["applications"].get(name, {}) if status == 200 else {}

    def wait_until_running(self, name: str = APPLICATION, seconds: float = 180) -> dict:
        """Until all of its replicas are. Raises DevError with what Serve says of a failure."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.application(name)
            if found.get("status") == "RUNNING":
                return found
            if found.get("status") == "DEPLOY_FAILED" or time.monotonic() > deadline:
                told = [found.get("status", "not there"), found.get("message", "")]
                told += [each["message"] for each in found.get("deployments", {}).values()]
                raise DevError(f"the application {name} does not run: " + "\n".join(told))
            time.sleep(0.1)

    def call(
        self, method: str, path: str, body: Mapping | None = None, timeout: float = 10
    ) -> tuple[int, dict]:
        """Asks the dashboard. Status 0: nobody answers."""

        def ask() -> tuple[int, dict]:
            connection = http.client.HTTPConnection(
                self.head_address, DASHBOARD_PORT, timeout=timeout
            )
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            try:
                connection.request(method, path, json.dumps(body) if body else None, headers)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException):
                return 0, {}
            finally:
                connection.close()
            try:
                return response.status, json.loads(text or b"{}")
            except ValueError:
                return response.status, {"text": text.decode(errors="replace")}

        return namespaces.inside(self.network.lan, ask)

    def run(self, *argv: str | Path, pod: str = "head", timeout: float = 120) -> str:
        """A program in a pod, as somebody who has logged in there; what it says."""
        found = self.network.pods[self.shape.prefix + pod]
        return output_of(
            ["nsenter", "-t", str(found.init), "--net", "--mount", "--pid"],
            argv,
            timeout,
            env={**self.environment, "RAY_ADDRESS": f"{self.head_address}:{GCS_PORT}"},
            cwd=ROOT,
        )

    def restart_ended(self) -> None:
        """As Kubernetes does: on a busy machine Ray gives up its own start after half a minute.
        Raises DevError for a pod that has ended again and again."""
        for pod in [each for each in self.network.pods.values() if not each.running()]:
            if pod.restarts == RESTARTS_MAX:
                raise DevError(f"{pod.name} has ended again and again:\n{pod.log_tail()}")
            self.network.restart(pod)

    def _wait(self, what: str, condition, seconds: float) -> None:
        """A pod that ends meanwhile is started again."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pods = self.network.pods.values()
                tails = [f"{pod.name}:\n{pod.log_tail()}" for pod in pods if not pod.running()]
                raise DevError("\n".join([f"not within {seconds:.0f} s: {what}", *tails]))
            self.restart_ended()
            time.sleep(0.1)


def serve_config(user_config: Mapping, *, arguments: Mapping | None = None, **options) -> dict:
    """For deploy(): the gateway application alone. `options` are of its deployment."""
    return {
        "proxy_location": "Disabled",
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": None,
                "import_path": IMPORT_PATH,
                "args": dict(arguments or {}),
                "deployments": [{"name": DEPLOYMENT, "user_config": user_config, **options}],
            }
        ],
    }


def gateway_config(backends: list[dict], **more) -> dict:
    """A configuration for gateways in pods."""
    return {
        "listen": f"0.0.0.0:{DATA_PORT}",
        "allow_unauthenticated": True,
        "backends": backends,
        **more,
    }


def pss_bytes(pid: int) -> int:
    """A process's share of memory: what it shares with others is counted in parts."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has just ended
    return 0


def process_name(pid: int) -> str:
    """As a person would call it."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "(ended)"
    if words[0].startswith("ray::"):
        return words[0].split()[0]
    if any("multiprocessing" in word for word in words):
        return "a process of the dashboard"
    for word in words:
        name = os.path.basename(word)
        if name.startswith(("python", "-")) or not name:
            continue
        if name in ("main.py", "agent.py", "dashboard.py"):
            return f"{Path(word).parent.name}/{name}"
        return f"{name} {words[2]}".strip() if name == "ray" and len(words) > 2 else name
    return words[0]
