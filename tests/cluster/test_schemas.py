"""Every object has only fields that Kubernetes, KubeRay and Prometheus' operator know."""

from pathlib import Path

import pytest
from manifests.rendering import (
    ENVIRONMENTS,
    MANIFESTS,
    ROOT,
    Object,
    head_group,
    of_kind,
    parse,
    ray_service,
    render,
)
from manifests.schemas import problems

FOLDERS = [MANIFESTS / each for each in (*ENVIRONMENTS, "operator", "backends")]
MONITORING = ROOT / "monitoring"
ALONE = ["shared/ray-secrets.yaml", "ingress/ray-dashboard-ingress.yaml"]
ALONE += ["ingress/gateway/httproute.yaml", "ingress/traefik/ray-dashboard.yaml"]


@pytest.mark.parametrize("folder", [*FOLDERS, MONITORING], ids=lambda folder: folder.name)
def test_rendered_objects_are_valid(folder: Path) -> None:
    assert [each for one in render(folder) for each in problems(one)] == []


@pytest.mark.parametrize("file", ALONE)
def test_files_that_are_applied_by_hand_are_valid(file: str) -> None:
    objects = parse((MANIFESTS / file).read_text())
    assert objects and [each for one in objects for each in problems(one)] == []


@pytest.mark.parametrize("component", ["matrix", "backends/lm-studio"])
def test_components_that_no_environment_has_are_valid(component: str) -> None:
    files = sorted((MANIFESTS / component).glob("*.yaml"))
    objects = [each for file in files for each in parse(file.read_text()) if "kind" in each]
    objects = [each for each in objects if each["kind"] != "Component"]
    assert objects and [each for one in objects for each in problems(one)] == []


def rendered() -> list[Object]:
    return render(MANIFESTS / "prod")


def test_an_unknown_field_of_ray_is_found() -> None:
    objects = rendered()
    head_group(objects)["replicas"] = 1
    (found,) = problems(ray_service(objects))
    assert "headGroupSpec" in found and "'replicas' was unexpected" in found


def test_a_field_deep_in_ray_s_pods_is_found() -> None:
    objects = rendered()
    container = head_group(objects)["template"]["spec"]["containers"][0]
    container["securityContext"]["runAsRot"] = True
    (found,) = problems(ray_service(objects))
    assert "'runAsRot' was unexpected" in found


def test_a_port_that_is_a_text_is_found() -> None:
    objects = rendered()
    head_group(objects)["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = "x"
    assert problems(ray_service(objects))


@pytest.mark.parametrize("kind", ["StatefulSet", "NetworkPolicy", "Ingress", "PodMonitor"])
def test_an_unknown_field_of_anything_else_is_found(kind: str) -> None:
    an_object = of_kind(rendered(), kind)[0]
    an_object["spec"]["nonsense"] = 1
    assert any("nonsense" in each for each in problems(an_object))
