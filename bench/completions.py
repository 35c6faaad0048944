"""What sharing calls would do for completions: 16 prompts asked at once, each in a call of its own
or all in one list, of a real llama-server with a place for each, in turns.

    ./dev bench completions      ROCKET_BENCH_ROUNDS (5) sets how many

Half of the prompts stop early, as answers do. The figures are behind docs/decisions/0048.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.engines import Engine, place
from harness.program import Program
from harness.wire import call

ROUNDS = int(os.environ.get("ROCKET_BENCH_ROUNDS", "5"))
PROMPTS = [f"Question {number}: tell me a story about the number {number}." for number in range(16)]
TOKENS = 48


def body(prompt: str | list[str]) -> dict:
    # `stop`: what ends the answers of some long before others.
    return {"prompt": prompt, "max_tokens": TOKENS, "temperature": 0.8, "seed": 1, "stop": ["e"]}


def ask(port: int, prompt: str | list[str]) -> tuple[float, object]:
    begun = time.perf_counter()
    answer = call(port, "POST", "/v1/completions", body(prompt), timeout=120)
    if answer.status != 200:
        raise SystemExit(f"no completion: {answer}")
    return time.perf_counter() - begun, answer.json()


def measure(port: int) -> dict[str, float]:
    apart_all, apart_each, joined = [], [], []
    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            each = [taken for taken, _ in pool.map(lambda one: ask(port, one), PROMPTS)]
            apart_all.append(time.perf_counter() - begun)
            apart_each.append(statistics.median(each))
            taken, _ = ask(port, PROMPTS)
            joined.append(taken)
    return {
        "apart: all answered after s": round(statistics.median(apart_all), 3),
        "apart: half answered after s": round(statistics.median(apart_each), 3),
        "joined: all answered after s": round(statistics.median(joined), 3),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    if not os.environ.get("ROCKET_LLAMA_SERVER"):
        raise SystemExit("llama-server can not be had here")
    places = str(len(PROMPTS))
    with tempfile.TemporaryDirectory(prefix="rocket-bench-") as scratch:
        argv = [place("ROCKET_LLAMA_SERVER"), "--port", "0", "-m", place("ROCKET_MODEL")]
        argv += ["--alias", "chat", "-c", "8192", "-np", places, "-t", "2"]
        program = Program(argv, Path(scratch))
        try:
            engine = Engine(program, r"listens on \S*?:(\d+)", "/health")
            _, answer = ask(engine.port, PROMPTS)
            first = answer[0] if isinstance(answer, list) else answer
            print(json.dumps({"answers": type(answer).__name__, "usage": first.get("usage")}))
            found = measure(engine.port)
        finally:
            program.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
