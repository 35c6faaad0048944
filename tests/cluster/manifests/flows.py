"""Who may reach whom: flows that have to pass, and flows that must not. Pods are as the operator
makes them of our manifests."""

from dataclasses import dataclass

from manifests.connectivity import Peer, allowed
from manifests.pods import pods
from manifests.rendering import MANIFESTS, Object, of_kind, parse, render

INSIDE = "10.1.0.7"
API_SERVER = Peer("the API server", address="10.0.0.5")
CLOUD = Peer("a cloud", address="160.79.104.10")
INTRANET = Peer("a machine of the intranet", address="192.168.1.20")
# Addresses that mean nobody outside: who runs there may trust whoever comes from here.
PRIVATE = {
    "docker": Peer("a bridge's machine", address="172.20.0.5"),
    "carrier": Peer("a carrier's machine", address="100.64.0.9"),
    "metadata": Peer("a cloud's metadata", address="169.254.169.254"),
    "loopback": Peer("loopback", address="127.0.0.1"),
}
LM_STUDIO = Peer("LM Studio", address="192.0.2.10")
INTERNET = Peer("a stranger on the internet", address="203.0.113.9")
RAY_PORTS = (6379, 8265, 10001, 52365, 8090, 10002, 19999)


@dataclass(frozen=True)
class Flow:
    source: Peer
    target: Peer
    port: int
    protocol: str
    wanted: bool
    passes: bool

    def __str__(self) -> str:
        return f"{self.source.name} -> {self.target.name} {self.protocol} {self.port}"


def of(environment: str, objects: list[Object]) -> list[Flow]:
    """The table of an environment."""
    there = _there(environment, objects)
    policies = [*of_kind(objects, "NetworkPolicy"), *_backends(), *_bot(environment)]
    found = []
    for wanted, flows in ((True, _needed(environment)), (False, _forbidden(environment))):
        for source, target, port, *protocol in flows:
            if source not in there or target not in there:
                continue
            protocol_name = protocol[0] if protocol else "TCP"
            passes = allowed(policies, there[source], there[target], port, protocol_name)
            found.append(Flow(there[source], there[target], port, protocol_name, wanted, passes))
    return found


def _backends() -> list[Object]:
    return of_kind(render(MANIFESTS / "backends"), "NetworkPolicy")


def _bot(environment: str) -> list[Object]:
    """A component that no environment has as it stands."""
    policies = parse((MANIFESTS / "matrix/network-policy.yaml").read_text())
    for each in policies:
        each["metadata"]["namespace"] = f"ray-{environment}"
    return policies


def _there(environment: str, objects: list[Object]) -> dict[str, Peer]:
    """Everybody, by the name that the tables have for them."""
    namespace = f"ray-{environment}"
    known = {
        "api": API_SERVER,
        "cloud": CLOUD,
        "intranet": INTRANET,
        "internet": INTERNET,
        "lm-studio": LM_STUDIO,
        **PRIVATE,
        "operator": _pod("operator", "ray-system", {"app.kubernetes.io/name": "kuberay-operator"}),
        "prometheus": _pod("prometheus", "observability", {"app.kubernetes.io/name": "prometheus"}),
        "ingress": _pod("ingress", "ingress", {"name": "nginx-ingress-microk8s"}),
        "dns": _pod("dns", "kube-system", {"k8s-app": "kube-dns"}),
        "stranger": _pod("a stranger", "default", {"app": "stranger"}),
        "liar": _pod(
            "a liar", "default", {"ray.io/is-ray-node": "yes", "ray.io/node-type": "head"}
        ),
        "neighbour": _pod("a neighbour", namespace, {"app": "stranger"}),
        "not-prometheus": _pod("a neighbour of prometheus", "observability", {"app": "grafana"}),
        "not-operator": _pod("a neighbour of the operator", "ray-system", {"app": "x"}),
        "client": Peer("a client", "chat", {"app": "chat"}, INSIDE, {"rocket-client": "true"}),
        "bot": _pod("matrix-bot", namespace, {"app": "matrix-bot"}),
        "cleanup": _pod(
            "redis-cleanup",
            namespace,
            {"ray.io/is-ray-node": "yes", "ray.io/node-type": "redis-cleanup"},
        ),
        "other": _pod(
            "another environment's worker",
            "ray-dev" if environment != "dev" else "ray-prod",
            {"ray.io/is-ray-node": "yes", "ray.io/node-type": "worker"},
        ),
    }
    for each in [*pods(objects, 2), *pods(render(MANIFESTS / "backends"))]:
        labels = each["metadata"]["labels"]
        key = labels.get("ray.io/node-type") or labels.get("app")
        if labels.get("ray.io/worker-group-replica-index") == "1":
            key = "worker2"
        known[key] = _pod(key, each["metadata"]["namespace"], labels)
    return known


def _pod(name: str, namespace: str, labels: dict[str, str]) -> Peer:
    return Peer(name, namespace, labels, INSIDE)


def _needed(environment: str) -> list[tuple]:
    cloud = environment != "dev"
    return [
        *[("worker", "head", port) for port in (6379, 8265, 10001, 52365, 10002, 19999)],
        *[("head", "worker", port) for port in (8000, 52365, 10002, 19999)],
        ("worker", "worker2", 10002),
        ("worker", "worker2", 8000),
        *[("operator", "head", port) for port in (8265, 52365, 8000)],
        *[("operator", "worker", port) for port in (8000, 52365)],
        *[("prometheus", "head", port) for port in (8080, 44217, 44227)],
        *[("prometheus", "worker", port) for port in (8080, 9464)],
        *[(each, "worker", 8000) for each in ("ingress", "client", "bot")],
        *[(each, "dns", 53, how) for each in ("head", "worker") for how in ("UDP", "TCP")],
        *[("head", "api", port) for port in (443, 6443, 16443)],
        ("worker", "ollama", 11434),
        ("worker", "vllm", 8000),
        ("head", "redis", 6379),
        ("cleanup", "redis", 6379),
        ("cleanup", "dns", 53, "UDP"),
        ("worker", "postgres", 5432),
        *([("worker", "cloud", 443)] if cloud else []),
        ("ollama", "cloud", 443),
        ("ollama", "dns", 53, "UDP"),
        ("bot", "intranet", 8008),
        ("bot", "cloud", 443),
        ("bot", "dns", 53, "UDP"),
        ("prometheus", "bot", 9465),
    ]


def _forbidden(environment: str) -> list[tuple]:
    outside = ("stranger", "liar", "neighbour", "ingress", "client", "bot", "prometheus")
    outside += ("not-operator", "other", "internet", "intranet", "ollama")
    return [
        *[
            (each, node, port)
            for each in outside
            for node in ("head", "worker")
            for port in RAY_PORTS
        ],
        *[("operator", node, port) for node in ("head", "worker") for port in (6379, 10001, 8090)],
        *[
            (each, "worker", 8000)
            for each in ("stranger", "liar", "neighbour", "other", "internet")
        ],
        *[(each, "worker", 9464) for each in ("stranger", "not-prometheus", "client", "ingress")],
        *[
            (each, "redis", 6379)
            for each in ("worker", "neighbour", "liar", "operator", "postgres", "bot", "other")
        ],
        *[
            (each, "postgres", 5432)
            for each in ("head", "neighbour", "liar", "operator", "redis", "bot", "other")
        ],
        *[(each, "cloud", 443) for each in ("head", "redis", "postgres", "neighbour")],
        *([("worker", "cloud", 443)] if environment == "dev" else []),
        *[("worker", "intranet", port) for port in (22, 80, 443, 5432)],
        ("worker", "cloud", 80),
        *[("worker", "api", port) for port in (443, 6443, 16443)],
        *[(each, private, 443) for each in ("worker", "ollama") for private in PRIVATE],
        *[("head", "metadata", port) for port in (80, 443)],
        ("worker", "lm-studio", 1234),
        ("head", "ollama", 11434),
        *[(each, "ollama", 11434) for each in ("stranger", "liar", "head", "ingress", "bot")],
        *[(each, "vllm", 8000) for each in ("stranger", "liar", "head", "ingress", "bot")],
        ("ollama", "intranet", 443),
        ("ollama", "worker", 8000),
        ("worker", "stranger", 80),
        ("stranger", "neighbour", 80),
        ("bot", "intranet", 22),
        ("neighbour", "bot", 9465),
    ]
