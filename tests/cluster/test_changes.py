"""Changes, and back, on a cluster under load: the steps of docs/operations.md, executed."""

import copy
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from dev.pods import Pod
from dev.ray_cluster import RayCluster
from harness.emulated_bed import EmulatedBed
from harness.gateway import backend
from harness.operations import blocks, command
from harness.traffic import Traffic
from harness.waiting import wait_until
from harness.wire import chat

pytestmark = pytest.mark.cluster

CANARY = "### A new model beside the old one"
IN_PLACE = "### In place"
TRIAL = "### A trial job"


def processes(prod: EmulatedBed) -> list[tuple[int | None, int | None]]:
    """Of each node, the replica and its gateway."""
    return [(prod.replica_pid(pod), prod.gateway_pid(pod)) for pod in prod.worker_pods()]


def wait_for_more(traffic: Traffic, count: int = 100) -> None:
    wanted = traffic.answered() + count
    wait_until("more answers", lambda: traffic.answered() >= wanted, 30)


def test_configuration_in_place_and_back(prod: EmulatedBed) -> None:
    before = processes(prod)
    route = {"fast": [{"backend": prod.backends[0]["name"], "model": "m"}]}
    with prod.traffic() as traffic:
        prod.emulated.configure(prod.backends, models=route)
        check(prod)
        wait_until("it is in force", lambda: prod.everywhere(lambda pod: prod.answers(pod, "fast")))
        wait_for_more(traffic)
        prod.emulated.configure(prod.backends)
        wait_until(
            "the old one is",
            lambda: prod.everywhere(lambda pod: prod.chat(pod, "fast").status == 404),
        )
        wait_for_more(traffic)
    assert traffic.failed() == [] and traffic.unready == 0
    assert processes(prod) == before


def check(prod: EmulatedBed) -> None:
    """As the steps have it, in a pod."""
    words = command(IN_PLACE, "rocket check")
    assert words == ["rocket", "check", "/dev/stdin"]
    file = prod.emulated.volumes.folder / "rocket-config/rocket.yaml"
    words[0] = str(prod.emulated.programs.rocket)
    assert b"ok" in prod.execute("worker-1", *words, given=file.read_bytes())


def test_a_configuration_with_a_fault_is_refused_and_the_old_one_stays(prod: EmulatedBed) -> None:
    before = processes(prod)
    with prod.traffic() as traffic:
        prod.emulated.configure(prod.backends, bakends=[])
        refused = "max by (namespace) (ray_rocket_config_refused) > 0"
        wait_until("its alert speaks", lambda: prod.query(refused), 60)
        wait_for_more(traffic)
        prod.emulated.configure(prod.backends)
        wait_until("it is silent", lambda: prod.query("max (ray_rocket_config_refused) == 0"), 60)
    assert traffic.failed() == [] and processes(prod) == before


def test_arguments_in_place_and_back(prod: EmulatedBed) -> None:
    """Replicas are replaced, one after the other."""
    changed = copy.deepcopy(prod.emulated.overlay.serve_config)
    changed["applications"][0]["args"]["lame_duck_s"] = 2
    with prod.traffic() as traffic:
        replace_replicas(prod, changed)
        replace_replicas(prod, None)
        wait_for_more(traffic)
    assert traffic.failed() == [] and traffic.unready == 0


def replace_replicas(prod: EmulatedBed, config: dict | None) -> None:
    old = {pod.name: prod.replica_pid(pod) for pod in prod.worker_pods()}

    def replaced(pod: Pod) -> bool:
        return bool(prod.gateway_pid(pod)) and prod.replica_pid(pod) not in (None, old[pod.name])

    prod.emulated.deploy(config)
    wait_until("all replicas are new", lambda: prod.everywhere(replaced), 120)
    prod.cluster.wait_until_running()
    wait_until("all answer", lambda: prod.everywhere(prod.answers), 30)


def test_an_application_that_can_not_be_deployed_leaves_the_old_one(prod: EmulatedBed) -> None:
    before = processes(prod)
    wrong = copy.deepcopy(prod.emulated.overlay.serve_config)
    wrong["applications"][0]["import_path"] = "deploy.ray_serve.nowhere:app"
    with prod.traffic() as traffic:
        prod.emulated.deploy(wrong)
        # Serve tries it more than once, each time in a process of its own.
        wait_until("it failed", lambda: status(prod) == "DEPLOY_FAILED", 300)
        failed = "min by (namespace, application) (ray_serve_application_status) < 3"
        wait_until("its alert speaks", lambda: prod.query(failed), 60)
        wait_for_more(traffic)
        prod.emulated.deploy()
        prod.cluster.wait_until_running()
        wait_for_more(traffic)
    assert traffic.failed() == [] and traffic.unready == 0
    assert processes(prod) == before


def status(prod: EmulatedBed) -> str:
    return prod.cluster.application().get("status", "")


def test_a_canary_by_weights_told_apart_by_its_metrics(prod: EmulatedBed) -> None:
    steps = [yaml.safe_load(each)["models"] for each in blocks(CANARY, "yaml")]
    (queries,) = blocks(CANARY, "promql")
    route = steps[0]["fast"]
    old, new = (each["backend"] for each in route)
    servers = [
        backend(each["backend"], prod.start_fake(each["model"], event_delay_ms=2).url)
        for each in route
    ]
    prod.emulated.configure(servers, models=steps[0])
    wait_until("it is in force", lambda: prod.everywhere(lambda pod: prod.answers(pod, "fast")), 30)
    with prod.traffic(body=chat("fast", stream=True), clients=8) as traffic:
        wait_for_more(traffic, 600)
        share = shares(prod, [each["model"] for each in route])
        for query in queries.splitlines():
            wait_until(query, lambda query=query: told(prod, query) >= {old, new}, 30)
        for step, only in ((steps[1], new), (steps[2], old)):
            prod.emulated.configure(servers, models=step)
            wait_until(f"{only} alone answers", lambda only=only: prod.everywhere(by(prod, only)))
        wait_for_more(traffic)
    print(f"of {sum(share.values()):.0f} streams, {share}")
    assert traffic.failed() == []
    assert 0.04 < share[route[1]["model"]] / sum(share.values()) < 0.2


def by(prod: EmulatedBed, name: str) -> Callable:
    """Whether a pod's gateway lets that backend answer, ten times in a row."""
    return lambda pod: all(
        prod.chat(pod, "fast").header("x-rocket-backend") == name for _ in range(10)
    )


def shares(prod: EmulatedBed, models: list[str]) -> dict[str, float]:
    """Streams by model, over all gateways."""

    def found() -> dict[str, float]:
        rows = prod.query("sum by (model) (rocket_first_token_seconds_count)")
        told = {row["metric"]["model"]: float(row["value"][1]) for row in rows}
        return {model: told.get(model, 0.0) for model in models}

    wait_until("it is scraped", lambda: sum(found().values()) > 400, 30)
    return found()


def told(prod: EmulatedBed, query: str) -> set[str]:
    return {row["metric"].get("backend", "") for row in prod.query(query)}


def test_a_trial_job_with_the_token_and_without(prod: EmulatedBed, tmp_path: Path) -> None:
    (program,) = blocks(TRIAL, "python")
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "trial.py").write_text(program)
    first = prod.backends[0]["name"]
    prod.emulated.configure(prod.backends, models={"fast": [{"backend": first, "model": "m"}]})
    wait_until("the route is there", lambda: prod.everywhere(lambda pod: prod.answers(pod, "fast")))
    # Its calls show the key of handle_key_file: whoever has none is refused here.
    done = submit(prod, tmp_path, prod.cluster.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"{first} ") >= 20 and "succeeded" in done.stdout, done.stdout
    refused = submit(prod, tmp_path, "")
    told = refused.stdout + refused.stderr
    assert refused.returncode != 0 and "token authentication is enabled" in told.lower(), told
    # That was Ray's client; its head knows one token from another.
    refused = submit(prod, tmp_path, "0" * 64)
    told = refused.stdout + refused.stderr
    assert refused.returncode != 0 and "succeeded" not in told, told


def submit(prod: EmulatedBed, folder: Path, token: str) -> subprocess.CompletedProcess[str]:
    """The step's own command, through what is forwarded here."""
    address = f"http://127.0.0.1:{prod.emulated.ports.dashboard}"
    words = command(TRIAL, "ray job submit")
    words[0] = str(prod.cluster.python.parent / "ray")
    words = [address if each == "http://127.0.0.1:8265" else each for each in words]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    if token:
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def green(prod: EmulatedBed) -> Iterator[RayCluster]:
    """A second RayService, not yet started."""
    yield prod.emulated.beside("green")
    for name in [name for name in prod.network.pods if name.startswith("green-")]:
        prod.emulated.kill_pod(name)


def test_a_second_gateway_behind_the_same_route_and_the_first_one_goes(
    prod: EmulatedBed, green: RayCluster
) -> None:
    """Green comes up beside blue, the route leads to both, then to green alone, and blue is
    deleted; another image comes the same way."""
    blue = prod.addresses()
    news = [green.worker_address(number) for number in range(1, prod.workers + 1)]
    with Traffic(prod.network.lan, blue, headers=prod.headers) as before:
        start(prod, green)
        with Traffic(prod.network.lan, [*blue, *news], headers=prod.headers) as both:
            for each in (*blue, *news):
                wait_until(f"{each} answers", lambda each=each: both.answered(each) > 20, 60)
        with Traffic(prod.network.lan, news, headers=prod.headers) as after:
            # Blue's last clients are served: a deleted RayService ends its pods kindly.
            for pod in prod.worker_pods():
                prod.network.terminate(pod, 60)
            prod.emulated.kill_pod("head")
            wait_for_more(after)
    for name, traffic in (("blue", before), ("both", both), ("green", after)):
        print(f"{name}: {traffic.answered()} answered, {len(traffic.failed())} failed")
        assert traffic.failed() == [] and (name == "blue" or traffic.unready == 0)


def start(prod: EmulatedBed, green: RayCluster) -> None:
    green.start_head()
    green.wait_for_head()
    for number in range(1, prod.workers + 1):
        green.start_worker(number)
    green.wait_for_nodes(1 + prod.workers)
    prod.emulated.deploy(cluster=green)
    green.wait_until_running()
