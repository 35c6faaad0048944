"""Where things are: the tree, its ignored build folder, and the user's cache that clones share."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
THIRD_PARTY = BUILD / "third_party"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rocket"


def shown(path: Path) -> str:
    """A path as a person would type it."""
    for base, prefix in ((ROOT, ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return prefix + str(path.relative_to(base))
    return str(path)


@contextlib.contextmanager
def cache_lock(name: str) -> Iterator[None]:
    """Only one `dev` at a time makes the thing called `name`; the others wait and find it made."""
    folder = CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
