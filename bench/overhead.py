"""What Rocket costs beside nginx and HAProxy: CPU time, wake-ups, system calls, delay, memory.

The same upstream and the same load, each gateway with one worker on a core of its own, in rounds
that take the gateways in turn. Prints a table, writes it into bench/README.md and
bench/results/overhead.json, and exits 1 if a gate is missed.

    ./dev bench overhead      5 rounds of 2 s; ROCKET_BENCH_ROUNDS, ROCKET_BENCH_SECONDS set others
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import re
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from dev.setup import install, missing_packages
from overhead import gateways, measure
from overhead.gateways import STARTERS, Running
from overhead.report import Figures, Report, replace_section

PACKAGES = ["nginx-light", "haproxy", "strace", "util-linux"]
MEMORY_ROUNDS = 3


def plain(model: str) -> list[str]:
    return ["--model", model, "--connections", "64"]


def streams(model: str, count: int) -> list[str]:
    return ["--model", model, "--stream", "--connections", str(count)]


def at_rate(rate: int, options: list[str]) -> list[str]:
    return [*options, "--rate", str(rate)]


class Bench:
    """A run: who is measured, and what was found."""

    def __init__(self, rounds: int, seconds: float, folder: Path):
        self.rounds = rounds
        self.seconds = seconds
        self.folder = folder
        self.figures: Figures = defaultdict(lambda: defaultdict(list))
        self.upstream = measure.start_upstream(folder / "upstream")

    def note(self, figure: str, gateway: str, value: float) -> None:
        self.figures[figure][gateway].append(value)

    def start(self, name: str, purpose: str) -> Running:
        running = STARTERS[name](self.upstream.port, self.folder / name / purpose)
        measure.wait_serving(running)
        return running

    def loads(self) -> None:
        """The gateways all run, and each is measured while the others have nothing to do."""
        with contextlib.ExitStack() as stack:
            entries = {"direct": Running(self.upstream.port)}
            for name in STARTERS:
                entries[name] = self.start(name, "load")
                stack.callback(entries[name].stop)
            for running in entries.values():
                for warm_up in (plain("small"), plain("large"), streams("burst", 16)):
                    measure.load(running.port, 0.3, *warm_up)
            names = list(entries)
            for number in range(self.rounds):
                print(f"round {number + 1} of {self.rounds}", flush=True)
                first = number % len(names)
                for cell in (self.saturated, self.paced, self.relayed, self.first_token):
                    for name in names[first:] + names[:first]:
                        cell(name, entries[name])
            for name in STARTERS:
                calls = measure.system_calls(entries[name], self.folder / name)
                if calls is not None:
                    self.note("syscalls", name, calls)
        for cause, figure in (
            ("latency_p50", "added_p50"),
            ("latency_p99", "added_p99"),
            ("first_token_p50", "added_first_token_p50"),
            ("first_token_p99", "added_first_token_p99"),
        ):
            seen = self.figures.pop(cause)
            for name in STARTERS:
                for value, direct in zip(seen[name], seen["direct"], strict=True):
                    self.note(figure, name, value - direct)

    def saturated(self, name: str, running: Running) -> None:
        if name == "direct":
            return
        for figure, model in (("request_600", "small"), ("request_8k", "large")):
            used, seen = measure.cost(running, self.seconds, *plain(model))
            self.note(figure, name, used.run_ns / 1e3 / seen["requests"])

    def paced(self, name: str, running: Running) -> None:
        used, seen = measure.cost(running, self.seconds, *at_rate(1000, plain("small")))
        self.note("latency_p50", name, seen["latency_us"]["p50"])
        self.note("latency_p99", name, seen["latency_us"]["p99"])
        if name != "direct":
            self.note("request_paced", name, used.run_ns / 1e3 / seen["requests"])
            self.note("wakeups_paced", name, used.wakeups / seen["requests"])

    def relayed(self, name: str, running: Running) -> None:
        used, seen = measure.cost(running, self.seconds, *streams("paced", 200))
        self.note("delay_p50", name, seen["event_delay_us"]["p50"])
        self.note("delay_p99", name, seen["event_delay_us"]["p99"])
        if name == "direct":
            return
        self.note("event_paced", name, used.run_ns / 1e3 / seen["events"])
        for figure, model in (("event_flood", "flood"), ("event_burst", "burst")):
            used, seen = measure.cost(running, self.seconds, *streams(model, 64))
            self.note(figure, name, used.run_ns / 1e3 / seen["events"])

    def first_token(self, name: str, running: Running) -> None:
        seen = measure.load(running.port, self.seconds, *at_rate(300, streams("brief", 32)))
        self.note("first_token_p50", name, seen["first_token_us"]["p50"])
        self.note("first_token_p99", name, seen["first_token_us"]["p99"])

    def fresh(self) -> None:
        """What needs a process that has done nothing yet."""
        for number in range(MEMORY_ROUNDS):
            print(f"memory and start, round {number + 1} of {MEMORY_ROUNDS}", flush=True)
            for name in STARTERS:
                self.memory(name, f"idle-{number}", "idle_connection", 4000, plain("small")[:2])
                self.memory(name, f"open-{number}", "open_stream", 1000, streams("slow", 0)[:3])
                start = functools.partial(
                    STARTERS[name], self.upstream.port, self.folder / name / f"start-{number}"
                )
                self.note("start_ms", name, measure.start_ms(start))

    def memory(self, name: str, purpose: str, figure: str, count: int, options: list[str]) -> None:
        running = self.start(name, purpose)
        try:
            if figure == "idle_connection":
                self.note("idle_rss_mib", name, measure.settled_rss(running) / 2**20)
            # So that what a process needs once does not pass for what each connection needs.
            measure.load(running.port, 0.3, *plain("small"))
            folder = self.folder / name / purpose
            grown = measure.bytes_per_connection(running, folder, count, *options)
            self.note(figure, name, grown)
        finally:
            running.stop()


def options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description="What Rocket costs beside nginx and HAProxy.")
    rounds, seconds = (os.environ.get(f"ROCKET_BENCH_{x}") for x in ("ROUNDS", "SECONDS"))
    asked.add_argument("--rounds", type=int, default=int(rounds or 5))
    asked.add_argument("--seconds", type=float, default=float(seconds or 2), help="for each cell")
    asked.add_argument("--dry", action="store_true", help="print only; leave the figures as kept")
    return asked.parse_args()


def machine() -> str:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1].strip() if model else platform.machine()
    return f"{os.cpu_count()} cores of {name}, Linux {platform.release().split('-')[0]}"


def main() -> int:
    asked = options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("this needs two cores: one for the gateway, one for the load")
    if missing := missing_packages(PACKAGES):
        install(missing)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rocket-overhead-") as scratch:
        bench = Bench(asked.rounds, asked.seconds, Path(scratch))
        try:
            bench.loads()
            bench.fresh()
        finally:
            bench.upstream.stop()
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "load_1m": [round(before, 1), round(os.getloadavg()[0], 1)],
        "versions": gateways.versions(),
        "rounds": asked.rounds,
        "seconds": asked.seconds,
    }
    report = Report(bench.figures, about)
    print(report.table())
    if not asked.dry:
        results = HERE / "results" / "overhead.json"
        results.parent.mkdir(exist_ok=True)
        results.write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
        replace_section(HERE / "README.md", "overhead", report.section())
    for message in report.missed():
        print(f"gate missed: {message}", flush=True)
    return 1 if report.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
