"""What `./dev cluster up` starts: prod, within its pods' memory, asked, watched and broken."""

import http.client
import json
import os
import signal
import time
from pathlib import Path

import pytest

from dev import emulated, namespaces
from dev.memory_groups import controller
from harness.emulated_bed import EmulatedBed
from harness.traffic import Outcome
from harness.waiting import wait_until
from harness.wire import chat, streamed_text

pytestmark = pytest.mark.cluster

FAILOVER_S = 5


def ask(prod: EmulatedBed, *, stream: bool = False) -> tuple[int, bytes]:
    """On loopback, as a person at the machine does; status 0: nobody answered."""
    connection = http.client.HTTPConnection("127.0.0.1", prod.emulated.ports.gateway, timeout=20)
    headers = {"content-type": "application/json", **prod.headers}
    try:
        connection.request(
            "POST", "/v1/chat/completions", json.dumps(chat("m", stream=stream)), headers
        )
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()
    finally:
        connection.close()


def test_a_stream_comes_whole_and_who_has_no_key_is_refused(prod: EmulatedBed) -> None:
    status, body = ask(prod, stream=True)
    assert status == 200 and streamed_text(body), body
    prod.headers, shown = {}, prod.headers
    try:
        assert ask(prod)[0] == 401
    finally:
        prod.headers = shown


def test_the_application_is_prod_s(prod: EmulatedBed) -> None:
    (application,) = prod.emulated.overlay.serve_config["applications"]
    (deployment,) = application["deployments"]
    found = prod.cluster.application()
    assert found["status"] == "RUNNING"
    running = found["deployments"][deployment["name"]]["deployment_config"]
    assert running["autoscaling_config"]["max_replicas"] == 4
    for name in ("graceful_shutdown_timeout_s", "health_check_period_s"):
        assert running[name] == deployment[name]
    for pod in prod.serving():
        environment = Path(f"/proc/{prod.gateway_pid(pod)}/environ").read_bytes()
        assert b"ROCKET_POSTGRES_URL=" in environment and b"RAY_AUTH" not in environment


def test_prometheus_has_every_target_and_the_rules(prod: EmulatedBed) -> None:
    wanted = {job: len(rows) for job, rows in prod.emulated.targets().items()}
    assert wanted == {"rocket-gateway": 2, "ray-head": 1, "ray-worker": 2, "ray-dashboard": 1}

    def up() -> dict[str, int]:
        found = prod.query("sum by (job) (up)")
        return {row["metric"]["job"]: int(row["value"][1]) for row in found}

    wait_until("all targets are up", lambda: up() == wanted, 30)
    with prod.traffic():
        pass
    for name in ("rocket:requests:rate5m", "rocket:first_token_seconds:p95"):
        wait_until(f"{name} is recorded", lambda name=name: prod.query(name), 90)


def test_a_killed_gateway_costs_the_other_node_nothing(prod: EmulatedBed) -> None:
    pod, other = prod.serving()
    with prod.traffic() as traffic:
        before = prod.gateway_pid(pod)
        assert before
        at = time.monotonic()
        os.kill(before, signal.SIGKILL)
        wait_until("it answers again", lambda: traffic.answered(pod.address, at) > 5, FAILOVER_S)
        seconds = time.monotonic() - at
        count = traffic.answered(other.address)
        wait_until("more answers", lambda: traffic.answered(other.address) > count + 50)
    print(f"gateway kill -9: back after {seconds:.2f} s; {told(traffic.failed(), at)}")
    assert traffic.failed(pod.address) == []
    assert all(each.ended - at < 1 for each in traffic.failed())


def told(failed: list[Outcome], at: float) -> str:
    last = max((each.ended - at for each in failed), default=0)
    return f"{len(failed)} failed, the last after {last:.2f} s"


def test_a_killed_node_costs_the_other_nothing_and_comes_back(prod: EmulatedBed) -> None:
    pod, other = prod.serving()
    with prod.traffic() as traffic:
        at = time.monotonic()
        prod.emulated.kill_pod(pod.name)
        good = 0
        while good < 20 and time.monotonic() - at < 30:
            good = good + 1 if ask(prod)[0] == 200 else 0
        failover = time.monotonic() - at
        count = traffic.answered(other.address)
        wait_until("the other goes on", lambda: traffic.answered(other.address) > count + 100, 30)
        prod.emulated.start(discover=False)
        wait_until("it answers again", lambda: traffic.answered(pod.address, at) > 5, 60)
        seconds = time.monotonic() - at
    print(
        f"node killed: {failover:.2f} s until 20 answers in a row on loopback; back after "
        f"{seconds:.1f} s; {told(traffic.failed(), at)}"
    )
    assert traffic.failed(pod.address) == []
    assert failover < FAILOVER_S
    assert all(each.ended - at < FAILOVER_S for each in traffic.failed())


def test_each_pod_keeps_within_its_memory(prod: EmulatedBed) -> None:
    with prod.traffic(clients=8) as traffic:
        wait_until("it is loaded", lambda: traffic.answered() > 1000, 60)
        for name in prod.emulated.pods():
            group = prod.emulated.group(name)
            held, peak, most = (
                each / 2**20 for each in (group.held(), group.peak(), group.bound())
            )
            print(f"{name}: {held:.0f} MiB held, {peak:.0f} with files' pages, of {most:.0f}")
            assert group.killed() == 0 and held < 0.9 * most
    spec = prod.emulated.overlay
    assert prod.emulated.group("head").bound() == spec.head.memory == 1280 << 20
    assert prod.emulated.group("worker-1").bound() == spec.worker.memory == 640 << 20


def test_down_leaves_nothing(prod: EmulatedBed, beds) -> None:
    name, folder, ports = prod.network.name, prod.network.folder, prod.emulated.ports
    assert processes_of(folder) and groups_of(name)
    beds.end()
    assert namespaces.named(name) == [] and groups_of(name) == []
    wait_until("no process is left", lambda: not processes_of(folder))
    assert not (folder / "volumes").exists() and not (folder / "token").exists()
    for port in (ports.gateway, ports.dashboard, ports.prometheus):
        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()
    emulated.remove(name, folder)  # nothing there, nothing to do


def groups_of(name: str) -> list[str]:
    folder = controller()
    assert folder
    return [each.name for each in folder.glob(name + "-*")]


def processes_of(folder: Path) -> list[int]:
    """Those that name it in their command line or environment."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        if int(each.name) != os.getpid():
            try:
                text = (each / "cmdline").read_bytes() + (each / "environ").read_bytes()
            except OSError:
                continue
            if bytes(folder) in text:
                found.append(int(each.name))
    return found
