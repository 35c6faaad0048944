"""What has to find room together, and whether it does: the table of docs/cluster.md."""

import copy
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
    of_kind,
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
    needs: list[fit.Need]

    @property
    def fits(self) -> bool:
        return fit.placement(self.needs, self.nodes) is not None

    @property
    def asked_mib(self) -> int:
        return round(sum(each.memory for each in self.needs) / 2**20)


def needs(objects: list[Object], workers: int | None = None) -> list[fit.Need]:
    return [
        fit.Need(
            f"{each['metadata']['namespace']}/{each['metadata']['name']}",
            requests(each)["cpu"],
            requests(each)["memory"],
        )
        for each in pods(objects, workers)
    ]


def company() -> list[fit.Need]:
    """Who is on these nodes besides: Ray's operator, the cluster's DNS, as their charts ask."""
    values = yaml.safe_load((MANIFESTS / "operator/values.yaml").read_text())
    asked = values["resources"]["requests"]
    return [
        fit.need("kuberay-operator", asked["memory"], asked["cpu"]),
        fit.need("coredns", "70Mi"),
    ]


def ollama() -> list[fit.Need]:
    """Of the model servers, the one that runs on such nodes; vLLM needs one with a GPU."""
    return [each for each in needs(render(MANIFESTS / "backends")) if "/ollama" in each.name]


def bot() -> list[fit.Need]:
    objects = parse((MANIFESTS / "matrix/matrix-bot.yaml").read_text())
    return needs(of_kind(objects, "Deployment"))


def second_cluster(name: str, workers: int) -> list[fit.Need]:
    """What an upgrade by a new cluster needs beside the old one."""
    ray = needs([ray_service(environment(name))], workers)
    return [fit.Need(f"{each.name}-new", each.cpu, each.memory) for each in ray]


def first_sketch() -> list[fit.Need]:
    """prod with the sizes that were asked for at first."""
    objects = environment("prod")
    resize(head_group(objects)["template"]["spec"]["containers"][0], "1536Mi")
    resize(worker_group(objects)["template"]["spec"]["containers"][0], "1400Mi")
    del ray_cluster(objects)["autoscalerOptions"]["resources"]
    return needs(objects, 3)


def resize(container: Object, memory: str) -> None:
    container["resources"] = copy.deepcopy(container["resources"])
    container["resources"]["requests"]["memory"] = memory
    container["resources"]["limits"]["memory"] = memory


def scenarios() -> list[Scenario]:
    def of(name: str, workers: int | None = None) -> list[fit.Need]:
        return needs(environment(name), workers)

    always = company()
    with_models = [*always, *ollama()]
    table: list[tuple[str, int, Callable[[], list[fit.Need]]]] = [
        ("dev: 2 workers, Ollama", NODES, lambda: [*of("dev"), *with_models]),
        ("staging: 3 workers, Ollama", NODES, lambda: [*of("staging"), *with_models]),
        ("prod: 2 workers, Ollama, bot", NODES, lambda: [*of("prod", 2), *with_models, *bot()]),
        ("prod: 4 workers, Ollama, bot", NODES, lambda: [*of("prod"), *with_models, *bot()]),
        (
            "prod with a node lost: 2 workers, Ollama, bot",
            NODES - 1,
            lambda: [*of("prod", 2), *with_models, *bot()],
        ),
        (
            "prod with a node lost: 4 workers, Ollama, bot",
            NODES - 1,
            lambda: [*of("prod"), *with_models, *bot()],
        ),
        (
            "prod with two nodes lost: 2 workers, no Ollama",
            NODES - 2,
            lambda: [*of("prod", 2), *always],
        ),
        (
            "prod and dev: 2 workers each, no Ollama",
            NODES,
            lambda: [*of("prod", 2), *of("dev"), *always],
        ),
        (
            "prod and dev: 2 workers each, Ollama",
            NODES,
            lambda: [*of("prod", 2), *of("dev"), *with_models],
        ),
        (
            "prod and staging: 2 and 1 workers, Ollama",
            NODES,
            lambda: [*of("prod", 2), *of("staging", 1), *with_models],
        ),
        (
            "prod, and a new cluster beside the old: 2 workers each, no Ollama",
            NODES,
            lambda: [*of("prod", 2), *second_cluster("prod", 2), *always],
        ),
        (
            "prod, and a new cluster beside the old: 2 workers each, Ollama",
            NODES,
            lambda: [*of("prod", 2), *second_cluster("prod", 2), *with_models],
        ),
        (
            "prod as it was asked for: head 1536Mi, 3 workers of 1400Mi, Ollama",
            NODES,
            lambda: [*first_sketch(), *with_models],
        ),
    ]
    return [Scenario(what, nodes, make()) for what, nodes, make in table]


def row(scenario: Scenario) -> str:
    """As it stands in docs/cluster.md."""
    room = round(fit.NODE["memory"] / 2**20) * scenario.nodes
    answer = "yes" if scenario.fits else "**no**"
    return f"| {scenario.what} | {scenario.nodes} | {scenario.asked_mib} of {room} MiB | {answer} |"
