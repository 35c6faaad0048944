"""The gateway as a Ray Serve application: deployed, reloaded, called."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dev.console import DevError
from harness.gateway import backend
from harness.ray_bed import RayBed
from harness.traffic import Traffic
from harness.waiting import wait_until

pytestmark = pytest.mark.cluster


def test_each_node_has_one_gateway_that_answers(bed: RayBed) -> None:
    assert len(bed.serving()) == 2
    for pod in bed.serving():
        answer = bed.chat(pod)
        assert (answer.status, answer.header("x-rocket-backend")) == (200, "a")
        health = bed.call(pod, "GET", "/-/healthz")
        assert (health.status, health.body) == (200, b"success")
    _, serve = bed.cluster.call("GET", "/api/serve/applications/")
    assert serve["proxies"] == {}
    deployment = serve["applications"]["gateway"]["deployments"]["MultiBackendRouter"]
    assert deployment["status"] == "HEALTHY"


def test_the_token_of_the_cluster_does_not_reach_the_gateway(bed: RayBed) -> None:
    assert bed.cluster.call("GET", "/api/version")[0] == 200
    for pod in bed.serving():
        replica = Path(f"/proc/{bed.replica_pid(pod)}/environ").read_bytes()
        assert bed.cluster.token.encode() in replica, "the test would show nothing"
        gateway = Path(f"/proc/{bed.gateway_pid(pod)}")
        environment = (gateway / "environ").read_bytes()
        assert b"RAY_" not in environment and bed.cluster.token.encode() not in environment
        assert bed.cluster.token.encode() not in (gateway / "cmdline").read_bytes()


def test_the_gateway_is_not_nice_to_ray_s_agents(bed: RayBed) -> None:
    for pod in bed.serving():
        first, gateway = (os.getpriority(os.PRIO_PROCESS, pid)
                          for pid in (pod.init, bed.gateway_pid(pod)))  # fmt: skip
        assert gateway == first


def test_a_changed_configuration_is_in_force_in_the_same_process(bed: RayBed) -> None:
    pids = [bed.gateway_pid(pod) for pod in bed.serving()]
    replicas = [bed.replica_pid(pod) for pod in bed.serving()]
    with Traffic(bed.network.lan, bed.addresses()) as traffic:
        for number in range(5):
            bed.deployed(bed.config(f"b{number}"))
        count = traffic.answered()
        wait_until("more answers", lambda: traffic.answered() > count + 20)
    assert traffic.failed() == []
    assert [bed.gateway_pid(pod) for pod in bed.serving()] == pids
    assert [bed.replica_pid(pod) for pod in bed.serving()] == replicas


BAD = {"backends": [backend("bad", "ftp://x")], "bakends": []}


def test_a_bad_configuration_is_refused_and_the_old_one_stays(bed: RayBed) -> None:
    pids = [bed.gateway_pid(pod) for pod in bed.serving()]
    replicas = [bed.replica_pid(pod) for pod in bed.serving()]
    with Traffic(bed.network.lan, bed.addresses()) as traffic:
        bed.deploy({**bed.config(), **BAD})
        wait_until("Ray's metrics tell", lambda: metric(bed, "ray_rocket_config_refused") == 1, 45)
        bed.cluster.wait_until_running()
        said = wait_until("it says why", lambda: refused(bed), 60)
        assert "backends[0].urls[0]" in said and "bakends" in said, said
        count = traffic.answered()
        wait_until("the old one answers", lambda: traffic.answered() > count + 50)
        # A good one is all that it takes.
        bed.deployed(bed.config("good"))
        wait_until("Ray's metrics tell", lambda: metric(bed, "ray_rocket_config_refused") == 0, 45)
    assert traffic.failed() == []
    assert [bed.gateway_pid(pod) for pod in bed.serving()] == pids
    assert [bed.replica_pid(pod) for pod in bed.serving()] == replicas


REFUSED = """
import json
import ray
from ray import serve

ray.init(address="auto", log_to_driver=False)
print("told", json.dumps(serve.get_app_handle("gateway").refused.remote().result(timeout_s=30)))
"""


def refused(bed: RayBed) -> str | None:
    said = bed.cluster.run(bed.cluster.python, "-c", REFUSED)
    return told(said)


def told(said: str) -> Any:
    """By a program in a pod, beside which Ray prints what has happened elsewhere."""
    (line,) = [line for line in said.splitlines() if line.startswith("told ")]
    return json.loads(line.removeprefix("told "))


def test_a_file_is_followed(bed: RayBed) -> None:
    file = bed.folder / "rocket.yaml"
    file.write_text(json.dumps(bed.config("first")))
    bed.deployed({"file": str(file)})
    pids = [bed.gateway_pid(pod) for pod in bed.serving()]

    def all_answer_by(name: str) -> bool:
        return all(bed.answers(pod, name) for pod in bed.serving())

    wait_until("the file is in force", lambda: all_answer_by("first"))
    file.write_text(json.dumps(bed.config("second")))
    wait_until("its change is in force", lambda: all_answer_by("second"))
    file.write_text("bakends: []")
    wait_until("it is seen", lambda: metric(bed, "ray_rocket_config_refused") == 1, 45)
    assert all_answer_by("second")
    file.write_text(json.dumps(bed.config("third")))
    wait_until("the mended one is in force", lambda: all_answer_by("third"))
    assert [bed.gateway_pid(pod) for pod in bed.serving()] == pids


def metric(bed: RayBed, name: str) -> float:
    """The greatest of its values over the pods, as Ray exports them; -1: there is none."""
    found = [-1.0]
    for pod in bed.serving():
        text = bed.cluster.run("curl", "-s", f"http://{pod.address}:8080/metrics")
        lines = [line for line in text.splitlines() if line.startswith(name + "{")]
        found += [float(line.rpartition(" ")[2]) for line in lines]
    return max(found)


def test_the_main_figures_are_ray_metrics(bed: RayBed) -> None:
    for pod in bed.serving():
        assert bed.chat(pod).status == 200
    for name in (
        "ray_rocket_requests_total",
        "ray_rocket_config_revision",
        "ray_rocket_utilisation",
    ):
        wait_until(f"Ray exports {name}", lambda name=name: metric(bed, name) >= 0, 45)
    assert metric(bed, "ray_rocket_requests_total") > 0


HANDLES = """
import asyncio, json, sys
import ray
from ray import serve
from rocket_ray.local_gateway import GatewayError

ray.init(address="auto", log_to_driver=False)
handle = serve.get_app_handle("gateway")
body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
answer = handle.chat.remote(body).result(timeout_s=30)
text = ""
for chunk in handle.options(stream=True).chat_stream.remote(body):
    for choice in chunk["choices"]:
        text += choice["delta"].get("content") or ""
errors = []
for wrong in ({"model": "nobody has it", "messages": body["messages"]},):
    try:
        handle.chat.remote(wrong).result(timeout_s=30)
    except GatewayError as error:
        errors.append([error.status, error.error["code"]])
    try:
        list(handle.options(stream=True).chat_stream.remote(wrong))
    except GatewayError as error:
        errors.append([error.status, error.error["code"]])
cut = {**body, "fake": {"fault": "reset_mid_stream", "at": 3}}
try:
    for chunk in handle.options(stream=True).chat_stream.remote(cut):
        pass
    errors.append("a cut stream passes for a whole one")
except GatewayError as error:
    errors.append("cut")
content = answer["choices"][0]["message"]["content"]
print("told", json.dumps({"backend": answer["_backend"], "answer": content, "stream": text,
                          "errors": errors}))
"""


def test_other_applications_call_the_gateway_of_the_node(bed: RayBed) -> None:
    said = bed.cluster.run(bed.cluster.python, "-c", HANDLES, pod="worker-1")
    found = told(said)
    assert found["backend"] == "a" and found["answer"] and found["stream"] == found["answer"]
    missing = [404, "model_not_found"]
    assert found["errors"] == [missing, missing, "cut"]


def test_serve_deploys_the_example(bed: RayBed) -> None:
    """deploy/ray_serve/serve.yaml as it stands; its backends are not there, so nobody is asked."""
    tool = bed.cluster.python.parent / "serve"
    example = Path(__file__).parents[2] / "deploy/ray_serve/serve.yaml"
    address = f"http://{bed.cluster.head_address}:8265"
    bed.cluster.run(tool, "deploy", "--address", address, example)
    bed.cluster.wait_until_running()
    wait_until(
        "both have its configuration",
        lambda: (
            len(bed.serving()) == 2
            and all(bed.call(pod, "GET", "/-/healthz").status == 200 for pod in bed.serving())
        ),
        30,
    )


def test_a_worker_takes_no_more_memory_than_it_may(bed: RayBed) -> None:
    from dev.ray import describe, pod_bytes

    most = 512 << 20
    for pod in bed.serving():
        found = pod_bytes(pod)
        print(f"{pod.name}: {found / 2**20:.0f} MiB PSS: {describe(pod)}")
        assert found <= most, describe(pod)
    head = pod_bytes(bed.network.pods["head"])
    print(f"head: {head / 2**20:.0f} MiB PSS: {describe(bed.network.pods['head'])}")
    assert head <= 1.2 * 2**30


def test_shutdown_leaves_no_gateway_and_no_port_and_a_first_configuration_has_to_be_good(
    bed: RayBed,
) -> None:
    pods = bed.serving()
    bed.cluster.shut_serve_down()
    for pod in pods:
        wait_until("its gateway has gone", lambda pod=pod: bed.gateway_pid(pod) is None, 60)
        assert bed.refused(pod)
    # Where nothing is in force yet, a bad configuration fails the deployment.
    bed.deploy({**bed.config(), **BAD})
    with pytest.raises(DevError) as failed:
        bed.cluster.wait_until_running()
    said = str(failed.value)
    assert "DEPLOY_FAILED" in said and "backends[0].urls[0]" in said and "bakends" in said, said
    bed.deployed()


PROMPTS = """
import json
import ray
from ray import serve
from rocket_ray.local_gateway import GatewayError

ray.init(address="auto", log_to_driver=False)
handle = serve.get_app_handle("prompts")
asked = {"prompts": ["one", "two", "three"], "params": {"model": "m"}}
answer = handle.prompts.remote(asked).result(timeout_s=60)
try:
    handle.prompts.remote({"prompts": []}).result(timeout_s=60)
except GatewayError as error:
    refused = error.status
results = [one["object"] for one in answer["results"]]
print("told", json.dumps({"count": answer["count"], "backend": answer["backend"],
                          "results": results, "refused": refused}))
"""


def test_many_prompts_are_an_application_beside_the_gateway(bed: RayBed) -> None:
    try:
        bed.deploy(beside=[PROMPTS_APPLICATION])
        bed.cluster.wait_until_running("prompts")
        said = bed.cluster.run(bed.cluster.python, "-c", PROMPTS, pod="worker-1")
        assert told(said) == {
            "count": 3,
            "backend": "a",
            "results": ["chat.completion"] * 3,
            "refused": 400,
        }
    finally:
        bed.deploy()


PROMPTS_APPLICATION = {
    "name": "prompts",
    "route_prefix": None,
    "import_path": "deploy.ray_serve.batch_inference:app",
    "deployments": [{"name": "BatchInferenceAPI"}],
}
