"""Rules for the RayService itself."""

import re
from collections.abc import Iterator

from manifests.rendering import (
    ROOT,
    command_line,
    containers_of,
    head_group,
    name_of,
    of_kind,
    pod_templates,
    quantity,
    ray_cluster,
    ray_service,
    serve_config,
    strings,
    worker_group,
)
from manifests.rules import Setup, at, rule

# What the image has.
REQUIREMENTS = (ROOT / "python/requirements.txt").read_text()
RAY = re.findall(r"^ray(?:\[[\w,-]+\])?==([\d.]+)", REQUIREMENTS, re.MULTILINE)[0]
HEAD_PORTS = {
    "gcs-server": 6379,
    "dashboard": 8265,
    "client": 10001,
    "serve": 8000,
    "metrics": 8080,
    "as-metrics": 44217,
    "dash-metrics": 44227,
}
WORKER_PORTS = {"serve": 8000, "metrics": 8080, "rocket-metrics": 9464}
# The least that an object store may have is some 75 MB; only JSON moves through it.
OBJECT_STORE_BYTES_MAX = 100_000_000
# For how long Ray drains a node that is to end; then it kills what is left there.
DRAIN_NODE = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
DRAIN_NODE_S = 30


@rule(1)
def api_version(setup: Setup) -> Iterator[str]:
    for each in setup.objects:
        version = each["apiVersion"]
        if version.startswith("ray.io/") and version != "ray.io/v1":
            yield f"{name_of(each)}: apiVersion {version} is deprecated; write ray.io/v1"


@rule(2)
def one_head(setup: Setup) -> Iterator[str]:
    for field in ("replicas", "minReplicas", "maxReplicas"):
        if field in head_group(setup.objects):
            yield f"headGroupSpec.{field}: there is exactly one head; remove it"


@rule(3)
def ports(setup: Setup) -> Iterator[str]:
    for name, template, wanted in (
        ("head", head_group(setup.objects)["template"], HEAD_PORTS),
        ("workers", worker_group(setup.objects)["template"], WORKER_PORTS),
    ):
        listed = template["spec"]["containers"][0].get("ports", [])
        for port in listed:
            if "name" not in port:
                yield f"{name}: port {port['containerPort']} has no name; the Service would clash"
        found = {port.get("name"): port["containerPort"] for port in listed}
        for port_name, number in wanted.items():
            if found.get(port_name) != number:
                yield f"{name}: no port {port_name} with the number {number}"
        numbers = [port["containerPort"] for port in listed]
        for number in sorted({each for each in numbers if numbers.count(each) > 1}):
            yield f"{name}: port {number} is listed twice"


@rule(4)
def services_of_the_operator(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "Service"):
        if re.search(r"-(head|serve)-svc$", each["metadata"]["name"]):
            yield f"{name_of(each)}: the operator makes the Service of this name; remove it"


@rule(8)
def applications_are_serve_s(setup: Setup) -> Iterator[str]:
    started = {
        name: " ".join(map(command_line, containers_of(template)))
        for name, template in pod_templates(setup.objects)
    }
    for each in of_kind(setup.objects, "RayJob"):
        started[name_of(each)] = " ".join(strings(each))
    for name, words in started.items():
        if re.search(r"\bserve\s+(run|deploy)\b", words):
            yield f"{name}: an application dies with its job; write serveConfigV2"
    config = serve_config(setup.objects)
    if not config.get("applications"):
        yield "serveConfigV2: no application"
    if config.get("proxy_location") != "Disabled":
        yield "serveConfigV2: proxy_location is not Disabled: Serve's proxy would take port 8000"


@rule(9)
def what_scales(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = at(each, "spec", "scaleTargetRef", "kind", default="")
        if target.startswith("Ray"):
            yield f"{name_of(each)}: a {target} has no scale subresource; Ray's autoscaler scales it"
    cluster, group = ray_cluster(setup.objects), worker_group(setup.objects)
    autoscaling = _deployment(setup).get("autoscaling_config")
    if bool(autoscaling) != bool(cluster.get("enableInTreeAutoscaling")):
        yield "serveConfigV2 and enableInTreeAutoscaling: replicas and nodes have to scale together"
    if not autoscaling:
        if group["minReplicas"] != group["maxReplicas"]:
            yield "workers: minReplicas is not maxReplicas, but nothing scales"
        if _deployment(setup).get("num_replicas") != group["replicas"]:
            yield "num_replicas: not one replica per worker"
        return
    if at(cluster, "autoscalerOptions", "version") != "v2":
        yield "autoscalerOptions.version: not v2"
    if not at(cluster, "autoscalerOptions", "idleTimeoutSeconds"):
        yield "autoscalerOptions.idleTimeoutSeconds: not given"
    for bound, of_group in (("min_replicas", "minReplicas"), ("max_replicas", "maxReplicas")):
        if autoscaling[bound] != group[of_group]:
            yield f"autoscaling_config.{bound}: not the workers' {of_group}"


@rule(10)
def autoscaler_may_run(setup: Setup) -> Iterator[str]:
    cluster = ray_cluster(setup.objects)
    if not cluster.get("enableInTreeAutoscaling"):
        return
    context = at(cluster, "autoscalerOptions", "securityContext", default={})
    if (
        context.get("allowPrivilegeEscalation") is not False
        or at(context, "capabilities", "drop") != ["ALL"]
        or context.get("runAsNonRoot") is not True
        or at(context, "seccompProfile", "type") != "RuntimeDefault"
    ):
        yield "autoscalerOptions.securityContext: Pod Security would refuse the head"
    if quantity(
        at(cluster, "autoscalerOptions", "resources", "limits", "memory", default="512Mi")
    ) > quantity("256Mi"):
        yield "autoscalerOptions.resources: a third of a node; 256Mi is enough"


@rule(11)
def image(setup: Setup) -> Iterator[str]:
    if ray_cluster(setup.objects)["rayVersion"] != RAY:
        yield f"rayVersion: not {RAY}, which the image has"
    images = set()
    for name, template in pod_templates(setup.objects):
        for container in template["spec"]["containers"]:
            written = container["image"]
            tag = written.rpartition("/")[2].partition(":")[2]
            if not tag or tag == "latest":
                yield f"{name}: image {written} has no version"
            if "rayproject/" in written:
                yield f"{name}: image {written} is not ours: it has no rocket in it"
            if name == "head" or name.startswith("workers"):
                images.add(written)
    if of_autoscaler := at(ray_cluster(setup.objects), "autoscalerOptions", "image"):
        images.add(of_autoscaler)
    if len(images) > 1:
        yield f"head, autoscaler and workers: different images: {', '.join(sorted(images))}"


@rule(14)
def object_store(setup: Setup) -> Iterator[str]:
    for name, group in (
        ("head", head_group(setup.objects)),
        ("workers", worker_group(setup.objects)),
    ):
        size = group["rayStartParams"].get("object-store-memory")
        if size is None or int(size) > OBJECT_STORE_BYTES_MAX:
            yield f"{name}: object-store-memory {size}: it counts against the pod's memory"


@rule(16)
def processors(setup: Setup) -> Iterator[str]:
    if head_group(setup.objects)["rayStartParams"].get("num-cpus") != "0":
        yield "head: num-cpus is not 0: replicas would be placed on it"
    cpus = float(worker_group(setup.objects)["rayStartParams"].get("num-cpus", 0))
    wanted = at(_deployment(setup), "ray_actor_options", "num_cpus", default=1)
    if not 0 < wanted < cpus:
        yield f"num_cpus {wanted} of a replica: the raylet needs some of the node's {cpus:g}"
    for name, template in pod_templates(setup.objects):
        if name != "head" and not name.startswith("workers"):
            continue
        asked = at(template["spec"]["containers"][0], "resources", "requests", "cpu", default=0)
        if quantity(asked) < 0.5:
            yield f"{name}: requests {asked} of a processor: the raylet starves under load"


@rule(25)
def ends_in_order(setup: Setup) -> Iterator[str]:
    """No stream is cut: grace period > graceful_shutdown_timeout_s > lame duck + drain."""
    deployment = _deployment(setup)
    graceful = deployment.get("graceful_shutdown_timeout_s", 0)
    lame_duck = at(application(setup), "args", "lame_duck_s", default=0)
    drain = _seconds(at(gateway_config(setup), "drain", "timeout", default="30s"))
    (container,) = worker_group(setup.objects)["template"]["spec"]["containers"]
    ray_s = {each["name"]: each.get("value") for each in container.get("env", [])}
    drain_node = float(ray_s.get(DRAIN_NODE, DRAIN_NODE_S))
    if graceful < drain_node:
        # Serve stops a replica so long before the node's end, and not at once.
        yield f"graceful_shutdown_timeout_s {graceful}: below the {drain_node:g} s of Ray's drain"
    if drain_node <= lame_duck + drain:
        yield f"workers: {DRAIN_NODE} {drain_node:g}: not above lame_duck_s + drain.timeout"
    if graceful <= lame_duck + drain:
        yield f"graceful_shutdown_timeout_s {graceful}: not above lame_duck_s + drain.timeout"
    for name, group in (
        ("head", head_group(setup.objects)),
        ("workers", worker_group(setup.objects)),
    ):
        pod = group["template"]["spec"]
        grace = pod.get("terminationGracePeriodSeconds", 30)
        if grace <= max(graceful, drain_node):
            yield f"{name}: terminationGracePeriodSeconds {grace}: not above {graceful}"
        if any("preStop" in each.get("lifecycle", {}) for each in pod["containers"]):
            yield f"{name}: a preStop cuts the streams that the drain lets finish"


@rule(25)
def ready_by_the_gateway(setup: Setup) -> Iterator[str]:
    probe = worker_group(setup.objects)["template"]["spec"]["containers"][0].get(
        "readinessProbe", {}
    )
    if at(probe, "httpGet", "path") != "/-/healthz" or at(probe, "httpGet", "port") != "serve":
        yield "workers: readinessProbe is not the gateway's /-/healthz"
    if probe.get("periodSeconds") != 1 or probe.get("failureThreshold") != 1:
        yield "workers: readinessProbe: not every second: there would be a gap at updates"


@rule(0)
def first_container_is_ray_s(setup: Setup) -> Iterator[str]:
    for name, group in (
        ("ray-head", head_group(setup.objects)),
        ("ray-worker", worker_group(setup.objects)),
    ):
        first = group["template"]["spec"]["containers"][0]["name"]
        if first != name:
            yield f"{name}: the first container is {first}, which the operator would take for it"


@rule(0)
def one_gateway_per_node(setup: Setup) -> Iterator[str]:
    if _deployment(setup).get("max_replicas_per_node") != 1:
        yield "max_replicas_per_node: not 1: two gateways would want one port"
    if not ray_service(setup.objects)["spec"].get("excludeHeadPodFromServeSvc"):
        yield "excludeHeadPodFromServeSvc: not true: the head has no gateway"


@rule(0)
def gateway_fits_its_pod(setup: Setup) -> Iterator[str]:
    """Measured 311 MiB, the object store, and what the configuration lets it hold besides."""
    limits = gateway_config(setup).get("limits", {})
    bodies = _bytes(limits.get("bodies_in_flight_bytes", "400MiB"))
    store = int(worker_group(setup.objects)["rayStartParams"].get("object-store-memory", 0))
    pod = worker_group(setup.objects)["template"]["spec"]["containers"][0]
    limit = quantity(pod["resources"]["limits"]["memory"])
    if 311 * 2**20 + bodies + store > limit:
        yield "rocket.yaml: limits.bodies_in_flight_bytes: more than the worker's memory has room for"


@rule(0)
def handles_show_a_key(setup: Setup) -> Iterator[str]:
    """Else every call of a handle is refused: 401."""
    if not gateway_config(setup).get("keys_file"):
        return
    file = at(application(setup), "args", "handle_key_file")
    if not file:
        yield "serveConfigV2: args.handle_key_file: not given, but rocket.yaml has a keys_file"
    elif file not in set(secret_files(worker_group(setup.objects)["template"]["spec"])):
        yield f"serveConfigV2: args.handle_key_file {file}: no Secret of the workers has it"


def secret_files(pod: dict) -> Iterator[str]:
    """Where the first container finds what its Secrets hold."""
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    for volume in pod["volumes"]:
        for item in at(volume, "secret", "items", default=[]):
            yield f"{mounts.get(volume['name'])}/{item['path']}"


def application(setup: Setup) -> dict:
    (found,) = serve_config(setup.objects)["applications"]
    return found


def _deployment(setup: Setup) -> dict:
    (found,) = application(setup)["deployments"]
    return found


def gateway_config(setup: Setup) -> dict:
    import yaml

    for each in of_kind(setup.objects, "ConfigMap"):
        if each["metadata"]["name"] == "rocket-config":
            return yaml.safe_load(each["data"]["rocket.yaml"])
    return {}


def _seconds(duration: str) -> float:
    found = re.fullmatch(r"(\d+)(ms|s|m)", duration)
    assert found, duration
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60}[found[2]]


def _bytes(size: str) -> float:
    return quantity(size.removesuffix("B"))
