"""The faults of mutations.py once more, each planted in another way than there: as mutations.py."""

from collections.abc import Callable

from manifests.mutations import (
    Mutation,
    add,
    board,
    documents,
    expression,
    head,
    head_container,
    named,
    options,
    worker,
    worker_container,
)
from manifests.rendering import Object, ray_cluster, ray_service
from manifests.rules import Setup


def job(command: list[str]) -> Object:
    container = {"name": "x", "image": "rocket:1", "command": command}
    return {"template": {"spec": {"containers": [container]}}}


def every_hour(setup: Setup) -> None:
    spec = {"schedule": "@hourly", "jobTemplate": {"spec": job(["serve", "deploy", "serve.yaml"])}}
    add(setup, "CronJob", "deploy", "batch/v1", spec=spec)


def redis_options(setup: Setup) -> Object:
    return ray_cluster(setup.objects)["gcsFaultToleranceOptions"]


def env(setup: Setup, name: str, value: str) -> None:
    head_container(setup)["env"].append({"name": name, "value": value})


def path_of_ingress(setup: Setup) -> Object:
    return named(setup, "Ingress", "ray-serve")["spec"]["rules"][0]["http"]["paths"][0]


def annotation(setup: Setup, name: str, whose: str = "nginx") -> None:
    named(setup, "Ingress", "ray-serve")["metadata"]["annotations"].pop(
        f"{whose}.ingress.kubernetes.io/{name}"
    )


def route_to_dashboard(setup: Setup) -> None:
    spec = {"rules": [{"backendRefs": [{"name": "ray-cluster-prod-head-svc", "port": 8265}]}]}
    add(setup, "HTTPRoute", "dashboard", "gateway.networking.k8s.io/v1", spec=spec)


def port_of_the_node(setup: Setup) -> None:
    ports = [{"port": 8265, "nodePort": 30265}]
    add(setup, "Service", "look", spec={"type": "NodePort", "ports": ports})


def before(setup: Setup, **context: object) -> None:
    """A container that runs before the worker's own."""
    container = {"name": "before", "image": "rocket:1", "securityContext": context}
    worker(setup)["template"]["spec"]["initContainers"] = [container]


def as_a_whole(context: Object) -> Callable[[Setup], None]:
    return lambda setup: worker_container(setup)["securityContext"].update(context)


def one_grafana(panels: Object) -> Object:
    for each in panels["panels"]:
        each["datasource"] = {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}
    return panels


BUCKET = "rocket_first_token_seconds_bucket"

MUTATIONS_OF_WAYS_ROUND = [
    Mutation(
        6,
        lambda s: head_container(s)["volumeMounts"].append(
            {"name": "kept-logs", "mountPath": "/tmp/ray/session_latest/"}
        ),
        "Ray's sockets can not be there",
    ),
    Mutation(
        7,
        lambda s: redis_options(s).update(redisAddress="redis:6380"),
        "the Service redis has no port 6380",
    ),
    Mutation(
        7,
        lambda s: redis_options(s)["redisPassword"]["valueFrom"]["secretKeyRef"].update(key="x"),
        "ray-secrets.yaml does not tell of it",
    ),
    Mutation(
        8,
        lambda s: add(
            s,
            "Job",
            "deploy",
            "batch/v1",
            spec=job(["ray", "job", "submit", "--", "serve", "run", "app"]),
        ),
        "Job deploy: an application dies with its job",
    ),
    Mutation(8, every_hour, "CronJob deploy: an application dies with its job"),
    Mutation(
        10,
        lambda s: options(s)["securityContext"].update(runAsNonRoot=False),
        "Pod Security would refuse the head",
    ),
    Mutation(11, lambda s: options(s).update(image="rayproject/ray:2.9.0"), "different images"),
    Mutation(
        15, lambda s: documents(s, "kubectl rollout restart deploy/ray-head"), "of no Deployment"
    ),
    Mutation(15, lambda s: documents(s, "kubectl scale deployment ray-worker"), "of no Deployment"),
    Mutation(
        17,
        lambda s: path_of_ingress(s).update(path="/rocket"),
        "not all paths go through as they are",
    ),
    Mutation(
        17,
        lambda s: annotation(s, "proxy-request-buffering"),
        "uploads would wait in nginx",
    ),
    Mutation(
        17,
        lambda s: annotation(s, "router.entrypoints", "traefik"),
        "Traefik would take keys in clear text",
    ),
    Mutation(18, route_to_dashboard, "HTTPRoute dashboard: opens the dashboard"),
    Mutation(18, port_of_the_node, "Service look: NodePort: reached past the ingress"),
    Mutation(
        18,
        lambda s: head(s).update(serviceType="LoadBalancer"),
        "headGroupSpec.serviceType: LoadBalancer",
    ),
    Mutation(
        18,
        lambda s: ray_service(s.objects)["spec"].update(
            serveService={"spec": {"type": "NodePort"}}
        ),
        "serveService: NodePort",
    ),
    Mutation(
        22,
        lambda s: expression(s, f"histogram_quantile(0.95, sum by (le) ({BUCKET}))"),
        "needs a rate of its buckets",
    ),
    Mutation(
        22,
        lambda s: expression(
            s,
            "histogram_quantile(0.5, sum by (le) (rate(rocket_first_token_seconds_sum[5m])))"
            f" < histogram_quantile(0.5, sum by (le) (rate({BUCKET}[5m])))",
        ),
        "of what is no bucket",
    ),
    Mutation(23, lambda s: board(s, one_grafana), "the datasource of one Grafana only"),
    Mutation(
        23, lambda s: board(s, lambda each: {**each, "uid": "x"}), "another board has its uid"
    ),
    Mutation(24, lambda s: env(s, "REDIS_PASSWORD", "hunter2"), "holds its value"),
    Mutation(
        24,
        lambda s: env(s, "STORE", "postgresql://rocket:hunter2@postgres:5432/rocket"),
        "an address with a password in it",
    ),
    Mutation(
        24,
        lambda s: worker_container(s).update(args=["redis-server", "--requirepass", "hunter2"]),
        "stands in the list of processes",
    ),
    Mutation(25, lambda s: before(s), "before: securityContext: allowPrivilegeEscalation"),
    Mutation(25, as_a_whole({"runAsUser": 0}), "ray-worker: securityContext: may run as root"),
    Mutation(25, as_a_whole({"privileged": True}), "more than Pod Security allows"),
    Mutation(25, as_a_whole({"seccompProfile": {"type": "Unconfined"}}), "another seccompProfile"),
    Mutation(25, lambda s: worker(s)["template"]["spec"].update(hostNetwork=True), "hostNetwork"),
    Mutation(
        25,
        lambda s: worker(s)["template"]["spec"]["volumes"].append(
            {"name": "docker", "hostPath": {"path": "/var/run"}}
        ),
        "docker: hostPath",
    ),
    Mutation(25, lambda s: worker_container(s)["ports"][0].update(hostPort=8000), "hostPort"),
]
