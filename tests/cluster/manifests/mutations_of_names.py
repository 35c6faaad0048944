"""Names that name nothing, planted: as mutations.py, for the rules of rules_of_names.py."""

from collections.abc import Callable

import yaml

from manifests.mutations import (
    Mutation,
    application,
    deployment,
    documents,
    drop,
    head,
    named,
    secret_items,
    worker,
    worker_container,
)
from manifests.rendering import Object, pod_templates
from manifests.rules import Setup


def configured(setup: Setup, change: Callable[[Object], object]) -> None:
    """rocket.yaml."""
    data = named(setup, "ConfigMap", "rocket-config")["data"]
    config = yaml.safe_load(data["rocket.yaml"])
    change(config)
    data["rocket.yaml"] = yaml.safe_dump(config)


def redis_conf(setup: Setup, old: str, new: str) -> None:
    data = named(setup, "ConfigMap", "redis-config")["data"]
    assert old in data["redis.conf"]
    data["redis.conf"] = data["redis.conf"].replace(old, new)


def volume(setup: Setup, name: str) -> Object:
    (found,) = [e for e in worker(setup)["template"]["spec"]["volumes"] if e["name"] == name]
    return found


def mount(setup: Setup, name: str) -> Object:
    (found,) = [e for e in worker_container(setup)["volumeMounts"] if e["name"] == name]
    return found


def variable(setup: Setup, name: str) -> Object:
    (found,) = [e for e in worker_container(setup)["env"] if e["name"] == name]
    return found


def served(setup: Setup, name: str) -> Object:
    (found,) = [
        e for e in setup.backends if e["kind"] == "Service" and e["metadata"]["name"] == name
    ]
    return found["spec"]


def keep_logs(setup: Setup) -> Object:
    (found,) = [
        e for e in head(setup)["template"]["spec"]["containers"] if e["name"] == "keep-logs"
    ]
    return found


def selector(setup: Setup, kind: str, name: str, where: str) -> Object:
    return named(setup, kind, name)["spec"][where]["matchLabels"]


def forget_user(backends: list[Object]) -> None:
    for _, template in pod_templates(backends):
        container = template["spec"]["containers"][0]
        container["env"] = [e for e in container["env"] if e["name"] != "USER"]


def clouds_may_be(setup: Setup, cidr: str) -> None:
    """Though nobody outside has such an address."""
    policy = named(setup, "NetworkPolicy", "gateway-to-clouds")["spec"]
    policy["egress"][0]["to"][0]["ipBlock"]["except"].remove(cidr)


MUTATIONS_OF_NAMES = [
    Mutation(
        0, lambda s: drop(s, "ConfigMap", "rocket-config"), "ConfigMap rocket-config is nowhere"
    ),
    Mutation(0, lambda s: drop(s, "ConfigMap", "keep-logs"), "ConfigMap keep-logs is nowhere"),
    Mutation(
        0,
        lambda s: volume(s, "rocket-secrets")["secret"].update(secretName="ray-secret"),
        "the Secret ray-secret is made by nobody",
    ),
    Mutation(
        0,
        lambda s: variable(s, "ROCKET_POSTGRES_URL")["valueFrom"]["secretKeyRef"].update(name="pg"),
        "the Secret pg is made by nobody",
    ),
    Mutation(
        0,
        lambda s: named(s, "Service", "postgres")["spec"].update(selector={"app": "postgresql"}),
        "Service postgres: no pod has the labels",
    ),
    Mutation(
        0,
        lambda s: named(s, "Service", "redis")["spec"]["ports"][0].update(targetPort="tcp"),
        "Service redis: its pods have no port tcp",
    ),
    Mutation(
        0,
        lambda s: served(s, "rocket-ollama-service").update(selector={"app": "olama"}),
        "Service rocket-ollama-service: no pod has the labels",
    ),
    Mutation(
        0,
        lambda s: selector(s, "NetworkPolicy", "postgres", "podSelector").update(app="postgresql"),
        "NetworkPolicy postgres: no pod is chosen",
    ),
    Mutation(
        0,
        lambda s: selector(s, "PodMonitor", "ray-worker", "selector").update(
            {"ray.io/is-ray-node": "true"}
        ),
        "PodMonitor ray-worker: no pod is chosen",
    ),
    Mutation(
        0,
        lambda s: worker(s)["template"]["spec"]["topologySpreadConstraints"][0].update(
            labelSelector={"matchLabels": {"app": "rocket"}}
        ),
        "counts no worker",
    ),
    Mutation(
        0,
        lambda s: drop(s, "PodMonitor", "rocket-gateway"),
        "no PodMonitor has the job rocket-gateway",
    ),
    Mutation(
        0,
        lambda s: named(s, "PodMonitor", "ray-head")["spec"]["podMetricsEndpoints"][0].pop(
            "relabelings"
        ),
        "no PodMonitor has the job ray-head",
    ),
    Mutation(
        0,
        lambda s: configured(
            s, lambda c: c["backends"][1].update(urls=["http://rocket-ollama-service.rocket:11435"])
        ),
        "ollama: no Service rocket-ollama-service.rocket with port 11435",
    ),
    Mutation(
        0,
        lambda s: configured(
            s, lambda c: c["backends"][0].update(urls=["http://rocket-vllm-service:8000"])
        ),
        "vllm: no Service rocket-vllm-service with port 8000",
    ),
    Mutation(
        0,
        lambda s: mount(s, "rocket-config").update(mountPath="/etc/rockets"),
        "user_config.file /etc/rocket/rocket.yaml: no ConfigMap of the workers has it",
    ),
    Mutation(
        0,
        lambda s: deployment(s, user_config={"file": "/etc/rocket/rocket.yml"}),
        "user_config.file /etc/rocket/rocket.yml: no ConfigMap",
    ),
    Mutation(
        0,
        lambda s: secret_items(s).remove({"key": "rocket-keys", "path": "rocket-keys.yaml"}),
        "rocket-keys.yaml: no Secret of the workers has it",
    ),
    Mutation(
        0,
        lambda s: secret_items(s).remove({"key": "anthropic-api-key", "path": "anthropic-api-key"}),
        "anthropic-api-key: no Secret of the workers has it",
    ),
    Mutation(
        0,
        lambda s: volume(s, "rocket-files").pop("persistentVolumeClaim"),
        "on no claim",
    ),
    Mutation(
        0,
        lambda s: worker_container(s)["env"].remove(variable(s, "ROCKET_POSTGRES_URL")),
        "the workers have no ROCKET_POSTGRES_URL",
    ),
    Mutation(
        0,
        lambda s: application(s, lambda args: args.update(environment=[])),
        "ROCKET_POSTGRES_URL does not reach the gateway",
    ),
    Mutation(
        0,
        lambda s: configured(s, lambda c: c.update(metrics_listen="127.0.0.1:9464")),
        "metrics_listen: not 0.0.0.0",
    ),
    Mutation(
        0,
        lambda s: configured(s, lambda c: c.update(listen="0.0.0.0:8080")),
        "listen: not 0.0.0.0 with the pod's port serve",
    ),
    Mutation(0, lambda s: forget_user(s.backends), "vLLM does not start without"),
    Mutation(
        0,
        lambda s: named(s, "PodDisruptionBudget", "rocket-workers")["spec"].update(minAvailable=2),
        "could ever be drained",
    ),
    Mutation(
        0,
        lambda s: named(s, "Ingress", "ray-serve")["spec"]["rules"][0].update(host="other.local"),
        "no certificate for other.local",
    ),
    Mutation(0, lambda s: redis_conf(s, "appendonly yes", "appendonly no"), "appendonly: not yes"),
    Mutation(
        0,
        lambda s: redis_conf(s, "include /run", "# include /run"),
        "include: not /run/redis/password",
    ),
    Mutation(0, lambda s: redis_conf(s, "96mb", "160mb"), "maxmemory: more than half of the pod's"),
    Mutation(
        0,
        lambda s: keep_logs(s)["command"].__setitem__(-1, "1000"),
        "more than its claim has room for",
    ),
    Mutation(
        0,
        lambda s: documents(s, "kubectl -n ray-prod exec redis-0 -- redis-cli info"),
        "it would say NOAUTH",
    ),
    Mutation(
        0,
        lambda s: documents(s, "kubectl -n ray-prod exec -i postgresql-0 -- psql"),
        "there is no pod postgresql-0",
    ),
    Mutation(
        0,
        lambda s: documents(s, "kubectl -n ray-prod get secret -l ray.io/cluster -o name"),
        "the token of whichever cluster comes first",
    ),
    Mutation(
        20, lambda s: clouds_may_be(s, "10.0.0.0/8"), "worker -> the API server TCP 443: passes"
    ),
    Mutation(
        20,
        lambda s: clouds_may_be(s, "172.16.0.0/12"),
        "worker -> a bridge's machine TCP 443: passes",
    ),
    Mutation(
        20,
        lambda s: clouds_may_be(s, "169.254.0.0/16"),
        "worker -> a cloud's metadata TCP 443: passes",
    ),
]
