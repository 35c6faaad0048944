"""Programs out of Debian's packages, unpacked into the cache and not installed: installing some of
them would start a server."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from dev import process
from dev.console import DevError
from dev.engines import EngineMissing
from dev.places import CACHE, cache_lock


def programs(package: str) -> Path:
    """The folder with the package's programs, of the version that apt would install. Raises
    EngineMissing."""
    folder = CACHE / package / _version(package)
    with cache_lock(package):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                _unpack(package, Path(scratch))
                (Path(scratch) / "found/usr/bin").rename(folder)
    return folder


def _version(package: str) -> str:
    if not shutil.which("apt-cache"):
        raise EngineMissing(f"{package}: this is not Debian, whose package is what the tests use")
    found = _candidate(package)
    if found is None and os.geteuid() == 0:
        process.run("apt-get update", ["apt-get", "update"])
        found = _candidate(package)
    if found is None:
        raise EngineMissing(f"{package}: apt knows no such package; run apt-get update")
    return found


def _candidate(package: str) -> str | None:
    answer = subprocess.run(
        ["apt-cache", "policy", package],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LANG": "C"},
    )
    found = re.search(r"Candidate: ([\w.+~-]+)", answer.stdout)
    return found[1] if found and found[1] != "(none)" else None


def _unpack(package: str, scratch: Path) -> None:
    try:
        process.run(
            f"downloading {package}", ["apt-get", "download", "--quiet", package], cwd=scratch
        )
        (archive,) = scratch.glob("*.deb")
        process.run(f"unpacking {package}", ["dpkg-deb", "--extract", archive, scratch / "found"])
    except (DevError, ValueError) as error:
        raise EngineMissing(f"{package}: {error}") from error
