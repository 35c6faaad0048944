"""How many instructions Rocket takes for a request and for an event: a ratchet.

Counts with callgrind, compares with bench/results/instructions.json and exits 1 if a count grew by
more than 5 %. Exits 77, for "skipped", where the kept counts mean nothing: another compiler, or
another kind of machine, makes another program.

    ./dev bench instructions                 compare
    python3 bench/instructions.py --keep     write what was counted; the commit says why it grew
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from dev.setup import install, missing_packages
from overhead import callgrind, measure

KEPT = HERE / "results" / "instructions.json"
GROWTH_MAX = 0.05
# What a translated event may cost, as a multiple of one that passes.
TRANSLATION_MAX = 2
SKIPPED = 77

@dataclass(frozen=True)
class Figure:
    title: str
    model: str  # bench_upstream's
    requests: int
    lot: int = 0  # how many events of a stream come together
    lots: int = 0
    translated: bool = False  # a client of Anthropic's instead of OpenAI's

    def options(self, upstream: int) -> list[str]:
        if not self.lot:
            return ["--model", self.model]
        # The next lot leaves when the one before has come: however slow the machine is, each is
        # one read and one write.
        step = ["--next-port", str(upstream), "--lot", str(self.lot)]
        dialect = ["--messages"] if self.translated else []
        return ["--model", self.model, "--stream", *dialect, *step]


FIGURES = {
    "request": Figure("a request with an answer of 600 B", "small", 1000),
    "event": Figure("an event that came by itself", "step", 30, 1, 100),
    "event_of_32": Figure("an event of 32 that came together", "steps", 30, 32, 100),
    "translated_event": Figure("a translated event that came by itself", "step", 30, 1, 100, True),
    "translated_event_of_32": Figure("a translated event of 32", "steps", 30, 32, 100, True),
}


def surroundings() -> dict[str, str]:
    """What the counts depend on beside the source."""
    said = subprocess.run(
        ["clang++-19", "-dumpversion"], capture_output=True, text=True, check=True
    )
    flags = re.search(r"^flags\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    # The C library has a memcpy, and simdjson a validator, for each of the two.
    wide = "AVX2" if flags and "avx2" in flags[1].split() else "no AVX2"
    return {"clang": said.stdout.strip().split(".")[0], "machine": f"{platform.machine()}, {wide}"}


def counts() -> dict[str, int]:
    found = {}
    with tempfile.TemporaryDirectory(prefix="rocket-instructions-") as scratch:
        upstream = measure.start_upstream(Path(scratch) / "upstream")
        try:
            for name, figure in FIGURES.items():
                each = callgrind.per_request(
                    upstream.port,
                    Path(scratch) / name,
                    (1, 1 + figure.requests),
                    {},
                    *figure.options(upstream.port),
                )
                found[name] = round(each / max(1, figure.lot * figure.lots))
                print(f"{found[name]:8,} instructions for {figure.title}", flush=True)
        finally:
            upstream.stop()
    return found


def compare(kept: dict[str, int], found: dict[str, int], say: Callable[[str], None] = print) -> int:
    failed = False
    for figure in ("event", "event_of_32"):
        ratio = found[f"translated_{figure}"] / found[figure]
        if ratio > TRANSLATION_MAX:
            failed = True
            say(f"translating costs {ratio:.2f} times what passing does: {FIGURES[figure].title}")
    for figure, count in found.items():
        growth = count / kept[figure] - 1
        if growth > GROWTH_MAX:
            failed = True
            say(
                f"{FIGURES[figure].title} takes {count:,} instructions, {growth:.1%} more than the "
                f"{kept[figure]:,} of bench/results/instructions.json. Make it cheaper; or run "
                "python3 bench/instructions.py --keep, and say in that commit why it costs more."
            )
        elif growth < -GROWTH_MAX:
            say(f"{FIGURES[figure].title} became {-growth:.1%} cheaper: keep it, with --keep.")
    return 1 if failed else 0


def main() -> int:
    options = argparse.ArgumentParser(description="Instructions per request and per event.")
    options.add_argument("--keep", action="store_true", help="write what was counted")
    keep = options.parse_args().keep
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    here = surroundings()
    if not keep and kept.get("surroundings") != here:
        print(f"skipped: the kept counts are of {kept.get('surroundings')}, and this is {here}")
        return SKIPPED
    if missing := missing_packages(callgrind.PACKAGES):
        install(missing)
    found = counts()
    # What the clock has the gateway do only ever adds, more on a busy machine: the least counts.
    for _ in range(2):
        if keep or compare(kept["instructions"], found, say=lambda text: None):
            found = {name: min(count, found[name]) for name, count in counts().items()}
    if keep:
        written = {"surroundings": here, "instructions": found}
        KEPT.write_text(json.dumps(written, indent=1) + "\n")
        return 0
    return compare(kept["instructions"], found)


if __name__ == "__main__":
    sys.exit(main())
