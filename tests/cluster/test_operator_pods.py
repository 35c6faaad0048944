"""The pods that our checks look at are those that the real operator makes."""

from pathlib import Path

import pytest
from manifests.pods import ray_pods
from manifests.rendering import Object, of_kind, parse

DATA = Path(__file__).parent / "data"


def recorded(environment: str) -> list[Object]:
    return of_kind(parse((DATA / f"{environment}-operator.yaml").read_text()), "Pod")


def made(environment: str) -> list[Object]:
    (service,) = of_kind(parse((DATA / f"{environment}-input.yaml").read_text()), "RayService")
    workers = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["replicas"]
    return ray_pods(service, workers)


def shape(pod: Object) -> dict:
    """What the checks rest on, without names that the operator draws."""
    drawn = pod["metadata"]["labels"]["ray.io/cluster"]
    spec = pod["spec"]
    return {
        "namespace": pod["metadata"]["namespace"],
        "labels": {
            key: value.replace(drawn, "CLUSTER") for key, value in pod["metadata"]["labels"].items()
        },
        "containers": [_container(each) for each in spec["containers"]],
        "init": [_container(each) for each in spec.get("initContainers", [])],
        "volumes": [
            each for each in spec["volumes"] if not each["name"].startswith("kube-api-access")
        ],
        "account": spec["serviceAccountName"].replace(drawn, "CLUSTER"),
        "restart": spec.get("restartPolicy", "Always"),
        "security": spec.get("securityContext", {}),
    }


def _container(container: Object) -> dict:
    return {
        "name": container["name"],
        "resources": container["resources"],
        "security": container.get("securityContext", {}),
        "ports": {each["name"]: each["containerPort"] for each in container.get("ports", [])},
        "mounts": sorted(
            each["mountPath"]
            for each in container.get("volumeMounts", [])
            if not each["name"].startswith("kube-api-access")
        ),
    }


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_our_pods_are_the_operator_s(environment: str) -> None:
    def key(pod: Object) -> tuple[str, str]:
        labels = pod["metadata"]["labels"]
        return labels["ray.io/node-type"], labels.get("ray.io/worker-group-replica-index", "")

    ours = [shape(each) for each in sorted(made(environment), key=key)]
    theirs = [shape(each) for each in sorted(recorded(environment), key=key)]
    assert ours == theirs
