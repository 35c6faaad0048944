"""Redis and Postgres in emulated pods: as the manifests say, with the programs that Debian has."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from dev.console import DevError
from dev.overlay import Overlay
from dev.pods import Pod, PodNetwork
from dev.volumes import Volumes, replace

# Where in the network, and where each listens.
PORTS = {"redis": 6379, "postgres": 5432}
INDEX = {"redis": 50, "postgres": 51}
POSTGRES_POD = Path(__file__).with_name("postgres_pod.sh")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Stores:
    """Those that the environment has. `secrets`: the Secret's values, by their keys."""

    def __init__(
        self, network: PodNetwork, overlay: Overlay, volumes: Volumes, secrets: Mapping[str, str]
    ):
        found = {name: overlay.stateful(name) for name in PORTS}
        self.specs = {name: spec for name, spec in found.items() if spec}
        self._network = network
        self._volumes = volumes
        self._config_maps = overlay.config_maps()
        self._secrets = secrets

    def start(self, name: str) -> Pod:
        """What its volume holds is there again. Raises DevError where its program is missing."""
        spec = self.specs[name]
        for volume in spec.folders().values():
            for file, text in self._config_maps.get(volume, {}).items():
                replace(self._volumes.named(volume) / file, self._volumes.relocated(text, spec))
        argv = [self._volumes.relocated(word, spec) for word in spec.argv()]
        if name == "postgres":
            argv = ["sh", str(POSTGRES_POD), str(self._volumes.named("postgres-data")), *argv]
        programs = postgres_programs() if name == "postgres" else self._redis_programs()
        environment = {
            **spec.environment(self._secrets),
            "PATH": f"{programs}:{PATH}",
            "LANG": "C.UTF-8",
        }
        return self._network.start(name, INDEX[name], argv, environment)

    def _redis_programs(self) -> Path:
        """Debian's one program for all of Redis serves under the server's name."""
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if program is None:
            raise DevError("Redis is not installed: apt-get install redis-tools")
        folder = self._volumes.named("programs")
        (folder / "redis-server").unlink(missing_ok=True)
        (folder / "redis-server").symlink_to(program)
        return folder


def postgres_programs() -> Path:
    """Where Debian has `postgres` and what belongs to it, the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise DevError("Postgres is not installed: apt-get install postgresql")
    return found[-1].parent
