"""`./dev ci`: all that a change has to pass; from empty caches in under an hour on two cores."""

import os
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dev import check, fuzz, process
from dev.build import RELEASE, build, programs
from dev.console import Tally, conclude, say
from dev.places import LOGS, ROOT, shown
from dev.setup import PACKAGES, setup
from dev.test import bench, suites, unit_tests

FUZZ_SECONDS = 300
LIVES = 200
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
    **fuzz.SYMBOLS,
    "TSAN_SYMBOLIZER_PATH": fuzz.SYMBOLS["ASAN_SYMBOLIZER_PATH"],
}


def ci() -> int:
    """Goes on after a failure, so that one run shows them all: named again at its end, and summed."""
    tally = Tally()
    times: list[str] = []
    for name, step in steps().items():
        say(f"--- {name}")
        start = time.monotonic()
        found = check.attempt(name, step)
        tally += found
        times.append(
            f"{time.monotonic() - start:7.1f} s  {name}: {'failed' if found.failed else 'ok'}"
        )
    say("--- times")
    for line in times:
        say(line)
    return conclude(tally)


def steps() -> dict[str, Callable[[], object]]:
    checks = check.steps(everything=False)
    late = {name: checks.pop(name) for name in ("docs", "clang-tidy")}
    return {
        "setup": partial(setup, *(group for group in PACKAGES if group != "image")),
        **checks,
        "release build": partial(build, "release", *programs()),
        "simulation": simulated,
        "instructions": counted,
        **late,
        "suites with real engines": suites_beside_compilers,
        # The unit tests are half of everything there is to compile, so they are compiled once.
        "unit tests, address and undefined-behaviour sanitizer": partial(sanitized, "asan"),
        "thread sanitizer": partial(sanitized, "tsan", "rocket_thread_tests"),
        "fuzzing": fuzzed,
    }


def suites_beside_compilers() -> Tally:
    """The suites wait more than they compute. What the sanitizers' steps need is compiled
    meanwhile, by processes that run only while nothing else wants to; those steps compile what is
    left, and say what does not compile."""
    wanted = {"asan": ["rocket_tests", *fuzz.targets()], "tsan": ["rocket_thread_tests"]}
    dev = [sys.executable, str(ROOT / "dev"), "build", "--preset"]
    builds = "; ".join(shlex.join([*dev, preset, *targets]) for preset, targets in wanted.items())
    meanwhile = ["chrt", "--idle", "0", "sh", "-c", builds]
    with process.started(meanwhile, output=LOGS / "building-meanwhile.log"):
        return suites(None, set(), limit=1800)


def sanitized(preset: str, program: str = "rocket_tests") -> Tally:
    folder: Path = build(preset, program)
    # More than there are processors: they are not equally long.
    shards = 2 * (os.cpu_count() or 1)
    return unit_tests(folder, None, SANITIZERS, limit=1200, program=program, shards=shards)


def simulated() -> Tally:
    """Two hundred simulated lives."""
    half = LIVES // 2
    runs = [
        ([RELEASE / "simulate", "--count", str(half), "--seed", str(seed)], {})
        for seed in (1, 1 + half)
    ]
    codes = process.relay_together(runs, limit=600)
    return Tally(passed=codes.count(0), failed=len(codes) - codes.count(0))


def counted() -> Tally:
    """The ratchet on what a request and an event cost; it says itself why it fails."""
    skipped = 77
    code = bench("instructions")
    if code == skipped:
        return Tally(skipped=1)
    return Tally(failed=1) if code else Tally(passed=1)


def fuzzed() -> Tally:
    names = fuzz.targets()
    if not names:
        return Tally()
    crashes = shown(fuzz.CRASHES)
    say(f"{len(names)} targets, {FUZZ_SECONDS // len(names)} s each; crashes go to {crashes}")
    return fuzz.fuzz_each(names, FUZZ_SECONDS / len(names))
