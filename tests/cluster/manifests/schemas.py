"""Strict schemas: a field that Kubernetes does not know is an error here, as it is to
`kubectl apply --validate=strict`."""

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from manifests.rendering import Object, name_of

DATA = Path(__file__).parents[1] / "data"
# The oldest and the newest that the manifests are for.
VERSIONS = ("1.30", "1.36")


def problems(an_object: Object) -> list[str]:
    """What is wrong with it, each with its path."""
    group = an_object["apiVersion"].rpartition("/")[0]
    if schema := OURS.get((group, an_object["kind"])):
        return [f"{name_of(an_object)}: {each}" for each in _broken(schema(), an_object)]
    if "." in group and not group.endswith(".k8s.io"):
        return [f"{name_of(an_object)}: no schema for {an_object['apiVersion']}"]
    # Most objects stand in several environments.
    alike = json.loads(json.dumps(an_object))
    alike["metadata"].pop("namespace", None)
    return list(_of_kubernetes(json.dumps(alike, sort_keys=True)))


@functools.cache
def _of_kubernetes(text: str) -> tuple[str, ...]:
    an_object, found = json.loads(text), []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(an_object, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            found.append(f"{name_of(an_object)}: {path}: {error.message} ({version})")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(f"{name_of(an_object)}: {error} ({version})")
    return tuple(found)


def _broken(schema: Object, an_object: Object) -> list[str]:
    errors = jsonschema.Draft202012Validator(schema).iter_errors(an_object)
    return [f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in errors]


def strict(schema: Any) -> Any:
    """A CRD's openAPIV3Schema as a JSON schema that knows its fields and no others."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False) is True:
        made = {"type": ["integer", "string"]}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") is True
    if isinstance(schema.get("properties"), dict) and "type" in schema and not open_ended:
        made.setdefault("additionalProperties", False)
    return made


@functools.cache
def ray_service() -> Object:
    schema = strict(json.loads((DATA / "rayservice-v1.schema.json").read_text()))
    # The API server's own.
    schema["properties"]["metadata"] = METADATA
    schema["properties"]["apiVersion"] = {"const": "ray.io/v1"}
    schema["additionalProperties"] = False
    return schema


def ray_service_definition() -> Object:
    """For an API server: its CRD, of the one version that we use."""
    schema = json.loads((DATA / "rayservice-v1.schema.json").read_text())
    names = {"kind": "RayService", "plural": "rayservices", "singular": "rayservice"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rayservices.ray.io"},
        "spec": {
            "group": "ray.io",
            "scope": "Namespaced",
            "names": {**names, "listKind": "RayServiceList"},
            "versions": [version],
        },
    }


def _object(required: list[str], **properties: Object) -> Object:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
METADATA = _object(["name"], name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS)
LABELS = _object(["matchLabels"], matchLabels=TEXTS)


def _kind(group: str, kind: str, spec: Object) -> Object:
    return _object(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": group},
        kind={"const": kind},
        metadata=METADATA,
        spec=spec,
    )


# What we use of Prometheus' operator and of the Gateway API, by their documentation.
@functools.cache
def pod_monitor() -> Object:
    relabeling = _object(["targetLabel", "replacement"], targetLabel=TEXT, replacement=TEXT)
    endpoint = _object(
        ["port"],
        port=TEXT,
        path=TEXT,
        interval={"type": "string", "pattern": "^[0-9]+s$"},
        relabelings={"type": "array", "items": relabeling},
    )
    endpoints = {"type": "array", "minItems": 1, "items": endpoint}
    spec = _object(
        ["selector", "podMetricsEndpoints"], selector=LABELS, podMetricsEndpoints=endpoints
    )
    return _kind("monitoring.coreos.com/v1", "PodMonitor", spec)


@functools.cache
def prometheus_rule() -> Object:
    alert = _object(
        ["expr"],
        record=TEXT,
        alert=TEXT,
        expr=TEXT,
        labels=TEXTS,
        annotations=TEXTS,
        **{"for": {"type": "string", "pattern": "^[0-9]+[smh]$"}},
    )
    group = _object(
        ["name", "rules"],
        name=TEXT,
        interval={"type": "string", "pattern": "^[0-9]+[sm]$"},
        rules={"type": "array", "minItems": 1, "items": alert},
    )
    spec = _object(["groups"], groups={"type": "array", "items": group})
    return _kind("monitoring.coreos.com/v1", "PrometheusRule", spec)


@functools.cache
def http_route() -> Object:
    rule = _object(
        ["backendRefs"],
        matches={
            "type": "array",
            "items": _object(
                ["path"],
                path=_object(["type", "value"], type={"enum": ["Exact", "PathPrefix"]}, value=TEXT),
            ),
        },
        timeouts=_object([], request=TEXT, backendRequest=TEXT),
        backendRefs={
            "type": "array",
            "items": _object(["name", "port"], name=TEXT, port={"type": "integer"}),
        },
    )
    spec = _object(
        ["parentRefs", "rules"],
        parentRefs={"type": "array", "items": _object(["name"], name=TEXT, namespace=TEXT)},
        hostnames={"type": "array", "items": TEXT},
        rules={"type": "array", "items": rule},
    )
    return _kind("gateway.networking.k8s.io/v1", "HTTPRoute", spec)


def tls_option() -> Object:
    texts = {"type": "array", "minItems": 1, "items": TEXT}
    kinds = {"enum": ["RequireAndVerifyClientCert"]}
    client = _object(["secretNames", "clientAuthType"], secretNames=texts, clientAuthType=kinds)
    return _kind("traefik.io/v1alpha1", "TLSOption", _object(["clientAuth"], clientAuth=client))


def middleware() -> Object:
    texts = {"type": "array", "minItems": 1, "items": TEXT}
    allowed = _object(["sourceRange"], sourceRange=texts)
    return _kind("traefik.io/v1alpha1", "Middleware", _object(["ipAllowList"], ipAllowList=allowed))


OURS = {
    ("ray.io", "RayService"): ray_service,
    ("monitoring.coreos.com", "PodMonitor"): pod_monitor,
    ("monitoring.coreos.com", "PrometheusRule"): prometheus_rule,
    ("gateway.networking.k8s.io", "HTTPRoute"): http_route,
    ("traefik.io", "TLSOption"): tls_option,
    ("traefik.io", "Middleware"): middleware,
}
