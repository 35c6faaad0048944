"""What has to find room together, and whether it does: the table of docs/cluster.md."""

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from manifests import fit
from manifests.pods import pods, requests
from manifests.rendering import (
    MANIFESTS,
    Object,
    environment,
    head_group,
    parse,
    ray_cluster,
    ray_service,
    render,
    worker_group,
)

NODES = 4  # of seven: the others are control planes, whose taint nothing here tolerates


@dataclass(frozen=True)
class Scenario:
    what: str
    nodes: int
    make: Callable[[], list[Object]]
    # Of whom a scheduler, which places one pod after the other, may find no room for one though
    # there is.
    may_wait: tuple[str, ...] = ()

    @functools.cached_property
    def pods(self) -> list[Object]:
        """In the order in which docs/cluster.md brings them."""
        return self.make()

    @property
    def needs(self) -> list[fit.Need]:
        return needs(self.pods)

    @property
    def fits(self) -> bool:
        return fit.placement(self.needs, self.nodes) is not None

    @property
    def asked_mib(self) -> int:
        return round(sum(each.memory for each in self.needs) / 2**20)


def needs(of_pods: list[Object]) -> list[fit.Need]:
    return [
        fit.Need(
            f"{each['metadata']['namespace']}/{each['metadata']['name']}",
            requests(each)["cpu"],
            requests(each)["memory"],
        )
        for each in of_pods
    ]


def company() -> list[Object]:
    """Who is on these nodes besides: Ray's operator, the cluster's DNS, as charts make them."""
    values = yaml.safe_load((MANIFESTS / "operator/values.yaml").read_text())
    operator = {
        "priorityClassName": values["priorityClassName"],
        "securityContext": values["podSecurityContext"],
        "containers": [
            {
                "name": "kuberay-operator",
                "image": f"quay.io/kuberay/operator:{values['image']['tag']}",
                "resources": values["resources"],
                "securityContext": values["securityContext"],
            }
        ],
    }
    dns = {
        "priorityClassName": "system-cluster-critical",
        "containers": [
            {
                "name": "coredns",
                "image": "coredns",
                "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}},
            }
        ],
    }
    return [
        _pod("ray-system", "kuberay-operator", operator),
        _pod("kube-system", "coredns", dns),
    ]


def _pod(namespace: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def ollama() -> list[Object]:
    """Of the model servers, the one that runs on such nodes; vLLM needs one with a GPU."""
    servers = render(MANIFESTS / "backends")
    return [each for each in pods(servers) if each["metadata"]["name"].startswith("ollama-")]


def bot() -> list[Object]:
    objects = parse((MANIFESTS / "matrix/matrix-bot.yaml").read_text())
    for each in objects:
        each["metadata"]["namespace"] = "ray-prod"
    return pods(objects)


def second_cluster(name: str, workers: int) -> list[Object]:
    """What an upgrade by a new cluster needs beside the old one."""
    ray = pods([ray_service(environment(name))], workers)
    # The operator draws another name for it.
    return json.loads(json.dumps(ray).replace("-abcde", "-fghij"))


def first_sketch() -> list[Object]:
    """prod with the sizes that were asked for at first."""
    objects = environment("prod")
    resize(head_group(objects)["template"]["spec"]["containers"][0], "1536Mi")
    resize(worker_group(objects)["template"]["spec"]["containers"][0], "1400Mi")
    del ray_cluster(objects)["autoscalerOptions"]["resources"]
    return pods(objects, 3)


def resize(container: Object, memory: str) -> None:
    container["resources"] = copy.deepcopy(container["resources"])
    container["resources"]["requests"]["memory"] = memory
    container["resources"]["limits"]["memory"] = memory


def _of(name: str, workers: int | None = None) -> list[Object]:
    return pods(environment(name), workers)


OLLAMA = ("rocket/ollama-0",)
GATEWAYS = tuple(f"ray-prod/ray-cluster-prod-abcde-gateway-worker-{n}" for n in range(2))


def _servers() -> list[Object]:
    return [*company(), *ollama()]


SCENARIOS = (
    Scenario("dev: 2 workers, Ollama", NODES, lambda: [*_servers(), *_of("dev")]),
    Scenario("staging: 3 workers, Ollama", NODES, lambda: [*_servers(), *_of("staging")]),
    Scenario("prod: 2 workers, Ollama, bot", NODES, lambda: [*_servers(), *_of("prod", 2), *bot()]),
    Scenario("prod: 4 workers, Ollama, bot", NODES, lambda: [*_servers(), *_of("prod"), *bot()]),
    Scenario(
        "prod with a node lost: 2 workers, Ollama, bot",
        NODES - 1,
        lambda: [*_servers(), *_of("prod", 2), *bot()],
        OLLAMA,
    ),
    Scenario(
        "prod with a node lost: 4 workers, Ollama, bot",
        NODES - 1,
        lambda: [*_servers(), *_of("prod"), *bot()],
    ),
    Scenario(
        "prod with two nodes lost: 2 workers, no Ollama",
        NODES - 2,
        lambda: [*company(), *_of("prod", 2)],
        GATEWAYS,
    ),
    Scenario(
        "prod and dev: 2 workers each, no Ollama",
        NODES,
        lambda: [*company(), *_of("prod", 2), *_of("dev")],
    ),
    Scenario(
        "prod and dev: 2 workers each, Ollama",
        NODES,
        lambda: [*_servers(), *_of("prod", 2), *_of("dev")],
    ),
    Scenario(
        "prod and staging: 2 and 1 workers, Ollama",
        NODES,
        lambda: [*_servers(), *_of("prod", 2), *_of("staging", 1)],
        OLLAMA,
    ),
    Scenario(
        "prod, and a new cluster beside the old: 2 workers each, no Ollama",
        NODES,
        lambda: [*company(), *_of("prod", 2), *second_cluster("prod", 2)],
    ),
    Scenario(
        "prod, and a new cluster beside the old: 2 workers each, Ollama",
        NODES,
        lambda: [*_servers(), *_of("prod", 2), *second_cluster("prod", 2)],
    ),
    Scenario(
        "prod as it was asked for: head 1536Mi, 3 workers of 1400Mi, Ollama",
        NODES,
        lambda: [*_servers(), *first_sketch()],
    ),
)


def named(what: str) -> Scenario:
    return next(each for each in SCENARIOS if each.what == what)


def row(scenario: Scenario) -> str:
    """As it stands in docs/cluster.md."""
    room = round(fit.NODE["memory"] / 2**20) * scenario.nodes
    answer = "yes" if scenario.fits else "**no**"
    if scenario.may_wait:
        answer += f"; {'Ollama' if scenario.may_wait == OLLAMA else 'a gateway'} may wait"
    return f"| {scenario.what} | {scenario.nodes} | {scenario.asked_mib} of {room} MiB | {answer} |"
