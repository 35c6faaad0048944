"""`./dev run`: a real model answers through Rocket, on whatever machine this is."""

import http.client
import json
import re
import socket
import time
from pathlib import Path

from dev import engines, process
from dev.build import RELEASE, build
from dev.console import DevError, Progress, say
from dev.places import BUILD, shown

# Where model servers usually listen, and what each answers when it is there. Rocket itself looks
# at the same ports; never at its own 8000 and 8090.
USUAL = {
    "vllm": (8001, "/v1/models"),
    "ollama": (11434, "/api/version"),
    "lm-studio": (1234, "/v1/models"),
    "llama-cpp": (8080, "/v1/models"),
}
QUESTION = "What is the capital of France? Answer in one sentence."
FOLDER = BUILD / "run"
DEFAULT = {"listen": ("127.0.0.1", 8000), "admin": ("127.0.0.1", 8090)}


def run(once: bool, config: str | None) -> int:
    given = Path(config or "rocket.yaml").absolute()
    if config and not given.is_file():
        raise DevError(f"there is no file {config}: give --config an existing one, or leave it out")
    found = {} if given.is_file() else discover()
    taken = addresses(given) if given.is_file() else DEFAULT
    for key, (host, port) in taken.items():
        require_free(host, port, f"give --config a file with another `{key}`")
    if "listen" not in taken:
        raise DevError(
            f"{shown(given)}: `listen` must be a host and a port, for `dev run` to ask there"
        )
    host, port = taken["listen"]
    build("release", "rocket")
    chosen: list[str | Path] = ["--config", given]
    backends = {}
    if given.is_file():
        say(f"configuration: {shown(given)}")
    elif found:
        say("found: " + ", ".join(f"{name} on port {port}" for name, port in found.items()))
        chosen = []
    else:
        backends = start_backends()
        chosen = ["--config", write_config(backends)]
    rocket = start_rocket(chosen, host, port)
    answered = ask(host, port)
    say(f"  logs: {shown(FOLDER)}/*.log")
    if once:
        return 0 if answered else 1
    say(f"\nRocket serves on http://{host}:{port}; Ctrl-C stops it. Try:\n\n{curl(host, port)}\n")
    if backends:
        first = next(child.pid for child, _ in backends.values())
        say(f"`kill {first}` meanwhile, and the other model server takes over.\n")
    return serve(rocket, backends)


def discover() -> dict[str, int]:
    """The model servers that already run here."""
    found = {}
    for name, (port, path) in USUAL.items():
        answer = engines.get(port, path, timeout=0.5)
        if answer and answer[0] == 200 and answer[1].lstrip().startswith(b"{"):
            found[name] = port
    return found


def addresses(config: Path) -> dict[str, tuple[str, int]]:
    """`listen` and `admin` of a configuration, so far as they are a host and a port."""
    found = dict(DEFAULT)
    # What is wrong with the file is for Rocket to say.
    text = config.read_text(errors="replace")
    for key, value in re.findall(r"^(listen|admin):\s*([^#\n]*)", text, re.MULTILINE):
        host, _, port = value.strip().strip("\"'").rpartition(":")
        del found[key]
        if port.isdigit() and int(port) < 1 << 16:
            found[key] = ("127.0.0.1" if host == "0.0.0.0" else host.strip("[]"), int(port))
    return found


def require_free(host: str, port: int, otherwise: str) -> None:
    """Raises DevError, with what to do `otherwise` than freeing it, where it can not be listened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DevError(
                f"{host}:{port} can not be taken ({error.strerror}): stop what listens there "
                f"(`ss -ltnp`), or {otherwise}"
            ) from error


def start_backends() -> dict[str, tuple[process.Child, int]]:
    """Two servers of the same small model, so that one can be killed and the other goes on."""
    say("no model server is running: starting two of our own")
    program, model = engines.llama_server(), engines.chat_model()
    started = {}
    for name in ("llama-a", "llama-b"):
        port = engines.free_port()
        started[name] = (
            process.Child(
                [program, "--port", str(port), "-m", model, "--alias", "smollm2"],
                output=FOLDER / f"{name}.log",
            ),
            port,
        )
    with Progress("loading the model"):
        for child, port in started.values():
            engines.wait_until_ready(child, port, "/health")
    for name, (child, port) in started.items():
        say(f"  {name}: http://127.0.0.1:{port}, process {child.pid}")
    return started


def write_config(backends: dict[str, tuple[process.Child, int]]) -> Path:
    rows = "".join(
        f'  - {{name: {name}, kind: openai, urls: ["http://127.0.0.1:{port}"], '
        "default_model: smollm2}\n"
        for name, (_, port) in backends.items()
    )
    path = FOLDER / "two-backends.yaml"
    path.write_text(
        "listen: 127.0.0.1:8000\nadmin: 127.0.0.1:8090\nbackends:\n"
        + rows
        + f"order: [{', '.join(backends)}]\n"
    )
    say(f"  configuration: {shown(path)}")
    return path


def start_rocket(arguments: list[str | Path], host: str, port: int) -> process.Child:
    FOLDER.mkdir(parents=True, exist_ok=True)
    # In a folder that holds no rocket.yaml, which would be taken up unasked.
    rocket = process.Child(
        [RELEASE / "rocket", "serve", *arguments], cwd=FOLDER, output=FOLDER / "rocket.log"
    )
    with Progress("waiting for Rocket to be ready"):
        engines.wait_until_ready(rocket, port, "/readyz", host=host)
    return rocket


def ask(host: str, port: int) -> bool:
    """Puts the question, shows the answer as it comes; False if there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=120)
    body: dict = {
        "stream": True,
        "max_tokens": 64,
        "temperature": 0,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    if model := several_models(connection):
        body["model"] = model
    start = time.monotonic()
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"}
    )
    response = connection.getresponse()
    if response.status != 200:
        say(f"Rocket answered {response.status}: {response.read(10000).decode(errors='replace')}")
        return False
    say(f"\n> {QUESTION}")
    first = None
    whole = False
    for line in response:
        if not line.startswith(b"data:"):
            continue
        payload = line[5:].strip()
        if payload == b"[DONE]":
            whole = True
            break
        event = json.loads(payload)
        if "error" in event:
            say(f"\nthe stream failed: {json.dumps(event['error'])}")
            return False
        text = "".join(
            choice.get("delta", {}).get("content") or "" for choice in event.get("choices", [])
        )
        if text:
            first = first or time.monotonic()
            print(text, end="", flush=True)
    total = time.monotonic() - start
    connection.close()
    if first is None or not whole:
        say("\nthe stream ended without a whole answer")
        return False
    say(
        f"\n  answered by {response.getheader('x-rocket-backend')}; first token after "
        f"{(first - start) * 1000:.0f} ms, all of it in {total * 1000:.0f} ms"
    )
    return True


def several_models(connection: http.client.HTTPConnection) -> str | None:
    """A model to name, where leaving it out would be ambiguous."""
    connection.request("GET", "/v1/models")
    models = [model["id"] for model in json.loads(connection.getresponse().read()).get("data", [])]
    return models[0] if len(models) > 1 else None


def curl(host: str, port: int) -> str:
    body = json.dumps(
        {"stream": True, "messages": [{"role": "user", "content": "Tell me about rockets."}]}
    )
    address = f"http://{host}:{port}/v1/chat/completions"
    return f"curl -N {address} -H 'content-type: application/json' \\\n  -d '{body}'"


def serve(rocket: process.Child, backends: dict[str, tuple[process.Child, int]]) -> int:
    """Until a signal comes, or Rocket ends by itself."""
    gone = set()
    while rocket.running():
        for name, (child, _) in backends.items():
            if name not in gone and not child.running():
                gone.add(name)
                say(f"{name} has ended; Rocket goes on with the others")
        time.sleep(0.2)
    code = rocket.stop()
    say(f"Rocket has ended with exit {code}:\n{rocket.log_tail()}")
    return code if code >= 0 else 1
