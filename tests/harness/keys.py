"""Keys files, and what `rocket key new` does to them."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.gateway import binary


def entry(name: str, key: str, **more) -> dict:
    return {"name": name, "hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest(), **more}


def write_keys(file: Path, *entries: Mapping) -> Path:
    """Replaces the file in one step. YAML holds all of JSON."""
    scratch = file.with_suffix(".new")
    scratch.write_text("".join(f"- {json.dumps(each)}\n" for each in entries))
    scratch.replace(file)
    return file


def key_new(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), "key", "new", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
