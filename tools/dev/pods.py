"""Pods without Kubernetes: each has an address, process numbers and a /tmp/ray of its own.

They share one bridge in a namespace of its own, so that nothing of the machine's network changes;
what belongs to one network has its name in front, and is found again by it.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import namespaces
from dev.console import DevError
from dev.memory_groups import MemoryGroup, remove_groups

SUBNET = "10.77.0"
# The bridge's end of the network: where backends and forwarders are.
LAN_ADDRESS = f"{SUBNET}.1"
FIRST_POD = 2
PODS_MAX = 200
# What a pod shares with nobody; memory that its processes share is gone with it.
OWN_FOLDERS = (
    'mkdir -p /tmp/ray && mount --bind "$0" /tmp/ray && '
    'mount -t tmpfs -o nosuid,nodev shm /dev/shm && exec "$@"'
)


@dataclass
class Pod:
    """A pod that has been started. `process` is outside of it; `init` is its process 1."""

    name: str
    address: str
    namespace: str
    process: subprocess.Popen
    log: Path
    argv: Sequence[str | Path]
    environment: Mapping[str, str]
    index: int
    init: int = 0
    restarts: int = 0

    def running(self) -> bool:
        return self.process.poll() is None

    def processes(self) -> list[int]:
        """All that run in it, in the machine's numbers."""
        return [pid for pid in namespaces.processes(self.namespace) if pid != self.process.pid]

    def log_tail(self, lines: int = 20) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join("| " + line for line in text.splitlines()[-lines:])


class PodNetwork:
    """`name` makes it unique on the machine; `folder` holds logs and the pods' files; `memory` is
    the most that pods may have, in bytes, by their names: who wants more is killed."""

    def __init__(self, name: str, folder: Path, memory: Mapping[str, int] | None = None):
        self.name = name
        self.folder = folder
        self.memory = dict(memory or {})
        self.lan = f"{name}-lan"
        self.pods: dict[str, Pod] = {}

    def make(self) -> None:
        """Raises DevError if it is there already."""
        namespaces.require()
        if namespaces.named(self.name + "-"):
            raise DevError(f"the pods {self.name} are there already: remove them first")
        self.folder.mkdir(parents=True, exist_ok=True)
        namespaces.make(self.lan)
        namespaces.ip("-n", self.lan, "link", "add", "br0", "type", "bridge")
        namespaces.ip("-n", self.lan, "address", "add", f"{LAN_ADDRESS}/24", "dev", "br0")
        namespaces.ip("-n", self.lan, "link", "set", "br0", "up")

    def address(self, index: int) -> str:
        """Of the pod with that index, whether it runs or not."""
        if not 0 <= index < PODS_MAX:
            raise DevError(f"a network has {PODS_MAX} pods at most")
        return f"{SUBNET}.{FIRST_POD + index}"

    def start(
        self, name: str, index: int, argv: Sequence[str | Path], environment: Mapping[str, str]
    ) -> Pod:
        """A pod by that name, in whose /tmp/ray nobody has been. Its environment is what is given,
        and nothing of ours."""
        namespace = f"{self.name}-{name}"
        if not (namespaces.FOLDER / namespace).exists():
            self._join(namespace, index)
        private = self.folder / name
        shutil.rmtree(private, ignore_errors=True)
        private.mkdir(parents=True)
        log = self.folder / f"{name}.log"
        with open(log, "ab") as output:
            process = subprocess.Popen(
                [str(word) for word in self._command(name, private, argv, environment)],
                env=dict(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        pod = Pod(
            name, self.address(index), namespace, process, log, argv, dict(environment), index
        )
        pod.init = self._find_init(pod)
        self.pods[name] = pod
        return pod

    def _command(
        self,
        name: str,
        private: Path,
        argv: Sequence[str | Path],
        environment: Mapping[str, str],
    ) -> list[str | Path]:
        """What starts a pod: `argv` in its namespaces. `private` is to be its /tmp/ray."""
        return [
            *self._bounded(name),
            *("nsenter", f"--net={namespaces.FOLDER / self.name}-{name}"),
            *("unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("sh", "-c", OWN_FOLDERS),
            *(private, *argv),
        ]

    def _bounded(self, name: str) -> list[str | Path]:
        """The words before a command that keep it, and what it starts, within the pod's memory."""
        if name not in self.memory:
            return []
        group = MemoryGroup(f"{self.name}-{name}")
        group.make(self.memory[name])
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', group.members]

    def restart(self, pod: Pod) -> Pod:
        """The same again, in place of one that has ended."""
        again = self.start(pod.name, pod.index, pod.argv, pod.environment)
        again.restarts = pod.restarts + 1
        return again

    def kill(self, pod: Pod) -> None:
        """As a node that is switched off: at once, all of it."""
        self.pods.pop(pod.name, None)
        namespaces.clear(pod.namespace)
        pod.process.wait(10)

    def terminate(self, pod: Pod, seconds: float) -> float:
        """As Kubernetes deletes a pod: SIGTERM to its process 1, and SIGKILL after so long. How
        long it took."""
        start = time.monotonic()
        self.pods.pop(pod.name, None)
        os.kill(pod.init, signal.SIGTERM)
        try:
            pod.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill(pod)
        return time.monotonic() - start

    def remove(self) -> None:
        """Everything of this name, whoever has started it. Nothing there: nothing to do."""
        # The inner ends first: a process in the network's own namespace may be forwarding.
        names = namespaces.named(self.name + "-")
        namespaces.remove(sorted(names, key=lambda name: name == self.lan))
        remove_groups(self.name + "-")
        for pod in self.pods.values():
            pod.process.wait(10)
        self.pods.clear()

    def run_in_lan(self, argv: Sequence[str | Path], log: Path, **options) -> subprocess.Popen:
        """A program beside the pods, which ends with the network."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                [
                    "nsenter",
                    f"--net={namespaces.FOLDER / self.lan}",
                    *(str(word) for word in argv),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )

    def _join(self, namespace: str, index: int) -> None:
        port = f"pod{index}"
        namespaces.make(namespace)
        namespaces.ip(
            *("-n", self.lan, "link", "add", port, "type", "veth"),
            *("peer", "name", "eth0", "netns", namespace),
        )
        namespaces.ip("-n", self.lan, "link", "set", port, "master", "br0", "up")
        address = f"{self.address(index)}/24"
        namespaces.ip("-n", namespace, "address", "add", address, "dev", "eth0")
        namespaces.ip("-n", namespace, "link", "set", "eth0", "up")
        # Without one, Ray takes the loopback address for the node's.
        namespaces.ip("-n", namespace, "route", "add", "default", "via", LAN_ADDRESS)

    def _find_init(self, pod: Pod) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if init := self._init_of(pod):
                return init
            if not pod.running():
                break
            time.sleep(0.01)
        raise DevError(f"the pod {pod.name} did not begin:\n{pod.log_tail()}")

    def _init_of(self, pod: Pod) -> int:
        """The one child of unshare; 0: there is none yet."""
        pid = pod.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0


def output_of(
    entering: Sequence[str | Path], argv: Sequence[str | Path], timeout: float, **options
) -> str:
    """What a program says that is run in a pod, by the words that lead there. Raises DevError."""
    done = subprocess.run(
        [str(word) for word in (*entering, *argv)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
    if done.returncode != 0:
        raise DevError(f"{argv[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
