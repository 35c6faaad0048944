"""Rules for who reaches what, for the operator, for monitoring, and for what operators are told."""

import json
import re
from collections.abc import Iterator

from manifests import flows
from manifests.metrics import names_in
from manifests.rendering import (
    Object,
    head_group,
    name_of,
    of_kind,
    ray_cluster,
    ray_service,
    strings,
    worker_group,
)
from manifests.rules import Setup, at, rule

# Labels that a namespace has: by itself, or because our documents say to give it.
NAMESPACE_LABELS = {"kubernetes.io/metadata.name", "rocket-client"}
NGINX = "nginx.ingress.kubernetes.io/"
TRAEFIK = "traefik.ingress.kubernetes.io/"


@rule(12)
def operator(setup: Setup) -> Iterator[str]:
    values = setup.operator_values
    if at(values, "image", "tag") != "v1.7.0":
        yield "operator/values.yaml: image.tag is not v1.7.0"
    if f"ray-{setup.environment}" not in values.get("watchNamespace", []):
        yield f"operator/values.yaml: watchNamespace lacks ray-{setup.environment}"
    told = setup.documents["docs/cluster.md"]
    if not re.search(r"kuberay/kuberay-operator[^\n]*(\\\n[^\n]*)?--version 1\.7\.0", told):
        yield "docs/cluster.md: the operator's chart is not installed with --version 1.7.0"
    if "--namespace ray-system" not in told:
        yield "docs/cluster.md: the operator does not go to ray-system"


@rule(15)
def no_deployment_of_ray(setup: Setup) -> Iterator[str]:
    for name, text in setup.documents.items():
        for found in re.findall(r"\bdeploy(?:ments?)?(?:\.apps)?[/ ]ray-\S*", text):
            yield f"{name}: {found}: Ray's pods are of no Deployment; edit the RayService"


@rule(17)
def ingress(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "Ingress"):
        annotations = each["metadata"].get("annotations", {})
        if NGINX + "rewrite-target" in annotations:
            yield f"{name_of(each)}: rewrite-target makes one path of all"
        if annotations.get(TRAEFIK + "router.entrypoints") != "websecure":
            yield f"{name_of(each)}: router.entrypoints: Traefik would take keys in clear text"
        if annotations.get(NGINX + "proxy-buffering") != "off":
            yield f"{name_of(each)}: proxy-buffering is not off: streams would come in lumps"
        if annotations.get(NGINX + "proxy-request-buffering") != "off":
            yield f"{name_of(each)}: proxy-request-buffering is not off: uploads would wait in nginx"
        paths = [path for one in each["spec"]["rules"] for path in one["http"]["paths"]]
        if any((path["path"], path["pathType"]) != ("/", "Prefix") for path in paths):
            yield f"{name_of(each)}: not all paths go through as they are"
        if int(annotations.get(NGINX + "proxy-read-timeout", "60")) < 600:
            yield f"{name_of(each)}: proxy-read-timeout: below timeouts.total"
        if annotations.get(NGINX + "proxy-body-size") != "100m":
            yield f"{name_of(each)}: proxy-body-size is not limits.body_bytes"
        service = f"ray-cluster-{setup.environment}-serve-svc"
        for name, _ in _backends(each):
            if name != service:
                yield f"{name_of(each)}: leads to {name}, not to {service}"


@rule(18)
def dashboard(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "Ingress"):
        if any(name.endswith("-head-svc") or port == "dashboard" for name, port in _backends(each)):
            yield f"{name_of(each)}: opens the dashboard, which runs anybody's code"
    if at(ray_cluster(setup.objects), "authOptions", "mode") != "token":
        yield "authOptions.mode is not token: whoever reaches the dashboard may run code"
    if head_group(setup.objects).get("enableIngress"):
        yield "headGroupSpec.enableIngress: opens the dashboard"
    for each in setup.objects:
        if each["kind"].endswith("Route") and any(
            text.endswith("-head-svc") for text in strings(each)
        ):
            yield f"{name_of(each)}: opens the dashboard, which runs anybody's code"


@rule(18)
def ways_past_the_ingress(setup: Setup) -> Iterator[str]:
    """A node's port is reached from that node, whatever policies say, and without TLS."""
    head, service = head_group(setup.objects), ray_service(setup.objects)["spec"]
    types = {
        "headGroupSpec.serviceType": head.get("serviceType"),
        "headGroupSpec.headService": at(head, "headService", "spec", "type"),
        "serveService": at(service, "serveService", "spec", "type"),
        **{name_of(e): at(e, "spec", "type") for e in of_kind(setup.objects, "Service")},
    }
    for where, kind in types.items():
        if kind not in (None, "ClusterIP"):
            yield f"{where}: {kind}: reached past the ingress"


def _backends(ingress: Object) -> Iterator[tuple[str, str]]:
    for each in at(ingress, "spec", "rules", default=[]):
        for path in at(each, "http", "paths", default=[]):
            service = path["backend"]["service"]
            yield service["name"], str(at(service, "port", "name", default=""))


@rule(19)
def namespaces_of_policies(setup: Setup) -> Iterator[str]:
    for policy in of_kind(setup.objects, "NetworkPolicy"):
        for selector in _namespace_selectors(policy):
            keys = set(selector.get("matchLabels", {}))
            keys |= {each["key"] for each in selector.get("matchExpressions", [])}
            for key in sorted(keys - NAMESPACE_LABELS):
                yield f"{name_of(policy)}: no namespace has the label {key}"


def _namespace_selectors(policy: Object) -> Iterator[Object]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for each in policy["spec"].get(direction) or []:
            for peer in each.get(peers) or []:
                if "namespaceSelector" in peer:
                    yield peer["namespaceSelector"]


@rule(20)
def flows_that_are_needed(setup: Setup) -> Iterator[str]:
    for flow in flows.of(setup.environment, setup.objects):
        if flow.passes != flow.wanted:
            yield f"{flow}: " + ("must pass and does not" if flow.wanted else "passes and must not")


@rule(21)
def who_is_scraped(setup: Setup) -> Iterator[str]:
    for each in of_kind(setup.objects, "ServiceMonitor"):
        yield f"{name_of(each)}: workers have no Service; use a PodMonitor"
    monitors = of_kind(setup.objects, "PodMonitor")
    if setup.environment == "prod" and not monitors:
        yield "no PodMonitor"
    ports = {
        "head": head_group(setup.objects)["template"]["spec"]["containers"][0]["ports"],
        "worker": worker_group(setup.objects)["template"]["spec"]["containers"][0]["ports"],
        "matrix-bot": [{"name": "metrics"}],
    }
    for each in monitors:
        labels = at(each, "spec", "selector", "matchLabels", default={})
        if "ray.io/cluster" in labels:
            yield f"{name_of(each)}: ray.io/cluster changes with every upgrade"
        if "release" not in each["metadata"].get("labels", {}):
            yield f"{name_of(each)}: no label release: Prometheus would not look at it"
        whose = labels.get("ray.io/node-type") or labels.get("app")
        known = {port.get("name") for port in ports.get(whose, [])}
        for endpoint in each["spec"]["podMetricsEndpoints"]:
            if endpoint["port"] not in known:
                yield f"{name_of(each)}: these pods have no port {endpoint['port']}"


@rule(22)
def metric_names(setup: Setup) -> Iterator[str]:
    for where, expression in expressions(setup.monitoring):
        for name in sorted(names_in(expression) - setup.metric_names):
            yield f"{where}: nobody tells {name}"
        for call in quantiles(expression):
            if "_bucket" not in call:
                yield f"{where}: histogram_quantile of what is no bucket"
            elif re.search(r"_bucket\b(?:\{[^}]*\})?(?!\{)(?!\s*\[)", call):
                yield f"{where}: histogram_quantile needs a rate of its buckets"
            if not re.search(r"\ble\b", call):
                yield f"{where}: histogram_quantile needs `by (le)`"


def quantiles(expression: str) -> Iterator[str]:
    """What is inside of each histogram_quantile(...)."""
    for found in re.finditer(r"histogram_quantile\(", expression):
        depth, end = 1, found.end()
        while depth and end < len(expression):
            depth += {"(": 1, ")": -1}.get(expression[end], 0)
            end += 1
        yield expression[found.end() : end]


def expressions(monitoring: list[Object]) -> Iterator[tuple[str, str]]:
    """Of all rules and panels, and where they stand."""
    for each in of_kind(monitoring, "PrometheusRule"):
        for group in each["spec"]["groups"]:
            for one in group["rules"]:
                yield one.get("alert") or one["record"], one["expr"]
    for each in of_kind(monitoring, "ConfigMap"):
        for file, text in each["data"].items():
            for panel in json.loads(text).get("panels", []):
                for target in panel.get("targets", []):
                    yield f"{file}: {panel['title']}", target["expr"]


@rule(23)
def dashboards(setup: Setup) -> Iterator[str]:
    seen: set[str] = set()
    for each in of_kind(setup.monitoring, "ConfigMap"):
        if each["metadata"].get("labels", {}).get("grafana_dashboard") != "1":
            yield f"{name_of(each)}: no label grafana_dashboard"
        for file, text in each["data"].items():
            board = json.loads(text)
            if "dashboard" in board:
                yield f"{file}: wrapped as for Grafana's API; the file is what is inside"
                continue
            if not board.get("uid") or not board.get("schemaVersion"):
                yield f"{file}: no uid or no schemaVersion"
            if board.get("uid") in seen:
                yield f"{file}: another board has its uid"
            seen.add(board.get("uid"))
            asks = {
                one["name"] for one in board["templating"]["list"] if one["type"] == "datasource"
            }
            for panel in board.get("panels", []):
                if "gridPos" not in panel or ("targets" in panel and "datasource" not in panel):
                    yield f"{file}: {panel.get('title')}: no gridPos or no datasource"
                elif at(panel, "datasource", "uid") not in {f"${{{name}}}" for name in asks}:
                    yield f"{file}: {panel.get('title')}: the datasource of one Grafana only"
