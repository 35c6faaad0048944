"""Prometheus and promtool: out of Debian's package, which is unpacked into the cache and not
installed, for its installation would start a server."""

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

PACKAGE = "prometheus"


def programs() -> Path:
    """The folder that holds `prometheus` and `promtool`. Raises EngineMissing."""
    folder = CACHE / "prometheus" / _version()
    with cache_lock("prometheus"):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                _unpack(Path(scratch))
                (Path(scratch) / "found/usr/bin").rename(folder)
    return folder


def _version() -> str:
    """The one that apt would install."""
    if not shutil.which("apt-cache"):
        raise EngineMissing("Prometheus: this is not Debian; its package is what the tests use")
    found = _candidate()
    if found is None and os.geteuid() == 0:
        process.run("apt-get update", ["apt-get", "update"])
        found = _candidate()
    if found is None:
        raise EngineMissing("Prometheus: apt knows no package prometheus; run apt-get update")
    return found


def _candidate() -> str | None:
    answer = subprocess.run(
        ["apt-cache", "policy", PACKAGE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LANG": "C"},
    )
    found = re.search(r"Candidate: ([\w.+~-]+)", answer.stdout)
    return found[1] if found and found[1] != "(none)" else None


def _unpack(scratch: Path) -> None:
    try:
        process.run(
            "downloading Prometheus", ["apt-get", "download", "--quiet", PACKAGE], cwd=scratch
        )
        (package,) = scratch.glob("*.deb")
        process.run("unpacking Prometheus", ["dpkg-deb", "--extract", package, scratch / "found"])
    except (DevError, ValueError) as error:
        raise EngineMissing(f"Prometheus: {error}") from error
