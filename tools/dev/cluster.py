"""`./dev cluster up | down`: prod of k8s/ray on this machine, to look at, to load and to break."""

import json

from dev import emulated, namespaces, overlay, prometheus, ray_cluster
from dev.build import RELEASE, build
from dev.console import Progress, say
from dev.emulated import MODEL, EmulatedCluster, Programs
from dev.places import BUILD, shown
from dev.ray_cluster import DATA_PORT
from dev.run import require_free
from dev.setup import setup

NAME = "rocket-cluster"
FOLDER = BUILD / "cluster"
ENVIRONMENT = "prod"


def up() -> int:
    """Idempotent: what is up stays up, and what has been killed comes back."""
    namespaces.require()
    emulated.require_bounds()
    fresh = not namespaces.named(NAME + "-")
    if fresh:
        emulated.remove(NAME, FOLDER)
        require_free("127.0.0.1", DATA_PORT, "run this in a container with a network of its own")
    setup("build", "cluster")
    build("release", "rocket", "fake_backend")
    python = ray_cluster.ray_python()
    programs = Programs(python, RELEASE / "rocket", RELEASE / "fake_backend", prometheus.programs())
    cluster = EmulatedCluster(NAME, FOLDER, overlay.render(ENVIRONMENT, python), programs)
    try:
        cluster.start()
    except BaseException:
        if fresh:
            with Progress("removing what was started"):
                emulated.remove(NAME, FOLDER)
        raise
    say(f"up: {summary(cluster)}")
    return 0


def down() -> int:
    """Idempotent: nothing there, nothing to do."""
    namespaces.require()
    there = namespaces.named(NAME + "-")
    with Progress("removing the cluster"):
        emulated.remove(NAME, FOLDER)
    say("removed" if there else "there was no cluster")
    return 0


def summary(cluster: EmulatedCluster) -> str:
    gateway, ports = f"127.0.0.1:{cluster.ports.gateway}", cluster.ports
    folder, key = shown(FOLDER), shown(cluster.key_file)
    sizes = [f"{name} {cluster.group(name).bound() >> 20}Mi" for name in cluster.pods()]
    body = {
        "model": MODEL,
        "stream": True,
        "messages": [{"role": "user", "content": "Tell me about rockets."}],
    }
    return f"""{ENVIRONMENT} of k8s/ray, in network namespaces ({NAME}-*) within its pods' memory:
  {", ".join(sizes)}
  http://{gateway} goes to one gateway after the other. Try:

curl -N http://{gateway}/v1/chat/completions -H 'content-type: application/json' \\
  -H "authorization: Bearer $(cat {key})" \\
  -d '{json.dumps(body)}'

  load:  python3 tools/dev/load.py {gateway} --model {MODEL} --key-file {key} --users 10
         or tests/load/locustfile.py with ROCKET_KEY=$(cat {key}) ROCKET_MODEL={MODEL}
  look:  http://127.0.0.1:{ports.prometheus}  Prometheus: targets, alerts
         http://127.0.0.1:{ports.dashboard}  Ray's dashboard; its token is in {folder}/token
         {folder}/*.log, {folder}/*/session_2*/logs
  kill a node (also -worker-2, -head, -redis, -postgres), or a gateway:
         ip netns pids {NAME}-worker-1 | xargs kill -9
         pkill -9 -x rocket --nslist net --ns $(ip netns pids {NAME}-worker-1 | head -1)
  ./dev cluster up    brings back what was killed, as Kubernetes would
  ./dev cluster down  removes all of it"""
