"""`./dev ray up | down | memory`: the gateway on a small real Ray cluster, on this machine."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dev import namespaces, ray_cluster
from dev.build import RELEASE, build
from dev.console import DevError, Progress, say
from dev.places import BUILD, shown
from dev.pods import LAN_ADDRESS, Pod, PodNetwork
from dev.ray_cluster import DATA_PORT, RayCluster, gateway_config, pss_bytes, serve_config
from dev.run import curl, discover, require_free
from dev.setup import setup

NAME = "rocket-ray"
FOLDER = BUILD / "ray"
WORKERS = 2
FORWARD = Path(__file__).parent / "forward.py"
FAKE_PORT = 9001


def up() -> int:
    """Idempotent: what is up stays up."""
    namespaces.require()
    if namespaces.named(NAME + "-"):
        if answers():
            say(f"it is up already: {summary()}")
            return 0
        say("what is left of an earlier cluster does not answer: removing it")
        remove()
    require_free("127.0.0.1", DATA_PORT, "run this in a container with a network of its own")
    setup("build", "ray")
    build("release", "rocket", "fake_backend")
    try:
        start()
    except BaseException:
        with Progress("removing what was started"):
            remove()
        raise
    say(f"up: {summary()}")
    return 0


def start() -> None:
    network = PodNetwork(NAME, FOLDER)
    cluster = RayCluster(network, ray_cluster.ray_python(), RELEASE / "rocket")
    network.make()
    (FOLDER / "token").touch(0o600)
    (FOLDER / "token").write_text(cluster.token)
    with Progress("starting the head"):
        cluster.start_head()
        cluster.wait_for_head()
    with Progress(f"starting {WORKERS} workers"):
        for number in range(1, WORKERS + 1):
            cluster.start_worker(number)
        cluster.wait_for_nodes(1 + WORKERS)
    backends = reach_backends(network)
    with Progress("deploying the gateway"):
        cluster.deploy(serve_config(gateway_config(backends)))
        cluster.wait_until_running()
    targets = [f"{cluster.worker_address(n)}:{DATA_PORT}" for n in range(1, WORKERS + 1)]
    forward(network, "in", f"127.0.0.1:{DATA_PORT}", *targets)
    with Progress(f"waiting for port {DATA_PORT}"):
        wait_for_answer()


def reach_backends(network: PodNetwork) -> list[dict]:
    """The model servers of this machine, brought into the pods' network; else a scripted one."""
    if found := bring_in(network):
        return found
    say("no model server is running: a scripted one answers (its model is called `m`)")
    fake = [RELEASE / "fake_backend", "--host", LAN_ADDRESS, "--port", str(FAKE_PORT)]
    network.run_in_lan([*fake, "--models", "m"], FOLDER / "fake_backend.log")
    return [{"name": "fake", "kind": "openai", "urls": [f"http://{LAN_ADDRESS}:{FAKE_PORT}"]}]


def bring_in(network: PodNetwork) -> list[dict]:
    """The model servers of this machine, as backends that pods reach."""
    found = discover()
    kinds = {"lm-studio": "lmstudio", "llama-cpp": "openai"}
    for port in found.values():
        forward(network, "out", f"{LAN_ADDRESS}:{port}", f"127.0.0.1:{port}")
    if found:
        say("found: " + ", ".join(f"{name} on port {port}" for name, port in found.items()))
    return [
        {"name": name, "kind": kinds.get(name, name), "urls": [f"http://{LAN_ADDRESS}:{port}"]}
        for name, port in found.items()
    ]


def forward(network: PodNetwork, direction: str, listen: str, *targets: str) -> None:
    """Runs until the network is removed: it lives in there, and only one of its sockets here."""
    with open(network.folder / "forward.log", "ab") as log:
        subprocess.Popen(
            [sys.executable, "-B", FORWARD, direction, network.lan, listen, *targets],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", DATA_PORT, timeout=2)
    try:
        connection.request("GET", "/-/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_for_answer(seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > deadline:
            raise DevError(f"port {DATA_PORT} does not answer; logs: {shown(FOLDER)}/*.log")
        time.sleep(0.05)


def down() -> int:
    """Idempotent: nothing there, nothing to do."""
    namespaces.require()
    there = namespaces.named(NAME + "-")
    with Progress("removing the cluster"):
        remove()
    say("removed" if there else "there was no cluster")
    return 0


def remove() -> None:
    PodNetwork(NAME, FOLDER).remove()
    (FOLDER / "token").unlink(missing_ok=True)


def summary() -> str:
    gateway = f"http://127.0.0.1:{DATA_PORT}"
    dashboard = f"http://{PodNetwork(NAME, FOLDER).address(0)}:{ray_cluster.DASHBOARD_PORT}"
    token = f"$(cat {shown(FOLDER)}/token)"
    return (
        f"a head and {WORKERS} workers in network namespaces ({NAME}-*), a gateway on each worker\n"
        f"  {gateway} goes to one worker after the other. Try:\n\n"
        f"{curl('127.0.0.1', DATA_PORT)}\n\n"
        f"  Serve: ip netns exec {NAME}-lan \\\n"
        f'    curl -H "authorization: Bearer {token}" {dashboard}/api/serve/applications/\n'
        f"  logs: {shown(FOLDER)}/*.log, {shown(FOLDER)}/*/session_2*/logs\n"
        "  ./dev ray down removes it"
    )


def memory() -> int:
    """What each pod takes, process by process."""
    namespaces.require()
    names = [name for name in namespaces.named(NAME + "-") if not name.endswith("-lan")]
    if not names:
        raise DevError("there is no cluster: ./dev ray up")
    for name in names:
        rows = sorted(pod_memory(namespaces.processes(name)), key=lambda row: -row[1])
        say(f"{name}: {sum(size for _, size in rows) / 2**20:.0f} MiB (PSS)")
        for what, size in rows:
            say(f"  {size / 2**20:7.1f}  {what}")
    return 0


def pod_memory(pids: list[int]) -> Iterator[tuple[str, int]]:
    for pid in pids:
        if (size := pss_bytes(pid)) and (what := ray_cluster.process_name(pid)) != "unshare":
            yield what, size


def pod_bytes(pod: Pod) -> int:
    """A whole pod's memory (PSS)."""
    return sum(size for _, size in pod_memory(pod.processes()))


def describe(pod: Pod) -> str:
    return json.dumps({what: round(size / 2**20, 1) for what, size in pod_memory(pod.processes())})
