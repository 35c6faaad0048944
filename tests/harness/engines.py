"""Real engines, where the surroundings have them; `./dev test` says where they are."""

import os
import re
from pathlib import Path

import pytest

from harness.program import Program
from harness.waiting import wait_until
from harness.wire import call

# As `./dev` gives them to Ollama.
OLLAMA_MODEL = "smollm2:135m"
OLLAMA_TOOLS_MODEL = "smollm2-tools:135m"
# vLLM's, under a name that only it has.
VLLM_MODEL = "smollm2-vllm"
FUNCTIONS = Path(__file__).parents[1] / "engines" / "functions.jinja"


def place(variable: str) -> Path:
    """What the variable names; skips the test, with the reason, if it names nothing."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set; ./dev test sets it where the engine can be had")
    return Path(value)


class Engine:
    """A real model server on a port that it has found itself, ready within `seconds`."""

    def __init__(self, program: Program, address: str, ready_path: str, seconds: float = 120):
        self.program = program
        match = wait_until(
            f"{program.name} tells its port",
            lambda: re.search(address, program.out() + program.err()),
            seconds=60,
        )
        self.port = int(match[1])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(f"{program.name} is ready", lambda: self._ready(ready_path), seconds)

    def _ready(self, path: str) -> bool:
        assert self.program.running(), self.program.err()[-2000:]
        try:
            return call(self.port, "GET", path, timeout=5).status == 200
        except OSError:
            return False


def start_llama_server(
    folder: Path, *, model: str, embeddings: bool = False, alias: str, port: int = 0
) -> Engine:
    """`model`: `tiny` says noise at once, `chat` answers questions, `tools` calls functions."""
    file = place("ROCKET_TINY_MODEL" if model == "tiny" else "ROCKET_MODEL")
    argv: list[str | Path] = [place("ROCKET_LLAMA_SERVER"), "--port", str(port), "-m", file]
    argv += ["--alias", alias, "-c", "4096", "-np", "2", "-t", "2"]
    if model == "tools":
        argv += ["--chat-template-file", FUNCTIONS]
    if embeddings:
        argv.append("--embeddings")
    return Engine(Program(argv, folder), r"listens on \S*?:(\d+)", "/health")


def start_ollama(folder: Path) -> Engine:
    binary, models = place("ROCKET_OLLAMA"), place("ROCKET_OLLAMA_MODELS")
    env = {
        "HOME": str(folder),
        "OLLAMA_HOST": "127.0.0.1:0",
        "OLLAMA_MODELS": str(models),
        "OLLAMA_NOPRUNE": "1",  # the folder is shared; leave it as it is
        "OLLAMA_CONTEXT_LENGTH": "2048",
    }
    program = Program([binary, "serve"], folder, env=env)
    return Engine(program, r"Listening on 127\.0\.0\.1:(\d+)", "/api/version")


def start_vllm(folder: Path) -> Engine:
    """It loads its libraries for a minute or two. It calls a tool when it is told to, and holds what
    it calls it with to the tool's schema."""
    argv: list[str | Path] = [place("ROCKET_VLLM"), "--model", place("ROCKET_VLLM_MODEL")]
    argv += ["--served-model-name", VLLM_MODEL]
    argv += ["--enforce-eager", "--dtype", "bfloat16", "--max-model-len", "2048"]
    argv += ["--max-num-seqs", "16", "--enable-server-load-tracking"]
    argv += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    argv += ["--tool-strict-level", "parameter"]
    return Engine(Program(argv, folder), r"listens on \S*?:(\d+)", "/health", 900)
