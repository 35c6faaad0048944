"""Pods that are containers of an image: the kernel's namespaces and limits by runc, the root
read-only, as Kubernetes runs them under Pod Security `restricted`."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev import namespaces
from dev.console import DevError
from dev.memory_groups import ROOT as CONTROL_GROUPS
from dev.memory_groups import MemoryGroup, controller
from dev.pods import Pod, PodNetwork, output_of

USER = 1000
# As the pods of k8s/ray have them.
SCRATCH_BYTES = 256 << 20
_QUIET = ("noexec", "nosuid", "nodev")


class ContainerNetwork(PodNetwork):
    """`root` is the image's file system; every container has the same one, and can not write to it.
    Every pod has to have a bound in `memory`. `volumes`: what pods have beside that, by their names
    (made by volume())."""

    def __init__(
        self,
        name: str,
        folder: Path,
        root: Path,
        memory: Mapping[str, int],
        volumes: Mapping[str, Sequence[dict]] | None = None,
    ):
        super().__init__(name, folder, memory)
        self._root = root
        self._volumes = dict(volumes or {})
        self._hosts: dict[str, str] = {}

    def group(self, name: str) -> MemoryGroup:
        return MemoryGroup(f"{self.name}/{name}")

    def start(
        self, name: str, index: int, argv: Sequence[str | Path], environment: Mapping[str, str]
    ) -> Pod:
        self._hosts[name] = f"127.0.0.1 localhost\n{self.address(index)} {name}\n"
        return super().start(name, index, argv, environment)

    def kill(self, pod: Pod) -> None:
        super().kill(pod)
        self._forget(pod.name)

    def remove(self) -> None:
        super().remove()
        states = self.folder / "runc"
        for name in sorted(each.name for each in states.iterdir()) if states.is_dir() else []:
            self._forget(name)
        remove_groups(self.name)

    def run(self, pod: Pod, *argv: str, timeout: float = 120) -> str:
        """A program in a container that runs, with its user and its variables; what it says."""
        return output_of([*self._runc(), "exec", pod.name], argv, timeout)

    def _command(
        self,
        name: str,
        private: Path,
        argv: Sequence[str | Path],
        environment: Mapping[str, str],
    ) -> list[str | Path]:
        self._forget(name)
        bundle = private / "bundle"
        bundle.mkdir()
        # As the kubelet writes them. Ray asks for its own name, and waits for a server of names that
        # is not there.
        (bundle / "hosts").write_text(self._hosts[name])
        (bundle / "resolv.conf").write_text("")
        (bundle / "config.json").write_text(
            json.dumps(self._config(name, bundle, list(map(str, argv)), environment), indent=1)
        )
        pid_file = bundle / "pid"
        return [*self._runc(), "run", "--bundle", bundle, "--pid-file", pid_file, name]

    def _runc(self) -> list[str | Path]:
        return ["runc", "--root", self.folder / "runc"]

    def _forget(self, name: str) -> None:
        """What runc keeps of a container that has ended."""
        if (self.folder / "runc" / name).exists():
            subprocess.run(
                [*self._runc(), "delete", "--force", name], capture_output=True, check=False
            )

    def _init_of(self, pod: Pod) -> int:
        """As runc has put it down."""
        file = self.folder / pod.name / "bundle/pid"
        text = file.read_text() if file.exists() else ""
        return int(text) if text else 0

    def _config(
        self, name: str, bundle: Path, argv: list[str], environment: Mapping[str, str]
    ) -> dict:
        """https://github.com/opencontainers/runtime-spec, config.md."""
        most = self.memory[name]
        namespace = str(namespaces.FOLDER / f"{self.name}-{name}")
        return {
            "ociVersion": "1.0.2",
            "hostname": name,
            "root": {"path": str(self._root), "readonly": True},
            "process": {
                "user": {"uid": USER, "gid": USER},
                "args": argv,
                "env": [f"{key}={value}" for key, value in environment.items()],
                "cwd": "/tmp",
                "noNewPrivileges": True,
                "capabilities": {},
            },
            "mounts": [
                *mounts(most),
                *(names(bundle / each) for each in ("hosts", "resolv.conf")),
                *self._volumes.get(name, ()),
            ],
            "linux": {
                "namespaces": [
                    {"type": "network", "path": namespace},
                    *({"type": each} for each in ("pid", "ipc", "uts", "mount")),
                ],
                "cgroupsPath": f"/{self.name}/{name}",
                "resources": {
                    "devices": [{"allow": False, "access": "rwm"}],
                    "memory": {"limit": most, "swap": most},
                },
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/sysrq-trigger"],
                "readonlyPaths": ["/proc/bus", "/proc/irq", "/proc/sys"],
            },
        }


def mounts(memory: int) -> list[dict]:
    """What is not the image's. /dev/shm counts against the memory, as the operator makes it."""

    def tmpfs(path: str, *options: str) -> dict:
        return {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": list(options)}

    return [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": list(_QUIET)},
        tmpfs("/dev", "nosuid", "mode=755", "size=64k"),
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        tmpfs("/dev/shm", *_QUIET, "mode=1777", f"size={memory}"),
        tmpfs("/tmp", "nosuid", "nodev", "mode=1777", f"size={SCRATCH_BYTES}"),
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            "options": [*_QUIET, "ro"],
        },
    ]


def names(file: Path) -> dict:
    """A file of /etc that is the pod's own."""
    options = ["bind", "ro", "nosuid", "nodev", "noexec"]
    return {
        "destination": f"/etc/{file.name}",
        "type": "bind",
        "source": str(file),
        "options": options,
    }


def volume(folder: Path, where: str, writable: bool = False) -> dict:
    """A folder of this machine at a place in the container."""
    options = ["bind", "rw" if writable else "ro", "nosuid", "nodev"]
    return {"destination": where, "type": "bind", "source": str(folder), "options": options}


def groups(name: str) -> list[Path]:
    """Where control groups of that name are: runc makes one under every controller."""
    roots = [CONTROL_GROUPS, *CONTROL_GROUPS.iterdir()]
    return [root / name for root in roots if (root / name).is_dir()]


def remove_groups(name: str, seconds: float = 10) -> None:
    """With those in them. What ran there has been ended before."""
    deadline = time.monotonic() + seconds
    for folder in groups(name):
        inner = [each for each in folder.iterdir() if each.is_dir()]
        for each in (*inner, folder):
            while each.exists():
                try:
                    each.rmdir()
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise DevError(f"{each} can not be removed: {error}") from error
                    time.sleep(0.05)


def require() -> None:
    """Raises DevError, or NamespacesMissing."""
    namespaces.require()
    if os.geteuid() != 0 or not shutil.which("runc"):
        raise DevError("containers need root and runc: apt-get install runc")
    if controller() is None:
        raise DevError("containers need the memory controller of control groups")
