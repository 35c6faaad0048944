"""The image, as Kubernetes runs it: user 1000, a root that can not be written, bounded memory."""

import signal
from collections.abc import Iterator

import pytest
from manifests.rendering import environment, head_group, quantity, worker_group
from test_parts_list import validator

from dev import containers, image, namespaces, sbom
from dev.console import DevError
from dev.containers import ContainerNetwork
from dev.pods import LAN_ADDRESS
from dev.ray_cluster import RayCluster, gateway_config, serve_config
from harness.engines import place

pytestmark = pytest.mark.cluster

NAME = "rocket-image-test"
FAKE_PORT = 9001


@pytest.fixture(scope="module")
def pods(tmp_path_factory) -> Iterator[tuple[ContainerNetwork, RayCluster]]:
    """A head and a worker, the gateway deployed, a model server outside."""
    place("ROCKET_IMAGE")
    from harness.fake import binary

    folder = tmp_path_factory.mktemp("image")
    # Whoever ends the run with a signal ends the pods, too.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    with image.cluster(NAME, folder) as (network, ray):
        fake = [binary(), "--host", LAN_ADDRESS, "--port", str(FAKE_PORT), "--models", "m"]
        network.run_in_lan(fake, folder / "fake_backend.log")
        url = f"http://{LAN_ADDRESS}:{FAKE_PORT}"
        backends = [{"name": "fake", "kind": "openai", "urls": [url]}]
        ray.deploy(serve_config(gateway_config(backends)))
        ray.wait_until_running()
        yield network, ray
    signal.signal(signal.SIGTERM, before)
    assert not containers.groups(NAME) and not namespaces.named(NAME), "something is left"


def test_a_gateway_in_it_serves_a_request(pods) -> None:
    network, ray = pods
    assert image.ask(network, ray.worker_address(1)).startswith("200, ")


def test_it_lives_within_the_memory_of_the_manifests(pods) -> None:
    """Of 1.2 GiB for the head (the manifests give it 1280Mi) and of a worker's own size."""
    network, _ = pods
    objects = environment("prod")
    for name, group in (("head", head_group(objects)), ("worker-1", worker_group(objects))):
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert network.memory[name] <= quantity(limits["memory"])
        bound = network.group(name)
        print(
            f"{name}: {bound.held() / 2**20:.0f} MiB held, {bound.peak() / 2**20:.0f} at the peak, "
            f"of {network.memory[name] / 2**20:.0f}"
        )
        assert bound.killed() == 0
        assert bound.held() < 0.9 * network.memory[name]


INSIDE = {
    "who it is": ("id -u", "1000"),
    "whom it belongs to": ("id -g", "1000"),
    "its root": ("touch /opt/x 2>&1 || true", "Read-only file system"),
    "its privileges": ("grep CapEff /proc/self/status", "0000000000000000"),
    "new privileges": ("grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
    "what KubeRay starts it with": ("command -v bash ray wget", "/opt/ray/bin/ray"),
    "compiled packages": ("python3 -c 'import grpc, msgpack, numpy, ray; print(1)'", "1"),
    "the gateway": ("rocket docs configuration | head -1", "#"),
    "the keeper of logs": ("command -v find du cp sort cut", "/usr/bin/find"),
    "no compiler": ("command -v cc gcc g++ pip || echo none", "none"),
}


@pytest.mark.parametrize("what", INSIDE)
def test_inside_it_is_as_pod_security_wants_it(pods, what: str) -> None:
    network, _ = pods
    command, wanted = INSIDE[what]
    assert wanted in network.run(network.pods["worker-1"], "bash", "-c", command)


def test_the_operator_s_probe_of_a_worker_is_satisfied(pods) -> None:
    """What KubeRay 1.7 runs in a container that has no probe of its own."""
    network, _ = pods
    ask = "wget --tries 1 -T 2 -q -O- http://localhost:8000/-/healthz | grep success"
    assert "success" in network.run(network.pods["worker-1"], "bash", "-c", ask)


def test_the_matrix_bot_is_in_it(pods) -> None:
    network, _ = pods
    (deployment,) = [
        each
        for each in image_users()
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "matrix-bot"
    ]
    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    with pytest.raises(DevError, match="no-such-file"):
        network.run(network.pods["worker-1"], *command[:-1], "/no-such-file.yaml")


def image_users() -> list[dict]:
    from manifests.rendering import MANIFESTS, parse

    return parse((MANIFESTS / "matrix/matrix-bot.yaml").read_text())


def test_who_takes_too_much_memory_is_killed(pods) -> None:
    """Else the bound would show nothing."""
    network, _ = pods
    worker = network.pods["worker-1"]
    greedy = "import os; open('/proc/self/oom_score_adj', 'w').write('1000'); b'x' * (1 << 30)"
    with pytest.raises(DevError, match="exit (137|-9)"):
        network.run(worker, "/opt/ray/bin/python3", "-c", greedy)
    assert network.group("worker-1").killed() == 1


def test_the_list_of_parts_is_cyclonedx_and_true() -> None:
    place("ROCKET_IMAGE")
    with image.mounted() as root:
        found = sbom.of_image(root, "0.1.0")
        assert found == sbom.of_image(root, "0.1.0"), "the same image, another list"
        libraries = {path.name for path in root.glob("usr/lib/x86_64-linux-gnu/libssl.so*")}
    errors = [each.message for each in validator().iter_errors(found)]
    assert errors == []
    names = {(each["name"], each["type"]) for each in found["components"]}
    wanted = {"libssl3", "python3", "bash", "wget", "libc6", "ray", "aiohttp", "vodozemac"}
    assert wanted <= {name for name, _ in names} and ("rocket", "application") in names
    assert libraries, "the list names what is not there"
    pinned = (image.ROOT / "python/requirements.txt").read_text()
    versions = {each["name"]: each["version"] for each in found["components"]}
    assert f"\nray=={versions['ray']} " in pinned
    # What the list is not for: tools of the build.
    assert not {"pip", "setuptools", "binutils"} & versions.keys()
