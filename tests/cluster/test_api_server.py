"""What Kubernetes itself says of the manifests: its API server takes each object strictly, without
a warning, refuses what it should, and its scheduler places what docs/cluster.md says fits."""

import copy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from manifests import budget, fit
from manifests.pods import claims, pods
from manifests.rendering import (
    ENVIRONMENTS,
    MANIFESTS,
    ROOT,
    Object,
    environment,
    head_group,
    name_of,
    of_kind,
    parse,
    ray_cluster,
    ray_service,
    render,
)
from manifests.schemas import ray_service_definition
from small_cluster import SmallCluster

from harness.api_server import ApiServer
from harness.engines import place
from harness.kubernetes_api import KubernetesApi, Reply
from harness.waiting import wait_until

pytestmark = pytest.mark.cluster

FOLDERS = ("operator", "backends", *ENVIRONMENTS)
BY_HAND = ("ingress/ray-dashboard-ingress.yaml", "ingress/gateway/httproute.yaml")
COMPONENTS = ("matrix", "backends/lm-studio")


@dataclass(frozen=True)
class Applied:
    what: str
    first: Reply
    again: Reply


def prod_with_components(folder: Path) -> list[Object]:
    """prod with the components that no environment has, added as their files say."""
    tree = folder / "ray"
    shutil.copytree(MANIFESTS, tree)
    file = tree / "prod/kustomization.yaml"
    added = "".join(f"  - ../{each}\n" for each in COMPONENTS)
    file.write_text(file.read_text().replace("components:\n", f"components:\n{added}"))
    return render(tree / "prod")


def everything(folder: Path) -> dict[str, list[Object]]:
    """By what is given to kubectl, in the order of docs/cluster.md."""
    found = {each: render(MANIFESTS / each) for each in FOLDERS}
    for file in BY_HAND:
        found[file] = parse((MANIFESTS / file).read_text())
        for each in found[file]:
            each["metadata"]["namespace"] = "ray-prod"
    found["monitoring"] = render(ROOT / "monitoring")
    found["prod with components"] = prod_with_components(folder)
    return found


def define(api: KubernetesApi) -> None:
    """The kinds that are not Kubernetes' own."""
    files = sorted((place("ROCKET_KUBERNETES") / "crds").glob("*.yaml"))
    definitions = [
        ray_service_definition(),
        *(each for file in files for each in parse(file.read_text())),
    ]
    for each in definitions:
        api.apply(each).expect(201)
    for spec in (each["spec"] for each in definitions):
        version, plural = spec["versions"][0]["name"], spec["names"]["plural"]
        wait_until(
            f"{plural} are served",
            partial(served, api, f"/apis/{spec['group']}/{version}", plural),
            60,
        )


def served(api: KubernetesApi, version: str, plural: str) -> bool:
    listed = api.call("GET", version).body.get("resources", [])
    return any(each["name"] == plural for each in listed) and (
        api.call("GET", f"{version}/{plural}").status == 200
    )


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[KubernetesApi]:
    server = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        server.start()
        define(server.api)
        yield server.api
        assert server.running()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def objects(tmp_path_factory) -> dict[str, list[Object]]:
    return everything(tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="module")
def applied(api: KubernetesApi, objects) -> dict[str, list[Applied]]:
    """What the API server said to each object, and when it came again."""
    # Where Prometheus lives: not ours.
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "observability"}}
    api.create(namespace).expect(201)
    found = {}
    for what, some in objects.items():
        first = [api.apply(each) for each in some]
        again = [api.apply(each) for each in some]
        rows = zip(map(name_of, some), first, again, strict=True)
        found[what] = [Applied(*row) for row in rows]
    return found


@pytest.fixture(scope="module")
def bound_cluster(api: KubernetesApi, objects, applied) -> SmallCluster:
    cluster = SmallCluster(api)
    for some in objects.values():
        cluster.bind(claims(some))
    return cluster


@pytest.fixture
def cluster(bound_cluster: SmallCluster) -> Iterator[SmallCluster]:
    try:
        yield bound_cluster
    finally:
        bound_cluster.clear()


@pytest.mark.parametrize("what", [*FOLDERS, *BY_HAND, "monitoring", "prod with components"])
def test_everything_is_taken_strictly_and_without_a_warning(applied, what: str) -> None:
    refused = [
        f"{each.what}: {reply.status} {reply.message} {reply.warnings}"
        for each in applied[what]
        for reply in (each.first, each.again)
        if reply.status not in (200, 201) or reply.warnings
    ]
    assert applied[what] and refused == []


def content(an_object: Object) -> Object:
    """Without what the API server keeps for itself: claims get a new version each time, and so does
    a policy with an empty list, which it does not keep."""
    metadata = {
        name: value
        for name, value in an_object["metadata"].items()
        if name not in ("resourceVersion", "generation", "managedFields")
    }
    return {**an_object, "metadata": metadata}


@pytest.mark.parametrize("what", [*FOLDERS, *BY_HAND, "monitoring", "prod with components"])
def test_what_comes_again_changes_nothing(applied, what: str) -> None:
    for each in applied[what]:
        first, again = (content(reply.body) for reply in (each.first, each.again))
        assert first == again, each.what


def head_pod() -> Object:
    return next(each for each in pods(environment("prod")) if "-head-" in each["metadata"]["name"])


def privileged_pod() -> Object:
    pod = head_pod()
    # The one without the other is refused by every cluster.
    more = {"privileged": True, "allowPrivilegeEscalation": True}
    pod["spec"]["containers"][0]["securityContext"] |= more
    return pod


def careless_autoscaler() -> Object:
    pod = head_pod()
    (sidecar,) = [each for each in pod["spec"]["containers"] if each["name"] == "autoscaler"]
    del sidecar["securityContext"]
    return pod


def head_with_replicas() -> Object:
    objects = environment("prod")
    head_group(objects)["replicas"] = 1
    return ray_service(objects)


def managed_by_nobody() -> Object:
    objects = environment("prod")
    ray_cluster(objects)["managedBy"] = "nobody"
    return ray_service(objects)


def first_of(kind: str) -> Object:
    return of_kind(environment("prod"), kind)[0]


def with_nonsense(kind: str) -> Object:
    an_object = first_of(kind)
    an_object["spec"]["nonsense"] = 1
    return an_object


REFUSED = {
    "a privileged pod": (privileged_pod, 'violates PodSecurity "restricted'),
    "an autoscaler that says nothing of its security": (
        careless_autoscaler,
        'violates PodSecurity "restricted',
    ),
    "a field that Ray's head has not": (head_with_replicas, ".replicas: field not declared"),
    "a field that a StatefulSet has not": (
        lambda: with_nonsense("StatefulSet"),
        ".spec.nonsense: field not declared",
    ),
    "a field that a PodMonitor has not": (
        lambda: with_nonsense("PodMonitor"),
        ".spec.nonsense: field not declared",
    ),
    "what only a rule of the CRD knows": (managed_by_nobody, "managedBy field value must be"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_wrong_is_refused(api: KubernetesApi, bound_cluster, fault: str) -> None:
    make, says = REFUSED[fault]
    an_object = make()
    if an_object["kind"] == "Pod":
        bound_cluster.make_accounts([an_object])
        reply = api.create(an_object)
    else:
        reply = api.apply(an_object, dry_run=True)
    assert reply.status >= 400 and says in reply.message, reply


def test_a_template_whose_pods_would_be_refused_is_warned_of(api: KubernetesApi, applied) -> None:
    """So that no warning above means something."""
    an_object = first_of("StatefulSet")
    container = an_object["spec"]["template"]["spec"]["containers"][0]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    reply = api.apply(an_object, dry_run=True)
    assert reply.status == 200
    assert any("would violate PodSecurity" in each for each in reply.warnings), reply


every_scenario = pytest.mark.parametrize(
    "scenario", budget.SCENARIOS, ids=lambda scenario: scenario.what
)


@every_scenario
def test_the_scheduler_agrees_with_the_guide(cluster: SmallCluster, scenario) -> None:
    """Left to itself it places everything, or somebody waits, as the table says."""
    cluster.open(scenario.nodes)
    where = cluster.place(scenario.pods)
    there = cluster.pods()
    assert sorted(budget.needs(there), key=str) == sorted(scenario.needs, key=str)
    check_nodes(there)
    waiting = [name for name, node in where.items() if node is None]
    if scenario.fits:
        assert set(waiting) <= set(scenario.may_wait) and len(waiting) <= 1, waiting
    else:
        assert waiting


@every_scenario
def test_the_placement_that_was_computed_is_one(cluster: SmallCluster, scenario) -> None:
    """Every pod bound to the node that fit.py has found for it: the scheduler has no objection."""
    placement = fit.placement(scenario.needs, scenario.nodes)
    assert (placement is not None) == scenario.fits
    if placement is None:
        pytest.skip("there is none")
    wanted = {name: f"worker-{number}" for name, number in placement.items()}
    bound = copy.deepcopy(scenario.pods)
    for pod, need in zip(bound, scenario.needs, strict=True):
        pod["spec"]["nodeSelector"] = {"kubernetes.io/hostname": wanted[need.name]}
    assert cluster.place(bound) == wanted


@pytest.mark.parametrize("whose", ["-head-", "/ollama-", "/postgres-"])
def test_a_lost_node_costs_a_gateway_or_ollama_at_most(cluster: SmallCluster, whose: str) -> None:
    """Whatever was on it comes again, and pushes out who matters less."""
    scenario = budget.named("prod: 2 workers, Ollama, bot")
    where = cluster.place(scenario.pods)
    (lost,) = [node for name, node in where.items() if whose in name]
    cluster.lose(lost)
    after = cluster.settled(scenario.pods)
    waiting = [name for name, node in after.items() if node is None]
    assert lost not in after.values()
    assert all("-worker-" in name or "/ollama-" in name for name in waiting), waiting
    assert sum("-worker-" in name for name in waiting) <= 1, waiting


def check_nodes(there: list[Object]) -> None:
    """Nobody is on a control plane, and no node has more than it has room for."""
    nodes: dict[str, fit.Node] = {}
    for pod, need in zip(there, budget.needs(there), strict=True):
        if node := pod["spec"].get("nodeName"):
            assert node.startswith("worker-"), need
            room = nodes.setdefault(node, fit.Node())
            assert room.holds(need), need
            room.take(need)


def test_a_pod_that_is_too_large_waits(cluster: SmallCluster) -> None:
    pod = head_pod()
    budget.resize(pod["spec"]["containers"][0], "1843Mi")  # and its sidecars'
    assert set(cluster.place([pod]).values()) == {None}
    (there,) = cluster.pods()
    (condition,) = there["status"]["conditions"]
    assert "4 Insufficient memory" in condition["message"], condition
    assert "3 node(s) had untolerated taint" in condition["message"], condition


def test_a_model_server_for_a_gpu_waits_where_there_is_none(cluster: SmallCluster) -> None:
    servers = pods(render(MANIFESTS / "backends"))
    where = cluster.place(servers)
    assert where["rocket/vllm-0"] is None and where["rocket/ollama-0"] is not None
