"""What a larger configuration costs each request: 1,000 models and 100 endpoints beside 3 of each.

Counted in instructions of the real binary; prints a table, writes it into bench/README.md and
bench/results/growth.json, and exits 1 if a request costs over 10 % more.

    ./dev bench growth
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from dev.setup import install, missing_packages
from harness.gateway import backend
from overhead import callgrind, measure
from overhead.report import replace_section

GROWTH_MAX = 0.10
# Enough that each endpoint has its connection before the counting begins.
REQUESTS = (1000, 2000)
SIZES = {"small": (3, 3), "large": (1000, 100)}


def configuration(upstream: int, models: int, endpoints: int) -> dict:
    """Endpoints that differ in their path, which the upstream does not look at."""
    urls = [f"http://127.0.0.1:{upstream}/{number}" for number in range(endpoints)]
    target = [{"backend": "model", "model": "small"}]
    return {
        "backends": [backend("model", urls)],
        "models": {f"model-{number}": target for number in range(models)},
    }


def main() -> int:
    if missing := missing_packages(callgrind.PACKAGES):
        install(missing)
    found = {}
    with tempfile.TemporaryDirectory(prefix="rocket-growth-") as scratch:
        upstream = measure.start_upstream(Path(scratch) / "upstream")
        try:
            for name, size in SIZES.items():
                more = configuration(upstream.port, *size)
                folder = Path(scratch) / name
                options = ("--model", "model-1")
                found[name] = round(
                    callgrind.per_request(upstream.port, folder, REQUESTS, more, *options)
                )
        finally:
            upstream.stop()
    growth = found["large"] / found["small"] - 1
    lines = ["| models | endpoints | instructions per request |", "|---|---|---|"]
    for name, (models, endpoints) in SIZES.items():
        lines.append(f"| {models:,} | {endpoints} | {found[name]:,} |")
    table = "\n".join(lines)
    print(table)
    replace_section(HERE / "README.md", "growth", f"{table}\n\nThat is {growth:+.1%}.\n")
    results = {"instructions": found, "growth": round(growth, 4)}
    (HERE / "results" / "growth.json").write_text(json.dumps(results, indent=1) + "\n")
    if growth > GROWTH_MAX:
        print(f"gate missed: {growth:.1%} more for each request, at most {GROWTH_MAX:.0%}")
    return 1 if growth > GROWTH_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
