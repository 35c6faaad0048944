"""Packages that only these suites need: fetched once into the cache, pinned by sha256 or integrity.

They come through the same code that `./dev` uses for its own.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import openai
import pytest
from clients import EMBEDDING_MODELS, ENGINES, client_of
from two_calls import scripted

from harness.engines import OLLAMA_MODEL, OLLAMA_TOOLS_MODEL, VLLM_MODEL, Engine, place
from harness.gateway import Gateway, backend
from harness.waiting import wait_until
from harness.wire import call

HERE = Path(__file__).parent
# What Ollama's log says of a chat, by whichever of its ways it came.
ENDED = re.compile(r'"/(?:v1/(?:chat/completions|messages|responses)|api/(?:chat|generate))"')
RUNNING = re.compile(r"^vllm:num_requests_running(?:\{.*\})? (\S+)", re.MULTILINE)
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
    tmp_path_factory,
    llama_server: Callable[..., Engine],
    ollama: Callable[[], Engine],
    vllm: Callable[[], Engine],
) -> Iterator[Gateway]:
    """A gateway over two llama-servers, one that calls functions, one for embeddings, Ollama and,
    where it was asked for, vLLM."""
    backends = [
        backend("llama", [llama_server(model="chat", copy=copy).url for copy in (0, 1)]),
        backend("functions", llama_server(model="tools").url),
        backend("embeddings", llama_server(model="tiny", embeddings=True).url),
        backend("ollama", ollama().url, "ollama"),
    ]
    models = ["chat", "tools", "tiny-embeddings", OLLAMA_MODEL, OLLAMA_TOOLS_MODEL]
    if os.environ.get("ROCKET_VLLM"):
        backends.append(backend("vllm", vllm().url, "vllm"))
        models.append(VLLM_MODEL)
    config = {"backends": backends, "order": [each["name"] for each in backends]}
    gateway = Gateway(config, tmp_path_factory.mktemp("over-real-engines"))
    try:
        gateway.wait_for_models(*models)
        yield gateway
        gateway.finish()
    finally:
        gateway.program.stop()


@pytest.fixture
def client(over_real_engines: Gateway) -> openai.OpenAI:
    return client_of(over_real_engines)


@pytest.fixture
def over_script(rocket, upstream) -> Gateway:
    """A gateway over a chat backend whose every answer is two_calls.CALLS."""
    gateway = rocket({"backends": [backend("script", upstream(reply=scripted).url)]})
    gateway.wait_for_models("m")
    return gateway


def marked(names: Iterable[str]) -> list:
    return [pytest.param(n, marks=pytest.mark.vllm) if n == "vllm" else n for n in names]


@pytest.fixture(params=marked(ENGINES))
def engine(request) -> str:
    if request.param == "vllm":
        place("ROCKET_VLLM")
    return request.param


@pytest.fixture(params=EMBEDDING_MODELS)
def embedder(request) -> str:
    """An engine that gives vectors."""
    return request.param


@pytest.fixture
def at_work(
    over_real_engines: Gateway, llama_server, ollama, vllm
) -> Callable[[str], Callable[[], bool]]:
    """`at_work(backend)`, called before a chat: whether the engine itself still works on it."""

    def slots() -> bool:
        ports = [llama_server(model="chat", copy=copy).port for copy in (0, 1)]
        return any(
            slot["is_processing"] for port in ports for slot in call(port, "GET", "/slots").json()
        )

    def running() -> bool:
        """vLLM counts what it works on."""
        metrics = call(vllm().port, "GET", "/metrics").body.decode()
        return any(float(count) > 0 for count in RUNNING.findall(metrics))

    def logged() -> int:
        """Ollama's log has a line for each request that has ended, however it did."""
        program = ollama().program
        return len(ENDED.findall(program.out() + program.err()))

    def watch(backend: str) -> Callable[[], bool]:
        wait_until("nothing is asked", lambda: over_real_engines.in_flight() == 0)
        if backend == "llama":
            wait_until("llama-server is idle", lambda: not slots(), seconds=30)
            return slots
        if backend == "vllm":
            wait_until("vLLM is idle", lambda: not running(), seconds=30)
            return running
        before = logged()
        return lambda: logged() == before

    return watch
