"""What tests need to have our manifests judged by Kubernetes itself: its API server and scheduler,
kwok (nodes on which nothing runs), and the CRDs of others. Compiled from Go modules or taken out of
them, once, in the cache. etcd is Debian's."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from dev import debian, go_modules, process
from dev.go_modules import Module
from dev.places import CACHE, ROOT, cache_lock

# As go.mod there has it.
VERSION = "1.36.3"
SOURCE = ROOT / "tests/cluster/control_plane"
KWOK = Module("sigs.k8s.io/kwok", "v0.8.0", "h1:OTIOTwgROqPMovcTwxICx2eYQ4AwLpSx5EpjbDKF4SQ=")
CONTROLLER_TOOLS = Module(
    "sigs.k8s.io/controller-tools",
    "v0.21.0",
    "h1:KXDQza3bgjlPY6xLR63tI/40gzjhyUAvkCrwzd2/6cs=",
)
MONITORING = Module(
    "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring",
    "v0.95.1",
    "h1:5p0yOKVIzF8RjnZZWXQHq8T3vguKhF4mAxYIvxyIt+0=",
)
MONITORING_KINDS = ("_podmonitors.yaml", "_prometheusrules.yaml")
GATEWAY_API = Module(
    "sigs.k8s.io/gateway-api", "v1.6.0", "h1:735YBRj5NXFrOGX0GoSjwzUIzbz8kiEOfADsqHFmHgE="
)
# What kwok lets become of nodes and pods: both are well at once, and go when they are deleted.
STAGES = ("node/fast", "node/heartbeat", "pod/fast")


def programs() -> Path:
    """The folder with `control-plane`, `kwok`, `etcd`, `stages.yaml` and `crds/*.yaml`; minutes the
    first time. Raises EngineMissing."""
    etcd = debian.programs("etcd-server") / "etcd"
    go = go_modules.compiler("Kubernetes' API server")
    folder = CACHE / "kubernetes" / f"{VERSION}-{_recipe()}"
    folder.mkdir(parents=True, exist_ok=True)
    _make(folder / "etcd", lambda made: shutil.copy2(etcd, made))
    _make(folder / "control-plane", lambda made: _control_plane(go, made))
    _make(folder / "kwok", lambda made: _kwok(go, made))
    _make(folder / "stages.yaml", lambda made: _stages(go, made))
    _make(folder / "crds", lambda made: _definitions(go, made))
    return folder


def _recipe() -> str:
    """Of all that the folder is made of."""
    recipe = hashlib.sha256(Path(__file__).read_bytes())
    for name in ("main.go", "go.mod", "go.sum"):
        recipe.update((SOURCE / name).read_bytes())
    return recipe.hexdigest()[:12]


def _make(target: Path, make: Callable[[Path], object]) -> None:
    """Whole, or not there."""
    with cache_lock(f"kubernetes-{target.name}"):
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / target.name
            make(made)
            os.replace(made, target)


def _control_plane(go: str, made: Path) -> None:
    # It tells its version to clients, who may judge by it.
    told = "k8s.io/component-base/version"
    major, minor, _ = VERSION.split(".")
    version = (
        f"-X={told}.gitVersion=v{VERSION} -X={told}.gitMajor={major} -X={told}.gitMinor={minor}"
    )
    process.run(
        "compiling Kubernetes' API server and scheduler (ten minutes, once)",
        ["nice", go, "build", f"-ldflags=-s -w {version}", "-o", made, "."],
        cwd=SOURCE,
        env={"GOFLAGS": "-trimpath -mod=readonly -buildvcs=false", "CGO_ENABLED": "0"},
    )


def _kwok(go: str, made: Path) -> None:
    go_modules.install(go, KWOK, "cmd/kwok", made.parent, outside=CACHE, flags=["-ldflags=-s -w"])


def _stages(go: str, made: Path) -> None:
    folder = go_modules.fetched(go, KWOK, CACHE) / "kustomize/stage"
    files = [
        file
        for stage in STAGES
        for file in sorted((folder / stage).glob("*.yaml"))
        if file.name != "kustomization.yaml"
    ]
    made.write_text("---\n".join(file.read_text() for file in files))


def _definitions(go: str, made: Path) -> None:
    """Of Prometheus' operator from its Go types, as it does itself; of the Gateway API as it is."""
    go_modules.install(go, CONTROLLER_TOOLS, "cmd/controller-gen", made.parent, outside=CACHE)
    process.run(
        "generating the CRDs of Prometheus' operator",
        [made.parent / "controller-gen", "crd", "paths=./v1", f"output:crd:dir={made}"],
        cwd=go_modules.fetched(go, MONITORING, CACHE),
        env={"GOFLAGS": "-mod=readonly"},
    )
    for file in made.iterdir():
        if not file.name.endswith(MONITORING_KINDS):
            file.unlink()
    routes = "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"
    shutil.copy(go_modules.fetched(go, GATEWAY_API, CACHE) / routes, made)
