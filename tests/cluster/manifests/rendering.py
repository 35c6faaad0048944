"""The manifests as `kubectl kustomize` renders them."""

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "k8s/ray"
ENVIRONMENTS = ("dev", "staging", "prod")

Object = dict[str, Any]


@functools.cache
def _text(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not on this machine; it renders what is checked")
    answer = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization; each caller has its own."""
    return parse(_text(folder))


def parse(text: str) -> list[Object]:
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def environment(name: str) -> list[Object]:
    return render(MANIFESTS / name)


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def name_of(an_object: Object) -> str:
    return f"{an_object['kind']} {an_object['metadata'].get('name', '?')}"


def ray_service(objects: list[Object]) -> Object:
    (found,) = of_kind(objects, "RayService")
    return found


def ray_cluster(objects: list[Object]) -> Object:
    return ray_service(objects)["spec"]["rayClusterConfig"]


def head_group(objects: list[Object]) -> Object:
    return ray_cluster(objects)["headGroupSpec"]


def worker_group(objects: list[Object]) -> Object:
    (found,) = ray_cluster(objects)["workerGroupSpecs"]
    return found


def serve_config(objects: list[Object]) -> Object:
    return yaml.load(ray_service(objects)["spec"]["serveConfigV2"], yaml.CSafeLoader)


def pod_templates(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """What pods are made of, and how to call it in a message."""
    for each in objects:
        if each["kind"] == "RayService":
            cluster = each["spec"]["rayClusterConfig"]
            yield "head", cluster["headGroupSpec"]["template"]
            for group in cluster["workerGroupSpecs"]:
                yield f"workers {group['groupName']}", group["template"]
        elif each["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield name_of(each), each["spec"]["template"]
        elif each["kind"] == "CronJob":
            yield name_of(each), each["spec"]["jobTemplate"]["spec"]["template"]


def containers_of(template: Object) -> list[Object]:
    """Also those that run before the others."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def command_line(container: Object) -> str:
    """Its words in a row, however they are listed."""
    return " ".join([*container.get("command", []), *container.get("args", [])])


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def quantity(text: str | float) -> float:
    """Of Kubernetes' notation, in cores or bytes."""
    text = str(text)
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


_UNITS = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_UNITS |= {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
