"""Packages that only these suites need: fetched once into the cache, pinned by sha256 or integrity.

They come through the same code that `./dev` uses for its own.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engines import OLLAMA_MODEL, Engine
from harness.gateway import Gateway, backend

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))

from dev.places import CACHE  # noqa: E402


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The folder that holds node_modules, installed as package-lock.json says."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("node and npm are not installed")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / "npm" / hashlib.sha256(lock).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True, timeout=300)
            (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def over_real_engines(
    tmp_path_factory, llama_server: Callable[..., Engine], ollama: Callable[[], Engine]
) -> Iterator[Gateway]:
    """A gateway over two llama-servers, one for embeddings, and Ollama; shared by its users."""
    backends = [
        backend("llama", [llama_server(model="chat", copy=copy).url for copy in (0, 1)]),
        backend("embeddings", llama_server(model="tiny", embeddings=True).url),
        backend("ollama", ollama().url, "ollama"),
    ]
    config = {"backends": backends, "order": ["llama", "ollama", "embeddings"]}
    gateway = Gateway(config, tmp_path_factory.mktemp("over-real-engines"))
    try:
        gateway.wait_for_models("chat", "tiny-embeddings", OLLAMA_MODEL)
        yield gateway
        gateway.finish()
    finally:
        gateway.program.stop()
