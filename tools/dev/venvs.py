"""Virtual environments that hold exactly what a requirements file pins, made once, in the cache."""

import hashlib
import sys
from pathlib import Path

from dev import process
from dev.places import CACHE, cache_lock


def python(requirements: Path, *, overridden: bool = False) -> Path:
    """Its interpreter. `overridden`: the file pins what one of its packages does not ask for, so
    pip must not look whether they agree."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / "venvs" / f"{requirements.parent.name}-{key}"
    ready = folder / "ready"
    with cache_lock(folder.name):
        if not ready.exists():
            process.run(
                "making a virtual environment", [sys.executable, "-m", "venv", "--clear", folder]
            )
            process.run(
                f"installing what {requirements.name} pins",
                [
                    folder / "bin/python",
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-cache-dir",
                    "--require-hashes",
                    "--only-binary",
                    ":all:",
                    *(["--no-deps"] if overridden else []),
                    "-r",
                    requirements,
                ],
            )
            ready.touch()
    return folder / "bin/python"
