"""Every fault of the first sketch, planted again: what is done to a setup of prod, and what a rule
must say of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from manifests.rendering import (
    Object,
    head_group,
    of_kind,
    ray_cluster,
    ray_service,
    serve_config,
    worker_group,
)
from manifests.rules import Setup


@dataclass(frozen=True)
class Mutation:
    fault: int
    plant: Callable[[Setup], object]
    says: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.says}"


def head(setup: Setup) -> Object:
    return head_group(setup.objects)


def worker(setup: Setup) -> Object:
    return worker_group(setup.objects)


def head_container(setup: Setup) -> Object:
    return head(setup)["template"]["spec"]["containers"][0]


def worker_container(setup: Setup) -> Object:
    return worker(setup)["template"]["spec"]["containers"][0]


def options(setup: Setup) -> Object:
    return ray_cluster(setup.objects)["autoscalerOptions"]


def named(setup: Setup, kind: str, name: str) -> Object:
    (found,) = [e for e in of_kind(setup.objects, kind) if e["metadata"]["name"] == name]
    return found


def add(setup: Setup, kind: str, name: str, version: str = "v1", **more: object) -> None:
    metadata = {"name": name, "namespace": "ray-prod"}
    setup.objects.append({"apiVersion": version, "kind": kind, "metadata": metadata, **more})


def drop(setup: Setup, kind: str, name: str) -> None:
    setup.objects.remove(named(setup, kind, name))


def serving(setup: Setup, change: Callable[[Object], object]) -> None:
    config = serve_config(setup.objects)
    change(config)
    ray_service(setup.objects)["spec"]["serveConfigV2"] = yaml.safe_dump(config)


def deployment(setup: Setup, **values: object) -> None:
    serving(setup, lambda config: config["applications"][0]["deployments"][0].update(values))


def application(setup: Setup, change: Callable[[Object], object]) -> None:
    """Of its `args`."""
    serving(setup, lambda config: change(config["applications"][0]["args"]))


def secret_items(setup: Setup) -> list[Object]:
    (found,) = [e for e in worker(setup)["template"]["spec"]["volumes"] if "secret" in e]
    return found["secret"]["items"]


def memory(container: Object, size: str) -> None:
    container["resources"]["requests"]["memory"] = container["resources"]["limits"]["memory"] = size


def annotate(setup: Setup, name: str, value: str | None) -> None:
    annotations = named(setup, "Ingress", "ray-serve")["metadata"]["annotations"]
    annotations["nginx.ingress.kubernetes.io/" + name] = value
    if value is None:
        del annotations["nginx.ingress.kubernetes.io/" + name]


def dashboard_ingress(setup: Setup) -> None:
    service = {"name": "ray-cluster-prod-head-svc", "port": {"name": "dashboard"}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    spec = {"rules": [{"http": {"paths": [path]}}]}
    add(setup, "Ingress", "dashboard", "networking.k8s.io/v1", spec=spec)


def policy_by_name(setup: Setup) -> None:
    peer = named(setup, "NetworkPolicy", "names")["spec"]["egress"][0]["to"][0]
    peer["namespaceSelector"] = {"matchLabels": {"name": "kube-system"}}


def redis_for_all(setup: Setup) -> None:
    for name, direction, peers in (("redis", "ingress", "from"), ("head-to-redis", "egress", "to")):
        policy = named(setup, "NetworkPolicy", name)["spec"]
        everybody = {"podSelector": {"matchLabels": {"ray.io/is-ray-node": "yes"}}}
        if direction == "ingress":
            policy[direction][0][peers] = [everybody]
        else:
            policy["podSelector"] = everybody["podSelector"]


def expression(setup: Setup, text: str) -> None:
    rule = of_kind(setup.monitoring, "PrometheusRule")[0]["spec"]["groups"][0]["rules"][0]
    rule["expr"] = text


def board(setup: Setup, change: Callable[[Object], Object]) -> None:
    data = of_kind(setup.monitoring, "ConfigMap")[0]["data"]
    for file in data:
        data[file] = json.dumps(change(json.loads(data[file])))


def log_claim(setup: Setup) -> Object:
    return named(setup, "PersistentVolumeClaim", "ray-head-logs")["spec"]


def documents(setup: Setup, text: str) -> None:
    setup.documents["docs/operations.md"] = text


def old_operator(setup: Setup) -> None:
    text = setup.documents["docs/cluster.md"]
    setup.documents["docs/cluster.md"] = text.replace("--version 1.7.0", "--version 1.0.0")


def unwrapped_off(setup: Setup) -> None:
    board(setup, lambda inner: {"dashboard": inner})


# One or more per row; the numbers are those of docs/cluster.md.
MUTATIONS = [
    Mutation(
        1, lambda s: ray_service(s.objects).update(apiVersion="ray.io/v1alpha1"), "write ray.io/v1"
    ),
    Mutation(2, lambda s: head(s).update(replicas=1), "exactly one head"),
    Mutation(3, lambda s: head_container(s)["ports"][4].pop("name"), "port 8080 has no name"),
    Mutation(
        3,
        lambda s: head_container(s)["ports"].append({"name": "m2", "containerPort": 8080}),
        "port 8080 is listed twice",
    ),
    Mutation(
        3, lambda s: worker_container(s)["ports"].pop(0), "no port serve with the number 8000"
    ),
    Mutation(
        4,
        lambda s: add(s, "Service", "ray-cluster-prod-head-svc"),
        "the operator makes the Service",
    ),
    Mutation(
        5,
        lambda s: [memory(head_container(s), "1536Mi"), memory(worker_container(s), "1400Mi")],
        "does not fit on 4 nodes",
    ),
    Mutation(5, lambda s: [memory(worker_container(s), "1Gi")], "does not fit on 4 nodes"),
    Mutation(
        6,
        lambda s: drop(s, "PersistentVolumeClaim", "ray-head-logs"),
        "the claim ray-head-logs is nowhere",
    ),
    Mutation(
        6, lambda s: log_claim(s).update(accessModes=["ReadWriteOnce"]), "keep its pods on one node"
    ),
    Mutation(6, lambda s: log_claim(s).pop("storageClassName"), "no storageClassName"),
    Mutation(
        6,
        lambda s: head_container(s)["volumeMounts"].append(
            {"name": "kept-logs", "mountPath": "/tmp/ray"}
        ),
        "Ray's sockets can not be there",
    ),
    Mutation(
        7,
        lambda s: head(s)["rayStartParams"].update({"redis-password": "x"}),
        "rayStartParams does nothing",
    ),
    Mutation(
        7,
        lambda s: ray_cluster(s.objects).pop("gcsFaultToleranceOptions"),
        "a lost head would take the cluster",
    ),
    Mutation(7, lambda s: drop(s, "Service", "redis"), "no Service redis"),
    Mutation(
        8,
        lambda s: add(
            s,
            "Job",
            "deploy",
            "batch/v1",
            spec={
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "x",
                                "image": "rocket:1",
                                "command": ["ray", "job", "submit", "--", "serve run app"],
                            }
                        ]
                    }
                }
            },
        ),
        "an application dies with its job",
    ),
    Mutation(
        8,
        lambda s: serving(s, lambda c: c.update(proxy_location="EveryNode")),
        "Serve's proxy would take port 8000",
    ),
    Mutation(
        9,
        lambda s: add(
            s,
            "HorizontalPodAutoscaler",
            "workers",
            "autoscaling/v2",
            spec={"scaleTargetRef": {"kind": "RayCluster", "name": "x"}},
        ),
        "no scale subresource",
    ),
    Mutation(
        9,
        lambda s: ray_cluster(s.objects).update(enableInTreeAutoscaling=False),
        "replicas and nodes have to scale together",
    ),
    Mutation(9, lambda s: options(s).update(version="v1"), "autoscalerOptions.version"),
    Mutation(9, lambda s: worker(s).update(maxReplicas=9), "autoscaling_config.max_replicas"),
    Mutation(10, lambda s: options(s).pop("securityContext"), "Pod Security would refuse the head"),
    Mutation(10, lambda s: options(s).pop("resources"), "a third of a node"),
    Mutation(
        11,
        lambda s: head_container(s).update(image="rayproject/ray-ml:2.9.0"),
        "it has no rocket in it",
    ),
    Mutation(
        11, lambda s: ray_cluster(s.objects).update(rayVersion="2.9.0"), "rayVersion: not 2.60.0"
    ),
    Mutation(11, lambda s: worker_container(s).update(image="rocket:latest"), "has no version"),
    Mutation(
        12, lambda s: s.operator_values["image"].update(tag="v1.0.0"), "image.tag is not v1.7.0"
    ),
    Mutation(
        12,
        lambda s: s.operator_values.update(watchNamespace=["default"]),
        "watchNamespace lacks ray-prod",
    ),
    Mutation(12, old_operator, "not installed with --version 1.7.0"),
    Mutation(13, lambda s: memory(worker_container(s), "0.6Gi"), "no whole number of bytes"),
    Mutation(
        13,
        lambda s: worker_container(s)["resources"]["requests"].update(memory="320Mi"),
        "the request is not the limit",
    ),
    Mutation(
        14,
        lambda s: worker(s)["rayStartParams"].pop("object-store-memory"),
        "it counts against the pod's memory",
    ),
    Mutation(
        15, lambda s: documents(s, "kubectl set env deployment/ray-worker X=1"), "of no Deployment"
    ),
    Mutation(
        16,
        lambda s: worker_container(s)["resources"]["requests"].update(cpu="100m"),
        "the raylet starves",
    ),
    Mutation(
        16, lambda s: deployment(s, ray_actor_options={"num_cpus": 1}), "the raylet needs some"
    ),
    Mutation(
        16,
        lambda s: head(s)["rayStartParams"].update({"num-cpus": "1"}),
        "replicas would be placed on it",
    ),
    Mutation(17, lambda s: annotate(s, "rewrite-target", "/"), "one path of all"),
    Mutation(17, lambda s: annotate(s, "proxy-buffering", None), "streams would come in lumps"),
    Mutation(17, lambda s: annotate(s, "proxy-read-timeout", "60"), "below timeouts.total"),
    Mutation(17, lambda s: annotate(s, "proxy-body-size", "1m"), "is not limits.body_bytes"),
    Mutation(18, dashboard_ingress, "runs anybody's code"),
    Mutation(
        18, lambda s: ray_cluster(s.objects).pop("authOptions"), "authOptions.mode is not token"
    ),
    Mutation(19, policy_by_name, "no namespace has the label name"),
    Mutation(
        20, lambda s: drop(s, "NetworkPolicy", "ray-cluster"), "worker -> head TCP 6379: must pass"
    ),
    Mutation(
        20, lambda s: drop(s, "NetworkPolicy", "operator"), "operator -> head TCP 8265: must pass"
    ),
    Mutation(
        20,
        lambda s: drop(s, "NetworkPolicy", "gateway-to-clouds"),
        "worker -> a cloud TCP 443: must pass",
    ),
    Mutation(20, redis_for_all, "worker -> redis TCP 6379: passes"),
    Mutation(20, policy_by_name, "worker -> dns UDP 53: must pass"),
    Mutation(
        20, lambda s: drop(s, "NetworkPolicy", "nothing-by-default"), "a neighbour TCP 80: passes"
    ),
    Mutation(
        21,
        lambda s: add(s, "ServiceMonitor", "ray", "monitoring.coreos.com/v1"),
        "use a PodMonitor",
    ),
    Mutation(21, lambda s: worker_container(s)["ports"].pop(2), "no port rocket-metrics"),
    Mutation(
        21,
        lambda s: named(s, "PodMonitor", "ray-head")["spec"]["selector"]["matchLabels"].update(
            {"ray.io/cluster": "x"}
        ),
        "changes with every upgrade",
    ),
    Mutation(22, lambda s: expression(s, "sum(ray_node_alive)"), "nobody tells ray_node_alive"),
    Mutation(
        22, lambda s: expression(s, "ray_gcs_memory_mb > 1"), "nobody tells ray_gcs_memory_mb"
    ),
    Mutation(
        22,
        lambda s: expression(s, "rate(ray_serve_deployment_request_counter[5m])"),
        "nobody tells ray_serve_deployment_request_counter",
    ),
    Mutation(
        22,
        lambda s: expression(s, "histogram_quantile(0.95, rocket_first_token_seconds_sum)"),
        "of what is no bucket",
    ),
    Mutation(
        22,
        lambda s: expression(
            s, "histogram_quantile(0.95, sum(rate(rocket_first_token_seconds_bucket[5m])))"
        ),
        "needs `by (le)`",
    ),
    Mutation(23, unwrapped_off, "wrapped as for Grafana's API"),
    Mutation(
        23,
        lambda s: of_kind(s.monitoring, "ConfigMap")[0]["metadata"].pop("labels"),
        "no label grafana_dashboard",
    ),
    Mutation(
        24,
        lambda s: add(s, "Secret", "ray-secrets", stringData={"redis-password": "x"}),
        "holds values",
    ),
    Mutation(
        24,
        lambda s: head_container(s)["env"].append({"name": "P", "value": "${REDIS_PASSWORD}"}),
        "is not replaced by anybody",
    ),
    Mutation(
        24,
        lambda s: worker_container(s)["env"].append(
            {
                "name": "P",
                "valueFrom": {"secretKeyRef": {"name": "ray-secrets", "key": "unheard-of"}},
            }
        ),
        "does not tell of unheard-of",
    ),
    Mutation(25, lambda s: worker(s)["template"]["spec"].pop("securityContext"), "may run as root"),
    Mutation(
        25,
        lambda s: worker_container(s)["securityContext"].pop("readOnlyRootFilesystem"),
        "can be written to",
    ),
    Mutation(
        25,
        lambda s: head_container(s)["securityContext"].pop("capabilities"),
        "capabilities are not dropped",
    ),
    Mutation(
        25,
        lambda s: of_kind(s.objects, "Namespace")[0]["metadata"].pop("labels"),
        "does not enforce Pod Security",
    ),
    Mutation(
        25,
        lambda s: worker(s)["template"]["spec"].pop("automountServiceAccountToken"),
        "workers gateway: automountServiceAccountToken",
    ),
    Mutation(
        25,
        lambda s: head(s)["template"]["spec"].update(automountServiceAccountToken=False),
        "the autoscaler has no token",
    ),
    Mutation(
        25, lambda s: drop(s, "PodDisruptionBudget", "rocket-workers"), "no PodDisruptionBudget"
    ),
    Mutation(
        25,
        lambda s: named(s, "PodDisruptionBudget", "rocket-workers").update(
            spec={"maxUnavailable": 1, "selector": {"matchLabels": {"ray.io/node-type": "worker"}}}
        ),
        "only a whole minAvailable",
    ),
    Mutation(
        25,
        lambda s: named(s, "PodDisruptionBudget", "rocket-workers")["spec"].pop(
            "unhealthyPodEvictionPolicy"
        ),
        "keeps gateways that serve nobody",
    ),
    Mutation(
        25,
        lambda s: worker(s)["template"]["spec"].pop("topologySpreadConstraints"),
        "not spread over nodes",
    ),
    Mutation(
        25,
        lambda s: worker_container(s).update(
            lifecycle={"preStop": {"exec": {"command": ["ray", "stop"]}}}
        ),
        "a preStop cuts the streams",
    ),
    Mutation(
        25,
        lambda s: worker(s)["template"]["spec"].update(terminationGracePeriodSeconds=30),
        "workers: terminationGracePeriodSeconds 30: not above",
    ),
    Mutation(
        25,
        lambda s: head(s)["template"]["spec"].update(terminationGracePeriodSeconds=10),
        "head: terminationGracePeriodSeconds 10: not above",
    ),
    Mutation(25, lambda s: deployment(s, graceful_shutdown_timeout_s=20), "below the 45 s"),
    Mutation(
        25,
        lambda s: worker_container(s)["env"].remove(
            {"name": "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "value": "45"}
        ),
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S 30: not above lame_duck_s + drain.timeout",
    ),
    Mutation(
        25,
        lambda s: deployment(s, graceful_shutdown_timeout_s=35),
        "not above lame_duck_s + drain.timeout",
    ),
    Mutation(
        25, lambda s: worker_container(s).pop("readinessProbe"), "is not the gateway's /-/healthz"
    ),
    Mutation(
        25,
        lambda s: worker_container(s)["readinessProbe"].update(periodSeconds=5),
        "not every second",
    ),
    Mutation(
        25,
        lambda s: named(s, "StatefulSet", "redis")["spec"]["template"]["spec"]["containers"][0].pop(
            "readinessProbe"
        ),
        "no readinessProbe",
    ),
    Mutation(
        26,
        lambda s: ray_service(s.objects)["spec"].update(upgradeStrategy={"type": "NewCluster"}),
        "a second cluster does not fit",
    ),
    Mutation(
        0,
        lambda s: head(s)["template"]["spec"]["containers"].reverse(),
        "the operator would take for it",
    ),
    Mutation(
        0, lambda s: deployment(s, max_replicas_per_node=2), "two gateways would want one port"
    ),
    Mutation(
        0,
        lambda s: memory(worker_container(s), "512Mi"),
        "more than the worker's memory has room for",
    ),
    Mutation(
        0,
        lambda s: application(s, lambda args: args.pop("handle_key_file")),
        "handle_key_file: not given, but rocket.yaml has a keys_file",
    ),
    Mutation(
        0,
        lambda s: secret_items(s).remove({"key": "handle-key", "path": "handle-key"}),
        "no Secret of the workers has it",
    ),
]
