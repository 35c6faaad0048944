"""What sharing calls does for embeddings: single texts asked for one by one and by 64 clients at
once, through a gateway that shares calls and one that does not, in turns.

    ./dev bench embeddings      rounds of 3 s; ROCKET_BENCH_ROUNDS (5) sets how many
"""

import contextlib
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.engines import start_llama_server
from harness.gateway import Gateway, backend

ROUNDS = int(os.environ.get("ROCKET_BENCH_ROUNDS", "5"))
SECONDS = 3.0
CLIENTS = 64
TEXT = "The quick brown fox jumps over the lazy dog, number"


def ask(client: http.client.HTTPConnection, number: int) -> float:
    body = json.dumps({"model": "embeddings", "input": f"{TEXT} {number}"})
    begin = time.perf_counter()
    client.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    response = client.getresponse()
    answer = json.loads(response.read())
    if response.status != 200 or len(answer["data"]) != 1:
        raise SystemExit(f"no embedding: {response.status} {answer}")
    return time.perf_counter() - begin


def ask_on(port: int, until: float, number: int, taken: list[float]) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        while time.perf_counter() < until:
            number += CLIENTS
            taken.append(ask(client, number))


def load(port: int, clients: int) -> list[float]:
    """How long each answer took, in seconds, by so many clients at once."""
    taken: list[list[float]] = [[] for _ in range(clients)]
    until = time.perf_counter() + SECONDS
    threads = [
        threading.Thread(target=ask_on, args=(port, until, number, taken[number]))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for each in taken for one in each]


def measure(shared: Gateway, apart: Gateway) -> dict[str, float]:
    ratios: list[float] = []
    p50s: dict[int, list[float]] = {shared.port: [], apart.port: []}
    per_second: dict[int, list[float]] = {shared.port: [], apart.port: []}
    for number in range(ROUNDS):
        order = (shared, apart) if number % 2 else (apart, shared)
        for gateway in order:
            p50s[gateway.port].append(statistics.median(load(gateway.port, 1)))
        for gateway in order:
            per_second[gateway.port].append(len(load(gateway.port, CLIENTS)) / SECONDS)
        ratios.append(per_second[shared.port][-1] / per_second[apart.port][-1])
    return {
        "rounds": ROUNDS,
        "shared_per_second": round(statistics.median(per_second[shared.port]), 1),
        "apart_per_second": round(statistics.median(per_second[apart.port]), 1),
        "throughput_ratio": round(statistics.median(ratios), 2),
        "shared_p50_ms_alone": round(statistics.median(p50s[shared.port]) * 1e3, 3),
        "apart_p50_ms_alone": round(statistics.median(p50s[apart.port]) * 1e3, 3),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def bench(model: str) -> None:
    with tempfile.TemporaryDirectory(prefix="rocket-bench-") as scratch:
        folder = Path(scratch)
        engine = start_llama_server(
            folder / "llama", model=model, embeddings=True, alias="embeddings"
        )
        backends = {"backends": [backend("engine", engine.url)]}
        shared = Gateway(backends, folder / "shared")
        apart = Gateway(backends | {"embedding_batching": {"on": False}}, folder / "apart")
        try:
            for gateway in (shared, apart):
                gateway.wait_for_models("embeddings")
            found = measure(shared, apart)
            shared.finish()
            apart.finish()
        finally:
            for program in (shared.program, apart.program, engine.program):
                program.stop()
    print(json.dumps({"model": model, **found}))
    print(f"| {' | '.join([model, *(str(value) for value in found.values())])} |", flush=True)


def main() -> None:
    if not os.environ.get("ROCKET_LLAMA_SERVER"):
        raise SystemExit("llama-server can not be had here")
    # One whose texts cost next to nothing, and one that keeps both cores busy with them.
    for model in os.environ.get("ROCKET_BENCH_MODELS", "tiny,chat").split(","):
        bench(model)


if __name__ == "__main__":
    main()
