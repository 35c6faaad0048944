"""Control groups that bound the memory of what runs in them: version 1 of them, or version 2."""

import time
from pathlib import Path

from dev.console import DevError

ROOT = Path("/sys/fs/cgroup")


def controller(root: Path = ROOT) -> Path | None:
    """The folder in which groups with a bound can be made; None where this machine has none."""
    first = root / "memory"
    if (first / "memory.limit_in_bytes").exists():
        return first
    unified = root / "cgroup.controllers"
    if unified.exists() and "memory" in unified.read_text().split():
        return root
    return None


class MemoryGroup:
    """`name` is a part of nobody else's. Made by make(), gone by remove()."""

    def __init__(self, name: str, root: Path = ROOT):
        folder = controller(root)
        if folder is None:
            raise DevError(
                "this machine bounds nobody's memory: no memory controller in /sys/fs/cgroup; "
                "a container needs --privileged, and its host the controller"
            )
        self.first_version = folder.name == "memory"
        self.folder = folder / name
        self._above = folder

    @property
    def members(self) -> Path:
        """A process that writes its number here belongs to it from then on."""
        return self.folder / "cgroup.procs"

    def make(self, most: int) -> None:
        """Idempotent. What runs in it may have `most` bytes together, files' pages included."""
        if not self.first_version:
            (self._above / "cgroup.subtree_control").write_text("+memory")
        self.folder.mkdir(exist_ok=True)
        name = "memory.limit_in_bytes" if self.first_version else "memory.max"
        (self.folder / name).write_text(str(most))

    def bound(self) -> int:
        name = "memory.limit_in_bytes" if self.first_version else "memory.max"
        return int((self.folder / name).read_text())

    def peak(self) -> int:
        """The most that it has had, in bytes, pages of files included."""
        name = "memory.max_usage_in_bytes" if self.first_version else "memory.peak"
        return int((self.folder / name).read_text())

    def held(self) -> int:
        """What its processes hold now that can not be given up, in bytes: no pages of files."""
        wanted = ("total_rss", "total_shmem") if self.first_version else ("anon", "shmem")
        rows = (line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        return sum(int(value) for name, value in rows if name in wanted)

    def killed(self) -> int:
        """How many processes have been killed because it was full."""
        name = "memory.oom_control" if self.first_version else "memory.events"
        rows = (line.split() for line in (self.folder / name).read_text().splitlines())
        return sum(int(value) for key, value in rows if key == "oom_kill")

    def remove(self, seconds: float = 10) -> None:
        """Nothing there, nothing to do. Its processes have been ended before."""
        deadline = time.monotonic() + seconds
        while self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DevError(f"{self.folder} can not be removed: {error}") from error
                time.sleep(0.05)


def remove_groups(prefix: str) -> None:
    """Every group whose name begins so."""
    folder = controller()
    for path in sorted(folder.glob(prefix + "*")) if folder else []:
        MemoryGroup(path.name).remove()
