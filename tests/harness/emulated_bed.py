"""An environment of k8s/ray in emulated pods, as `./dev cluster up` starts it, for tests."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dev import emulated, overlay
from dev.console import DevError
from dev.emulated import EmulatedCluster, Programs
from dev.pods import Pod
from dev.stores import postgres_programs
from harness import fake, prometheus
from harness.bed import PREFIX, Bed
from harness.engines import place
from harness.gateway import binary
from harness.traffic import Traffic
from harness.waiting import wait_until


class EmulatedBed(Bed):
    def __init__(self, folder: Path, environment: str):
        python = place("ROCKET_RAY_PYTHON")
        programs = Programs(python, binary(), fake.binary(), place("ROCKET_PROMETHEUS"))
        try:
            emulated.require_bounds()
            rendered = overlay.render(environment, python)
        except DevError as missing:
            pytest.skip(str(missing))
        self.emulated = EmulatedCluster(
            f"{PREFIX}{os.getpid()}-{environment}", folder / "cluster", rendered, programs, port=0
        )
        super().__init__(folder, self.emulated.network, self.emulated.ray)
        self.workers = self.emulated.workers

    def start(self) -> None:
        self.emulated.start(discover=False)
        key = self.emulated.key_file.read_text().strip()
        self.headers = {"authorization": f"Bearer {key}"}
        self.backends = self.emulated.scripted_backends()

    def stop(self) -> None:
        emulated.remove(self.network.name, self.network.folder)
        self.end_programs()

    def restore(self) -> None:
        """As it was when it was started: what a test has killed or changed."""
        self.emulated.start(discover=False)
        for pod in self.worker_pods():
            wait_until(f"{pod.name} answers", lambda pod=pod: self.answers(pod), 60)

    def pod(self, name: str) -> Pod:
        return self.network.pods[name]

    def bring_back(self, *names: str) -> None:
        """As Kubernetes does, by itself."""
        for name in names:
            self.emulated.start_pod(name)

    def traffic(self, **more) -> Traffic:
        """Asks all workers, whether they live or not."""
        addresses = [self.emulated.address(f"worker-{n}") for n in range(1, self.workers + 1)]
        return Traffic(self.network.lan, addresses, headers=self.headers, **more)

    def query(self, expression: str) -> list[dict]:
        """Of Prometheus."""
        return prometheus.query(self.emulated.ports.prometheus, expression)

    def execute(self, pod: str, *argv: str | Path, given: bytes = b"") -> bytes:
        """As `kubectl exec`: what it says. Raises AssertionError unless it ends well."""
        found = self.pod(pod)
        programs = [postgres_programs(), self.cluster.python.parent]
        path = ":".join([*map(str, programs), os.environ["PATH"]])
        # Where the pod of Postgres has its socket.
        environment = {**found.environment, "PATH": path, "PGHOST": "/tmp/ray/data"}
        done = subprocess.run(
            ["nsenter", "-t", str(found.init), "--net", "--mount", "--pid", *map(str, argv)],
            env=environment,
            input=given,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{argv}: {done.returncode}: {(done.stdout + done.stderr)!r}"
        return done.stdout

    def everywhere(self, holds: Callable[[Pod], bool]) -> bool:
        """Whether it does of all workers."""
        pods = self.worker_pods()
        return len(pods) == self.workers and all(map(holds, pods))
