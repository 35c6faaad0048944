"""What Rocket costs a streamed request: time to the first token, direct and through it, in pairs.

Each pair is one request straight to a real engine and one through Rocket, in an order that
alternates, so that whatever slows the machine strikes both. Prints, for each engine, a JSON object
and a row for the table in bench/README.md.

    ./dev bench ttft          200 pairs; ROCKET_BENCH_PAIRS sets another number
"""

import contextlib
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.engines import OLLAMA_MODEL, Engine, start_llama_server, start_ollama
from harness.gateway import Gateway, backend

PAIRS = int(os.environ.get("ROCKET_BENCH_PAIRS", "200"))
WARM_UP = 5


def first_token_ms(port: int, model: str) -> float:
    """From before the request is written to the first event that holds text.

    On a new connection, opened before the clock runs: llama-server closes some of those that it
    has promised to keep.
    """
    messages = [{"role": "user", "content": "Say hello."}]
    body = {"model": model, "messages": messages, "max_tokens": 2, "temperature": 0, "stream": True}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.connect()
        data = json.dumps(body)
        begin = time.perf_counter_ns()
        client.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
        response = client.getresponse()
        while line := response.readline():
            if line.startswith(b"data: {") and has_text(line):
                break
        taken = time.perf_counter_ns() - begin
        rest = response.read()
    if response.status != 200 or b"[DONE]" not in rest:
        raise SystemExit(f"no whole stream: {response.status} {line!r} {rest!r}")
    return taken / 1e6


def has_text(line: bytes) -> bool:
    choices = json.loads(line.removeprefix(b"data: "))["choices"]
    return any(choice["delta"].get("content") for choice in choices)


def measure(engine: Engine, gateway: Gateway, model: str) -> dict[str, float]:
    ports = (engine.port, gateway.port)
    for _ in range(WARM_UP):
        for port in ports:
            first_token_ms(port, model)
    pairs: list[tuple[float, float]] = []
    for number in range(PAIRS):
        order = ports if number % 2 else ports[::-1]
        taken = {port: first_token_ms(port, model) for port in order}
        pairs.append((taken[engine.port], taken[gateway.port]))
    differences = sorted(after - before for before, after in pairs)
    return {
        "pairs": PAIRS,
        "direct_p50_ms": round(statistics.median(before for before, _ in pairs), 3),
        "rocket_p50_ms": round(statistics.median(after for _, after in pairs), 3),
        "difference_p50_ms": round(statistics.median(differences), 3),
        "difference_p95_ms": round(differences[int(0.95 * (len(differences) - 1))], 3),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def bench(name: str, kind: str, model: str, engine: Engine, folder: Path) -> None:
    gateway = Gateway({"backends": [backend("engine", engine.url, kind)]}, folder / "gateway")
    try:
        gateway.wait_for_models(model)
        found = measure(engine, gateway, model)
        gateway.finish()
    finally:
        gateway.program.stop()
    print(json.dumps({"engine": name, **found}))
    row = [name, *(str(value) for value in found.values())]
    print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rocket-bench-") as scratch:
        folder = Path(scratch)
        if os.environ.get("ROCKET_LLAMA_SERVER") and os.environ.get("ROCKET_MODEL"):
            engine = start_llama_server(
                folder / "llama", model="chat", embeddings=False, alias="chat"
            )
            try:
                bench("llama-server", "openai", "chat", engine, folder / "over-llama")
            finally:
                engine.program.stop()
        else:
            print("skipped: llama-server (ROCKET_LLAMA_SERVER, ROCKET_MODEL are not set)")
        if os.environ.get("ROCKET_OLLAMA") and os.environ.get("ROCKET_OLLAMA_MODELS"):
            engine = start_ollama(folder / "ollama")
            try:
                bench("Ollama", "ollama", OLLAMA_MODEL, engine, folder / "over-ollama")
            finally:
                engine.program.stop()
        else:
            print("skipped: Ollama (ROCKET_OLLAMA, ROCKET_OLLAMA_MODELS are not set)")


if __name__ == "__main__":
    main()
