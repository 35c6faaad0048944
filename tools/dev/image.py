"""`./dev image`: the container image, built and tried without Docker and without a registry.

buildah builds it (its chroot isolation needs no daemon), mmdebstrap makes its base from Debian's
mirror, runc runs it. Images lie in the cache, the finished archive in build/image.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import containers, namespaces, process, sbom
from dev.build import RELEASE, build
from dev.console import DevError, Progress, say
from dev.containers import ContainerNetwork
from dev.engines import EngineMissing
from dev.load import chat
from dev.places import BUILD, CACHE, ROOT, cache_lock, shown
from dev.pods import LAN_ADDRESS
from dev.ray_cluster import RayCluster, gateway_config, serve_config
from dev.setup import missing_packages, setup

DOCKERFILE = ROOT / "deploy/image/Dockerfile"
FOLDER = BUILD / "image"
STORE = CACHE / "images"
SUITE = "bookworm"
NAME = "rocket"
BASE = "rocket-base"
CONTAINER_PATH = "/opt/ray/bin:/usr/local/bin:/usr/bin:/bin"
FAKE_PORT = 9001
# What was asked for of a worker: 1.2 GiB. A head has to live with it, too.
HEAD_BYTES = 1_288_490_188
# As k8s/ray/base has it.
WORKER_BYTES = 640 << 20


def image() -> int:
    """Builds it, says what is in it, and lets a head and a worker of it serve a request."""
    setup("image")
    require()
    built()
    say(f"image: {size_bytes() / 1e6:.0f} MB unpacked")
    archive = export()
    say(f"  {shown(archive)}: {archive.stat().st_size / 1e6:.0f} MB, to be pushed by")
    say(f"  skopeo copy oci-archive:{shown(archive)} docker://REGISTRY/rocket:TAG")
    listed = write_sbom()
    say(f"  {shown(listed)}: {len(json.loads(listed.read_text())['components'])} parts (CycloneDX)")
    for line in tried():
        say(f"  {line}")
    return 0


def require() -> None:
    """Raises EngineMissing where it can not be built or run, for a reason that nobody can mend."""
    try:
        containers.require()
    except DevError as missing:
        raise EngineMissing(f"the image: {missing}") from missing


def ready() -> Path:
    """Its name's file, for tests: built, if this machine can. Raises EngineMissing."""
    if missing := missing_packages(["buildah", "runc", "mmdebstrap"]):
        if os.geteuid() != 0:
            raise EngineMissing("the image: apt-get install " + " ".join(missing))
        setup("image")
    require()
    built()
    return DOCKERFILE


def built() -> None:
    """Built anew if what it is made of has changed."""
    build("release", "rocket", "fake_backend")
    key = recipe()
    with cache_lock("image"):
        if label() == key:
            return
        base()
        with tempfile.TemporaryDirectory() as scratch:
            secrets = pip_secrets(Path(scratch))
            process.run(
                "building the image (some minutes, once)",
                [
                    *buildah(),
                    "bud",
                    "--layers",
                    "--isolation=chroot",
                    "--format=oci",
                    f"--build-arg=BASE=localhost/{BASE}",
                    f"--label=rocket.recipe={key}",
                    *secrets,
                    f"--file={DOCKERFILE}",
                    f"--tag={NAME}",
                    ROOT,
                ],
            )


def recipe() -> str:
    """What a change of makes another image."""
    found = hashlib.sha256()
    named = [DOCKERFILE, RELEASE / "rocket", ROOT / "python/requirements.txt"]
    named.append(ROOT / "python/rocket_matrix/requirements_e2e.txt")
    for folder in ("python/rocket_ray", "python/rocket_matrix", "deploy/ray_serve"):
        named += [each for each in (ROOT / folder).rglob("*") if each.suffix in (".py", ".yaml")]
    for path in sorted(named):
        found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return found.hexdigest()[:16]


def label() -> str | None:
    return (inspected().get("Labels") or {}).get("rocket.recipe")


def environment() -> dict[str, str]:
    """What its programs find in theirs, whoever runs it."""
    return dict(each.split("=", 1) for each in inspected().get("Env") or [])


def inspected() -> dict:
    """Its configuration; nothing where there is no image."""
    answer = subprocess.run(
        [*map(str, buildah()), "inspect", "--type=image", f"localhost/{NAME}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(answer.stdout)["OCIv1"]["config"] if answer.returncode == 0 else {}


def base() -> None:
    """Debian, as small as its slim image: no manuals, no translations."""
    there = subprocess.run(
        [*map(str, buildah()), "inspect", "--type=image", f"localhost/{BASE}"],
        capture_output=True,
        check=False,
    )
    if there.returncode == 0:
        return
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "base.tar"
        left_out = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
        options = [f"--dpkgopt=path-exclude={path}" for path in left_out]
        options.append("--dpkgopt=path-include=/usr/share/doc/*/copyright")
        process.run(
            "making the base from Debian's packages",
            ["mmdebstrap", "--variant=minbase", *options, SUITE, archive],
        )
        (Path(scratch) / "Containerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["bash"]\n')
        process.run(
            "importing the base",
            [*buildah(), "bud", "--isolation=chroot", f"--tag={BASE}", scratch],
        )


def pip_secrets(scratch: Path) -> list[str]:
    """Lets pip ask, inside, whom it asks here. The build keeps none of it."""
    words = []
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    lines = ["[global]"]
    certificate = os.environ.get("PIP_CERT", "")
    for line in told.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.partition(".")[2]
        if name == "cert":
            certificate = certificate or value.strip("'\"")
        elif name in ("index-url", "timeout", "default-timeout"):
            lines.append(f"{name} = {value.strip(chr(39))}")
    if certificate and Path(certificate).exists():
        lines.append("cert = /run/ca.crt")
        words.append(f"--secret=id=ca,src={certificate}")
    (scratch / "pip.conf").write_text("\n".join(lines) + "\n")
    return [*words, f"--secret=id=pip,src={scratch / 'pip.conf'}"]


def buildah() -> list[str | Path]:
    return ["buildah", "--storage-driver=overlay", "--root", STORE, "--runroot", STORE / "run"]


@contextmanager
def mounted() -> Iterator[Path]:
    """Its file system, for as long as the block lasts."""
    name = process.run("opening the image", [*buildah(), "from", f"localhost/{NAME}"]).strip()
    try:
        where = process.run("mounting it", [*buildah(), "mount", name]).strip().splitlines()[-1]
        yield Path(where)
    finally:
        subprocess.run([*map(str, buildah()), "rm", name], capture_output=True, check=False)


def size_bytes() -> int:
    """Of its files, without the packing."""
    with mounted() as root:
        said = process.run(
            "measuring it", ["du", "--summarize", "--bytes", "--one-file-system", root]
        )
    return int(said.split()[0])


def export() -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive = FOLDER / "rocket.oci.tar"
    archive.unlink(missing_ok=True)
    process.run("packing it", [*buildah(), "push", f"localhost/{NAME}", f"oci-archive:{archive}"])
    return archive


def write_sbom() -> Path:
    """What the image is made of, read from the image itself."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "rocket.cdx.json"
    with mounted() as root:
        path.write_text(json.dumps(sbom.of_image(root, sbom.version(ROOT)), indent=1) + "\n")
    return path


@contextmanager
def cluster(name: str, folder: Path) -> Iterator[tuple[ContainerNetwork, RayCluster]]:
    """A head and a worker from the image, each a container, and nothing deployed yet."""
    with mounted() as root:
        network = ContainerNetwork(
            name, folder, root, {"head": HEAD_BYTES, "worker-1": WORKER_BYTES}
        )
        ray = RayCluster(
            network,
            Path("/opt/ray/bin/python"),
            Path("/usr/local/bin/rocket"),
            {
                "PATH": CONTAINER_PATH,
                "HOME": "/tmp",
                "PYTHONPATH": "/opt/rocket:/opt/rocket/python",
            },
        )
        network.remove()
        network.make()
        try:
            ray.start_head()
            ray.wait_for_head()
            ray.start_worker(1)
            ray.wait_for_nodes(2)
            yield network, ray
        finally:
            network.remove()


def tried() -> list[str]:
    """A request through a gateway in a container to a model server outside; what it took."""
    namespaces.require()
    with Progress("trying it"), cluster("rocket-image", FOLDER / "pods") as (network, ray):
        fake = [RELEASE / "fake_backend", "--host", LAN_ADDRESS, "--port", str(FAKE_PORT)]
        network.run_in_lan([*fake, "--models", "m"], FOLDER / "fake_backend.log")
        backends = [
            {"name": "fake", "kind": "openai", "urls": [f"http://{LAN_ADDRESS}:{FAKE_PORT}"]}
        ]
        ray.deploy(serve_config(gateway_config(backends)))
        ray.wait_until_running()
        answer = ask(network, ray.worker_address(1))
        lines = [f"a request through the worker's gateway: {answer}"]
        for name, most in network.memory.items():
            group = network.group(name)
            lines.append(
                f"{name}: {group.held() / 2**20:.0f} MiB held, {group.peak() / 2**20:.0f} MiB at the "
                f"peak with files' pages, of {most / 2**20:.0f}; killed: {group.killed()}"
            )
        return lines


def ask(network: ContainerNetwork, address: str) -> str:
    """Once; raises DevError unless it is answered."""
    status, text = namespaces.inside(network.lan, lambda: chat(address))
    if status != 200:
        raise DevError(f"the gateway in the container answers {status}: {text[:500]}")
    return f"200, {json.loads(text)['choices'][0]['message']['content'][:40]!r}"
