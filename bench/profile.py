"""Writes gateway/profile.txt: how often a request takes each branch of its way.

The release build is optimised by it (docs/decisions/0066-the-release-is-built-by-a-profile.md).
Whoever has changed much of that way runs this again; what is out of date is passed over.

    ./dev bench profile
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from dev.build import build
from overhead import gateways, measure

PROFILE = HERE.parent / "gateway" / "profile.txt"
TOOL = "llvm-profdata-19"
# Whole answers, streams as they come and in bursts, one that is translated: bench_upstream's model,
# how many requests, over how many connections, and what else bench_client is to do.
LOADS: list[tuple[str, int, int, list[str]]] = [
    ("small", 20_000, 64, []),
    ("large", 4_000, 64, []),
    ("brief", 4_000, 16, ["--stream"]),
    ("flood", 16, 8, ["--stream"]),
    ("burst", 128, 16, ["--stream"]),
    ("flood", 16, 8, ["--stream", "--messages"]),
]
SECONDS_MAX = 120
# What is called less often belongs to the start, the clock's chores or a rare case.
COUNT_MIN = 1000

Function = list[str]  # its lines: name, hash, how many counts, the counts, values


def functions(text: str) -> Iterator[Function]:
    """Of a profile as text (LLVM's Command Guide, "llvm-profdata")."""
    lines = [line for line in text.splitlines() if not line.startswith(("#", ":"))]
    function: Function = []
    for line in [*lines, ""]:
        if line:
            function.append(line)
        elif function:
            yield function
            function = []


def often(found: Iterable[Function]) -> list[Function]:
    return [each for each in found if max(map(int, each[3 : 3 + int(each[2])])) >= COUNT_MIN]


def trained(folder: Path) -> Path:
    """What an instrumented gateway has counted."""
    upstream = measure.start_upstream(folder / "upstream")
    try:
        gateway = gateways.rocket(upstream.port, folder / "gateway")
        measure.wait_serving(gateway)
        for model, requests, connections, options in LOADS:
            asked = ["--requests", str(requests), "--connections", str(connections)]
            measure.load(gateway.port, SECONDS_MAX, "--model", model, *asked, *options)
        gateway.stop()
        return folder / f"{gateway.program.pid}.profraw"
    finally:
        upstream.stop()


def main() -> int:
    folder = build("profiling", "rocket", "bench_client", "bench_upstream")
    with tempfile.TemporaryDirectory(prefix="rocket-profile-") as scratch:
        os.environ["ROCKET_BINARY"] = str(folder / "rocket")
        os.environ["LLVM_PROFILE_FILE"] = f"{scratch}/%p.profraw"
        counted = trained(Path(scratch))
        merge = [TOOL, "merge", "--text", "--sparse", "--output=-", counted]
        done = subprocess.run(merge, stdout=subprocess.PIPE, text=True, check=True)
    kept = often(functions(done.stdout))
    PROFILE.write_text(":ir\n" + "\n\n".join("\n".join(each) for each in kept) + "\n")
    print(f"{len(kept)} functions in {PROFILE.relative_to(HERE.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
