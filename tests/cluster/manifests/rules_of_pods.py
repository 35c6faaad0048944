"""Rules for pods, storage, memory, secrets."""

import re
from collections.abc import Iterator

from manifests import budget, fit
from manifests.pods import pods, priority
from manifests.rendering import (
    Object,
    command_line,
    containers_of,
    head_group,
    name_of,
    of_kind,
    pod_templates,
    ray_cluster,
    ray_service,
    strings,
    worker_group,
)
from manifests.rules import Setup, at, rule


@rule(5)
def fits(setup: Setup) -> Iterator[str]:
    together = [*pods(setup.objects), *budget.company(), *budget.ollama()]
    if fit.placement(budget.needs(together), budget.NODES) is None:
        yield f"the environment does not fit on {budget.NODES} nodes of 1843Mi"
    for pod in pods(setup.objects):
        priority(pod, setup.priorities)  # names one that exists


@rule(6)
def claims(setup: Setup) -> Iterator[str]:
    known = {
        each["metadata"]["name"]: each for each in of_kind(setup.objects, "PersistentVolumeClaim")
    }
    for name, template in pod_templates(setup.objects):
        claimed = {}
        for volume in template["spec"].get("volumes", []):
            claim = at(volume, "persistentVolumeClaim", "claimName")
            if claim is None:
                continue
            claimed[volume["name"]] = claim
            if claim not in known:
                yield f"{name}: the claim {claim} is nowhere"
            elif known[claim]["spec"]["accessModes"] != ["ReadWriteMany"]:
                yield f"{name}: the claim {claim} would keep its pods on one node"
            elif "storageClassName" not in known[claim]["spec"]:
                yield f"the claim {claim}: no storageClassName: the usual one is of a single node"
        for container in template["spec"]["containers"]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] in claimed and re.fullmatch(
                    r"/tmp(/ray(/.*)?)?/?", mount["mountPath"]
                ):
                    yield f"{name}: {mount['mountPath']} is on a claim: Ray's sockets can not be there"


@rule(7)
def redis(setup: Setup) -> Iterator[str]:
    for name, group in (
        ("head", head_group(setup.objects)),
        ("workers", worker_group(setup.objects)),
    ):
        if "redis-password" in group["rayStartParams"]:
            yield f"{name}: redis-password in rayStartParams does nothing; use gcsFaultToleranceOptions"
    options = ray_cluster(setup.objects).get("gcsFaultToleranceOptions")
    if setup.environment == "prod" and not options:
        yield "gcsFaultToleranceOptions: missing: a lost head would take the cluster with it"
    if not options:
        return
    host, _, port = options["redisAddress"].partition(":")
    services = [e for e in of_kind(setup.objects, "Service") if e["metadata"]["name"] == host]
    if not services:
        yield f"gcsFaultToleranceOptions.redisAddress: no Service {host}"
    for each in services:
        if port not in {str(one["port"]) for one in each["spec"]["ports"]}:
            yield f"gcsFaultToleranceOptions.redisAddress: the Service {host} has no port {port}"
    secret = at(options, "redisPassword", "valueFrom", "secretKeyRef")
    if not secret:
        yield "gcsFaultToleranceOptions.redisPassword: not out of a Secret"
    elif secret["name"] != "ray-secrets" or secret["key"] not in setup.secret_keys:
        yield "gcsFaultToleranceOptions.redisPassword: shared/ray-secrets.yaml does not tell of it"


@rule(13)
def memory(setup: Setup) -> Iterator[str]:
    for where, container in containers(setup):
        limits = at(container, "resources", "limits", default={})
        asked = at(container, "resources", "requests", default={})
        if "memory" not in limits or limits["memory"] != asked.get("memory"):
            yield f"{where}: memory: the request is not the limit"
            continue
        if "." in str(limits["memory"]):
            yield f"{where}: memory {limits['memory']}: no whole number of bytes"


@rule(24)
def secrets(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "Secret"):
        if each.get("data") or each.get("stringData"):
            yield f"{name_of(each)}: holds values; make it by hand"
    for each in setup.objects:
        if each["kind"] != "ConfigMap" and any("${" in text for text in strings(each)):
            yield f"{name_of(each)}: ${{...}} is not replaced by anybody"
    for _, template in pod_templates(setup.objects):
        for key in secret_keys(template):
            if key not in setup.secret_keys:
                yield f"ray-secrets: shared/ray-secrets.yaml does not tell of {key}"


@rule(24)
def secrets_in_clear(setup: Setup) -> Iterator[str]:
    """Where whoever may look at a pod reads them."""
    for where, container in containers(setup):
        for variable in container.get("env", []):
            if SECRET_NAME.search(variable["name"]) and variable.get("value"):
                yield f"{where}: {variable['name']}: holds its value; take it out of ray-secrets"
        if found := SECRET_WORD.search(command_line(container)):
            yield f"{where}: {found[1]}: the password stands in the list of processes"
    for each in setup.objects:
        if each["kind"] != "ConfigMap" and any(map(PASSWORD_IN_URL.search, strings(each))):
            yield f"{name_of(each)}: an address with a password in it"


SECRET_NAME = re.compile(r"(PASSWORD|TOKEN|SECRET|API_KEY)$")
SECRET_WORD = re.compile(r"(--(?:requirepass|redis-password|password))[= ]")
PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def secret_keys(template: Object) -> Iterator[str]:
    for container in containers_of(template):
        for variable in container.get("env", []):
            if key := at(variable, "valueFrom", "secretKeyRef", "key"):
                yield key
    for volume in template["spec"].get("volumes", []):
        for item in at(volume, "secret", "items", default=[]):
            yield item["key"]


@rule(25)
def restricted(setup: Setup) -> Iterator[str]:
    """What Pod Security asks for, and a root file system that nobody can write to."""
    for where, template in pod_templates(setup.objects):
        pod = template["spec"].get("securityContext", {})
        if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
            yield f"{where}: securityContext: may run as root"
        if at(pod, "seccompProfile", "type") != "RuntimeDefault":
            yield f"{where}: securityContext: no seccompProfile"
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if template["spec"].get(field):
                yield f"{where}: {field}: the node's own"
        for volume in template["spec"].get("volumes", []):
            if "hostPath" in volume:
                yield f"{where}: {volume['name']}: hostPath: the node's own files"
    for where, container in containers(setup):
        context = container.get("securityContext", {})
        if context.get("runAsUser", 1) == 0 or context.get("runAsNonRoot") is False:
            yield f"{where}: securityContext: may run as root"
        if at(context, "capabilities", "add") or context.get("privileged"):
            yield f"{where}: securityContext: more than Pod Security allows"
        if at(context, "seccompProfile", "type", default="RuntimeDefault") != "RuntimeDefault":
            yield f"{where}: securityContext: another seccompProfile"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{where}: hostPort: past the Services and their policies"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{where}: securityContext: allowPrivilegeEscalation is not false"
        if at(context, "capabilities", "drop") != ["ALL"]:
            yield f"{where}: securityContext: capabilities are not dropped"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{where}: securityContext: the root file system can be written to"
    labels = of_kind(setup.objects, "Namespace")[0]["metadata"].get("labels", {})
    if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace does not enforce Pod Security restricted"


@rule(25)
def tokens_of_kubernetes(setup: Setup) -> Iterator[str]:
    for where, template in pod_templates(setup.objects):
        mounted = template["spec"].get("automountServiceAccountToken")
        if where == "head" and setup.scales:
            if mounted is False:
                yield "head: automountServiceAccountToken is false: the autoscaler has no token"
        elif mounted is not False:
            yield f"{where}: automountServiceAccountToken is not false"


@rule(25)
def workers_are_spread_and_kept(setup: Setup) -> Iterator[str]:
    spread = worker_group(setup.objects)["template"]["spec"].get("topologySpreadConstraints", [])
    if not any(each["topologyKey"] == "kubernetes.io/hostname" for each in spread):
        yield "workers: not spread over nodes"
    budgets = [
        each
        for each in of_kind(setup.objects, "PodDisruptionBudget")
        if at(each, "spec", "selector", "matchLabels", "ray.io/node-type") == "worker"
    ]
    if not budgets:
        yield "workers: no PodDisruptionBudget"
    for each in budgets:
        if not isinstance(at(each, "spec", "minAvailable"), int):
            yield f"{name_of(each)}: only a whole minAvailable holds for pods of a RayCluster"
        if at(each, "spec", "unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{name_of(each)}: keeps gateways that serve nobody on a node to be drained"


@rule(25)
def probes(setup: Setup) -> Iterator[str]:
    """The operator gives its own to Ray's containers."""
    for where, template in pod_templates(setup.objects):
        if where != "head" and not where.startswith("workers"):
            for container in template["spec"]["containers"]:
                if "readinessProbe" not in container:
                    yield f"{where}: {container['name']}: no readinessProbe"


@rule(26)
def upgrades(setup: Setup) -> Iterator[str]:
    strategy = at(
        ray_service(setup.objects), "spec", "upgradeStrategy", "type", default="NewCluster"
    )
    if strategy == "None":
        return
    workers = worker_group(setup.objects)["replicas"]
    together = [*pods(setup.objects, workers), *budget.company(), *budget.ollama()]
    together += budget.second_cluster(setup.environment, workers)
    if fit.placement(budget.needs(together), budget.NODES) is None:
        yield f"upgradeStrategy {strategy}: a second cluster does not fit beside the first"


def containers(setup: Setup) -> Iterator[tuple[str, Object]]:
    for where, template in pod_templates(setup.objects):
        for container in containers_of(template):
            yield f"{where}: {container['name']}", container
    options = ray_cluster(setup.objects).get("autoscalerOptions")
    if options:
        yield "head: autoscaler", options
