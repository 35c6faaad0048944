"""Pods as the operator and Kubernetes make them of our objects. test_operator_pods.py holds this
against what the real operator made."""

import copy
from typing import Any

from manifests.rendering import Object, name_of, of_kind, quantity

AUTOSCALER = {
    "resources": {
        "requests": {"cpu": "500m", "memory": "512Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
}
# What a worker waits in until the head can be reached; the operator gives it no other size.
WAIT_FOR_HEAD = {"cpu": "200m", "memory": "256Mi"}


def pods(objects: list[Object], workers: int | None = None) -> list[Object]:
    """Of all objects; `workers` per group, or as many as it may have."""
    found = []
    for each in objects:
        if each["kind"] == "RayService":
            found += ray_pods(each, workers)
        elif each["kind"] in ("Deployment", "StatefulSet"):
            template = each["spec"]["template"]
            for index in range(each["spec"].get("replicas", 1)):
                pod = _pod(each, template, f"{each['metadata']['name']}-{index}")
                _mount_own_claims(pod, each)
                found.append(pod)
    return found


def claims(objects: list[Object]) -> list[Object]:
    """Those that are listed, and those that StatefulSets make."""
    found = of_kind(objects, "PersistentVolumeClaim")
    for owner in of_kind(objects, "StatefulSet"):
        for pod in pods([owner]):
            for template in owner["spec"].get("volumeClaimTemplates", []):
                claim = copy.deepcopy(template)
                claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
                claim["metadata"]["name"] += f"-{pod['metadata']['name']}"
                claim["metadata"]["namespace"] = pod["metadata"]["namespace"]
                found.append(claim)
    return found


def _mount_own_claims(pod: Object, owner: Object) -> None:
    for template in owner["spec"].get("volumeClaimTemplates", []):
        name = template["metadata"]["name"]
        claim = {"claimName": f"{name}-{pod['metadata']['name']}"}
        volume = {"name": name, "persistentVolumeClaim": claim}
        pod["spec"].setdefault("volumes", []).append(volume)


def ray_pods(service: Object, workers: int | None = None) -> list[Object]:
    cluster = service["spec"]["rayClusterConfig"]
    found = [_head(service, cluster)]
    for group in cluster["workerGroupSpecs"]:
        for index in range(group["maxReplicas"] if workers is None else workers):
            found.append(_worker(service, cluster, group, index))
    return found


def _cluster_name(service: Object) -> str:
    return f"{service['metadata']['name']}-abcde"


def _head(service: Object, cluster: Object) -> Object:
    name = _cluster_name(service)
    pod = _pod(service, cluster["headGroupSpec"]["template"], f"{name}-head-abcde")
    pod["metadata"]["labels"] |= _labels(name, "head", "headgroup", serve=False)
    container = pod["spec"]["containers"][0]
    _share_memory(pod, container)
    pod["spec"]["serviceAccountName"] = pod["spec"].get("serviceAccountName", "default")
    if cluster.get("enableInTreeAutoscaling"):
        _add_autoscaler(pod, container, cluster, name)
    return pod


def _add_autoscaler(pod: Object, head: Object, cluster: Object, name: str) -> None:
    options = cluster.get("autoscalerOptions", {})
    sidecar = {
        "name": "autoscaler",
        "image": options.get("image", head["image"]),
        "resources": options.get("resources", AUTOSCALER["resources"]),
        "volumeMounts": [*options.get("volumeMounts", [])],
    }
    if "securityContext" in options:
        sidecar["securityContext"] = options["securityContext"]
    for each in (head, sidecar):
        mounts = each.setdefault("volumeMounts", [])
        if all(mount["mountPath"] != "/tmp/ray" for mount in mounts):
            mounts.append({"name": "ray-logs", "mountPath": "/tmp/ray"})
    volumes = pod["spec"]["volumes"]
    if all(volume["name"] != "ray-logs" for volume in volumes):
        volumes.append({"name": "ray-logs", "emptyDir": {}})
    pod["spec"]["containers"].append(sidecar)
    pod["spec"]["serviceAccountName"] = name
    if options.get("version") == "v2":
        pod["spec"]["restartPolicy"] = "Never"


def _worker(service: Object, cluster: Object, group: Object, index: int) -> Object:
    name = _cluster_name(service)
    kind = group["groupName"]
    pod = _pod(service, group["template"], f"{name}-{kind}-worker-{index}")
    pod["metadata"]["labels"] |= _labels(name, "worker", kind, serve=True)
    pod["metadata"]["labels"]["ray.io/worker-group-replica-index"] = str(index)
    container = pod["spec"]["containers"][0]
    _share_memory(pod, container)
    wait = {
        "name": "wait-gcs-ready",
        "image": container["image"],
        "resources": {"requests": {**WAIT_FOR_HEAD}, "limits": {**WAIT_FOR_HEAD}},
    }
    if "securityContext" in container:
        wait["securityContext"] = copy.deepcopy(container["securityContext"])
    pod["spec"].setdefault("initContainers", []).append(wait)
    pod["spec"]["serviceAccountName"] = pod["spec"].get("serviceAccountName", "default")
    options = cluster.get("autoscalerOptions", {})
    if cluster.get("enableInTreeAutoscaling") and options.get("version") == "v2":
        pod["spec"]["restartPolicy"] = "Never"
    return pod


def _labels(cluster: str, node: str, group: str, *, serve: bool) -> dict[str, str]:
    return {
        "app.kubernetes.io/created-by": "kuberay-operator",
        "app.kubernetes.io/name": "kuberay",
        "ray.io/cluster": cluster,
        "ray.io/group": group,
        "ray.io/identifier": f"{cluster}-{node}",
        "ray.io/is-ray-node": "yes",
        "ray.io/node-type": node,
        "ray.io/serve": "true" if serve else "false",
    }


def _share_memory(pod: Object, container: Object) -> None:
    """/dev/shm counts against the pod's memory."""
    volumes = pod["spec"].setdefault("volumes", [])
    size = container["resources"]["limits"]["memory"]
    volumes.append({"name": "shared-mem", "emptyDir": {"medium": "Memory", "sizeLimit": size}})
    container.setdefault("volumeMounts", []).append({"name": "shared-mem", "mountPath": "/dev/shm"})


def _pod(owner: Object, template: Object, name: str) -> Object:
    template = copy.deepcopy(template)
    metadata = template.get("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {})}
    metadata |= {"name": name, "namespace": owner["metadata"].get("namespace", "default")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def requests(pod: Object) -> dict[str, float]:
    """What the scheduler looks at: cores and bytes. Containers that run before the others count
    for the largest of them."""
    asked = {}
    for resource in ("cpu", "memory"):
        together = sum(_asked(each, resource) for each in pod["spec"]["containers"])
        before = [_asked(each, resource) for each in pod["spec"].get("initContainers", [])]
        asked[resource] = max([together, *before])
    return asked


def _asked(container: Object, resource: str) -> float:
    resources: dict[str, Any] = container.get("resources", {})
    wanted = resources.get("requests", {}).get(resource)
    if wanted is None:
        wanted = resources.get("limits", {}).get(resource, 0)
    return quantity(wanted)


# What every cluster has.
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000}


def priority(pod: Object, classes: list[Object]) -> int:
    known = {each["metadata"]["name"]: each["value"] for each in of_kind(classes, "PriorityClass")}
    known |= SYSTEM_PRIORITIES
    wanted = pod["spec"].get("priorityClassName")
    assert wanted is None or wanted in known, f"{name_of(pod)}: no PriorityClass {wanted}"
    return known.get(wanted, 0)
