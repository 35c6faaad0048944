"""Rules for what names something else: no schema knows whether there is anything of that name; a
cluster says so only by a pod that waits, or by a gateway that finds nobody."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from manifests.connectivity import selects
from manifests.pods import pods
from manifests.rendering import (
    Object,
    name_of,
    of_kind,
    pod_templates,
    quantity,
    worker_group,
)
from manifests.rules import Setup, at, rule
from manifests.rules_of_access import expressions
from manifests.rules_of_ray import application, gateway_config, secret_files

SECRET = "ray-secrets"
# Pods that policies may choose beside those that are there: the operator's job, and the bot.
OTHERS = ({"ray.io/node-type": "redis-cleanup"}, {"app": "matrix-bot"})


@rule(0)
def volumes(setup: Setup) -> Iterator[str]:
    maps = {each["metadata"]["name"] for each in of_kind(setup.objects, "ConfigMap")}
    for where, template in pod_templates(setup.objects):
        for volume in template["spec"].get("volumes", []):
            config = at(volume, "configMap", "name")
            if config is not None and config not in maps:
                yield f"{where}: the ConfigMap {config} is nowhere"
            secret = at(volume, "secret", "secretName", default=SECRET)
            if secret != SECRET:
                yield f"{where}: the Secret {secret} is made by nobody"
        for container in template["spec"]["containers"]:
            for variable in container.get("env", []):
                secret = at(variable, "valueFrom", "secretKeyRef", "name", default=SECRET)
                if secret != SECRET:
                    yield f"{where}: {variable['name']}: the Secret {secret} is made by nobody"


@rule(0)
def services(setup: Setup) -> Iterator[str]:
    for objects in (setup.objects, setup.backends):
        for service in of_kind(objects, "Service"):
            if selector := service["spec"].get("selector"):
                yield from _leads_nowhere(service, selector, pods(objects))


def _leads_nowhere(service: Object, selector: Object, there: list[Object]) -> Iterator[str]:
    chosen = [each for each in there if selects({"matchLabels": selector}, _labels(each))]
    if not chosen:
        yield f"{name_of(service)}: no pod has the labels {selector}"
    for pod in chosen:
        known: set[Any] = set()
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                known |= {port.get("name"), port["containerPort"]}
        for port in service["spec"]["ports"]:
            if port.get("targetPort", port["port"]) not in known:
                yield f"{name_of(service)}: its pods have no port {port.get('targetPort')}"


@rule(0)
def selectors(setup: Setup) -> Iterator[str]:
    """Of policies, of who is scraped, and of spreading."""
    labels = [*map(_labels, pods(setup.objects, 1)), *OTHERS]
    for each in of_kind(setup.objects, "NetworkPolicy"):
        if not any(selects(each["spec"]["podSelector"], one) for one in labels):
            yield f"{name_of(each)}: no pod is chosen by it"
    for each in of_kind(setup.objects, "PodMonitor"):
        if not any(selects(each["spec"]["selector"], one) for one in labels):
            yield f"{name_of(each)}: no pod is chosen by it"
    (worker,) = [one for one in labels if one.get("ray.io/node-type") == "worker"]
    pod = worker_group(setup.objects)["template"]["spec"]
    for each in pod.get("topologySpreadConstraints", []):
        if not selects(each["labelSelector"], worker):
            yield "workers: topologySpreadConstraints: counts no worker"


def _labels(pod: Object) -> dict[str, str]:
    return pod["metadata"]["labels"]


@rule(0)
def jobs(setup: Setup) -> Iterator[str]:
    monitors = of_kind(setup.objects, "PodMonitor")
    if not setup.scales:
        return  # nobody scrapes dev
    told = {
        relabeling["replacement"]
        for each in monitors
        for endpoint in each["spec"]["podMetricsEndpoints"]
        for relabeling in endpoint.get("relabelings", [])
        if relabeling.get("targetLabel") == "job"
    }
    for where, expression in expressions(setup.monitoring):
        for equals, job in re.findall(r'\bjob(=~?)"([^"]*)"', expression):
            wanted = job.split("|") if equals == "=~" else [job]
            for each in wanted:
                if not any(re.fullmatch(each, one) for one in told):
                    yield f"{where}: no PodMonitor has the job {each}"


@rule(0)
def gateways_find_their_backends(setup: Setup) -> Iterator[str]:
    for backend in gateway_config(setup).get("backends", []):
        for url in map(urlsplit, backend["urls"]):
            host = str(url.hostname)
            if host.count(".") > 1 or url.scheme == "https":
                continue  # not of this cluster
            name, _, namespace = host.partition(".")
            known = [
                port["port"]
                for each in of_kind([*setup.objects, *setup.backends], "Service")
                for port in each["spec"]["ports"]
                if each["metadata"]["name"] == name
                and each["metadata"]["namespace"] == (namespace or f"ray-{setup.environment}")
            ]
            if url.port not in known:
                yield f"rocket.yaml: {backend['name']}: no Service {host} with port {url.port}"


@rule(0)
def gateways_find_their_files(setup: Setup) -> Iterator[str]:
    pod = worker_group(setup.objects)["template"]["spec"]
    container = pod["containers"][0]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    (deployment,) = application(setup)["deployments"]
    file = at(deployment, "user_config", "file", default="")
    configured = {
        f"{mounts.get(volume['name'])}/{key}"
        for volume in pod["volumes"]
        for each in of_kind(setup.objects, "ConfigMap")
        if at(volume, "configMap", "name") == each["metadata"]["name"]
        for key in each["data"]
    }
    if file not in configured:
        yield f"serveConfigV2: user_config.file {file}: no ConfigMap of the workers has it"
    config, held = gateway_config(setup), set(secret_files(pod))
    backends = config.get("backends", [])
    for path in (config.get("keys_file"), *(each.get("api_key_file") for each in backends)):
        if path is not None and path not in held:
            yield f"rocket.yaml: {path}: no Secret of the workers has it"
    store = config.get("store", {})
    claimed = {
        mounts.get(each["name"]) for each in pod["volumes"] if "persistentVolumeClaim" in each
    }
    if "files" in store and store["files"] not in claimed:
        yield f"rocket.yaml: store.files {store['files']}: on no claim: gateways would not share it"
    variable = store.get("postgres_url_env")
    if variable and variable not in {each["name"] for each in container["env"]}:
        yield f"rocket.yaml: store.postgres_url_env: the workers have no {variable}"
    if variable and variable not in at(application(setup), "args", "environment", default=[]):
        yield f"serveConfigV2: args.environment: {variable} does not reach the gateway"


@rule(0)
def gateways_listen_where_they_are_asked(setup: Setup) -> Iterator[str]:
    config = gateway_config(setup)
    listed = worker_group(setup.objects)["template"]["spec"]["containers"][0]["ports"]
    ports = {each["name"]: each["containerPort"] for each in listed if "name" in each}
    for setting, name in (("listen", "serve"), ("metrics_listen", "rocket-metrics")):
        if config.get(setting) != f"0.0.0.0:{ports.get(name)}":
            yield f"rocket.yaml: {setting}: not 0.0.0.0 with the pod's port {name}"
    if "admin" in config:
        yield "rocket.yaml: admin: the replica has its own socket for that"


@rule(0)
def users_have_a_name(setup: Setup) -> Iterator[str]:
    """Where the image has no user of its number, and somebody asks for its name."""
    for where, template in pod_templates(setup.backends):
        for container in template["spec"]["containers"]:
            known = {each["name"] for each in container.get("env", [])}
            if container["image"].startswith("vllm/") and not {"HOME", "USER"} <= known:
                yield f"{where}: no HOME or no USER: vLLM does not start without"


@rule(0)
def the_budget_lets_go(setup: Setup) -> Iterator[str]:
    workers = worker_group(setup.objects)["replicas"]
    for each in of_kind(setup.objects, "PodDisruptionBudget"):
        if at(each, "spec", "minAvailable", default=0) >= workers:
            yield f"{name_of(each)}: minAvailable: no node with a gateway could ever be drained"


@rule(0)
def certificates(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "Ingress"):
        hosts = {host for one in each["spec"].get("tls", []) for host in one.get("hosts", [])}
        for rule_of_host in each["spec"]["rules"]:
            if rule_of_host.get("host") not in hosts:
                yield f"{name_of(each)}: no certificate for {rule_of_host.get('host')}"


@rule(0)
def redis_keeps_what_it_is_told(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "ConfigMap"):
        if "redis.conf" not in each["data"]:
            continue
        lines = [line.split() for line in each["data"]["redis.conf"].splitlines()]
        found = {line[0]: line[1] for line in lines if len(line) == 2 and line[0] != "#"}
        for setting, value in REDIS.items():
            if found.get(setting) != value:
                yield f"redis.conf: {setting}: not {value}"
        (pod,) = [one for one in pods(setup.objects) if _labels(one).get("app") == "redis"]
        limit = quantity(pod["spec"]["containers"][0]["resources"]["limits"]["memory"])
        # A rewrite of its file may need as much again.
        if 2 * quantity(found.get("maxmemory", "1G").upper().rstrip("B")) > limit:
            yield "redis.conf: maxmemory: more than half of the pod's"


REDIS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "dir": "/data",
    "include": "/run/redis/password.conf",
}


@rule(0)
def kept_logs_fit_their_claim(setup: Setup) -> Iterator[str]:
    for name, template in pod_templates(setup.objects):
        for container in template["spec"]["containers"]:
            if container["name"] != "keep-logs":
                continue
            mib = float(container["command"][-1])
            for each in of_kind(setup.objects, "PersistentVolumeClaim"):
                room = quantity(each["spec"]["resources"]["requests"]["storage"])
                if each["metadata"]["name"] == "ray-head-logs" and mib * 2**20 > 0.9 * room:
                    yield f"{name}: keep-logs keeps {mib:g} MiB, more than its claim has room for"


@rule(0)
def commands_that_are_told(setup: Setup) -> Iterator[str]:
    """`kubectl exec` has none of what an entrypoint sets up."""
    for name, text in setup.documents.items():
        for found in re.findall(r"kubectl[^`\n]*redis-cli", text):
            if "REDISCLI_AUTH" not in found:
                yield f"{name}: redis-cli without the password: it would say NOAUTH"
        if re.search(r"get secrets? -l ray\.io/cluster", text):
            yield f"{name}: the token of whichever cluster comes first: there may be two"
        for resource in re.findall(
            r"kubectl -n ray-(?:dev|staging|prod) exec (?:-i )?([a-z]\S*)", text
        ):
            kind, _, rest = resource.rpartition("-")
            owners = {each["metadata"]["name"] for each in of_kind(setup.objects, "StatefulSet")}
            if setup.environment == "prod" and rest.isdigit() and kind not in owners:
                yield f"{name}: there is no pod {resource}"
