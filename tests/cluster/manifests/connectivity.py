"""What NetworkPolicies let through, as Kubernetes defines it. Pure.

A flow passes if the source's egress and the target's ingress both let it. A pod that no policy
selects for a direction lets everything pass in it; one that is selected only what some rule names.
"""

import ipaddress
from dataclasses import dataclass, field

from manifests.rendering import Object, of_kind


@dataclass(frozen=True)
class Peer:
    """A pod, or with `namespace` None an address outside of the cluster."""

    name: str
    namespace: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    address: str = "10.1.0.7"
    namespace_labels: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)  # by name

    def of_namespace(self) -> dict[str, str]:
        return {"kubernetes.io/metadata.name": self.namespace or "", **self.namespace_labels}


def allowed(
    objects: list[Object], source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> bool:
    return _passes(objects, "Egress", source, target, target, port, protocol) and _passes(
        objects, "Ingress", target, source, target, port, protocol
    )


def _passes(
    objects: list[Object],
    direction: str,
    subject: Peer,
    other: Peer,
    target: Peer,
    port: int,
    protocol: str,
) -> bool:
    """Whether `subject`'s policies for the direction let a flow from or to `other` pass."""
    if subject.namespace is None:
        return True
    policies = [
        each
        for each in of_kind(objects, "NetworkPolicy")
        if each["metadata"]["namespace"] == subject.namespace
        and direction in _directions(each)
        and selects(each["spec"].get("podSelector", {}), subject.labels)
    ]
    if not policies:
        return True
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    return any(
        _names_port(rule.get("ports"), target, port, protocol)
        and _names_peer(rule.get(peers), other, subject.namespace)
        for policy in policies
        for rule in policy["spec"].get(key) or []
    )


def _directions(policy: Object) -> list[str]:
    spec = policy["spec"]
    if "policyTypes" in spec:
        return spec["policyTypes"]
    return ["Ingress", *(["Egress"] if "egress" in spec else [])]


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """An empty selector selects everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_holds(rule, labels) for rule in selector.get("matchExpressions") or [])


def _holds(rule: Object, labels: dict[str, str]) -> bool:
    value = labels.get(rule["key"])
    match rule["operator"]:
        case "In":
            return value in rule["values"]
        case "NotIn":
            return value not in rule["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"no operator of a label selector: {rule['operator']}")


def _names_peer(peers: list[Object] | None, other: Peer, namespace: str) -> bool:
    if not peers:
        return True
    return any(_is_peer(each, other, namespace) for each in peers)


def _is_peer(peer: Object, other: Peer, namespace: str) -> bool:
    if "ipBlock" in peer:
        address = ipaddress.ip_address(other.address)
        block = peer["ipBlock"]
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(each) for each in block.get("except", [])
        )
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"] or {}, other.of_namespace()):
            return False
    elif other.namespace != namespace:
        return False
    return selects(peer.get("podSelector") or {}, other.labels)


def _names_port(ports: list[Object] | None, target: Peer, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for each in ports:
        if each.get("protocol", "TCP") != protocol:
            continue
        named = each.get("port")
        if isinstance(named, str):
            named = target.ports.get(named, -1)
        if named is None or named <= port <= each.get("endPort", named):
            return True
    return False
