"""How much of the machine a gateway takes while a load runs over it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.gateway import binary
from harness.program import Program
from harness.waiting import wait_until

from overhead.gateways import LOAD_CPU, Running, pinned

PAGE = os.sysconf("SC_PAGE_SIZE")
# Memory is read when it has stood still for that long.
SETTLED_SECONDS = 1.0


@dataclass(frozen=True)
class Usage:
    """Of all threads of a gateway since they began."""

    run_ns: int
    wakeups: int

    @classmethod
    def of(cls, running: Running) -> "Usage":
        run_ns = wakeups = 0
        for pid in running.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                run_ns += int((task / "schedstat").read_text().split()[0])
                status = (task / "status").read_text()
                # A thread that gives the core up of itself has run out of work: the next event
                # has to wake it.
                given_up = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)
                wakeups += int(given_up[1]) if given_up else 0
        return cls(run_ns, wakeups)

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(self.run_ns - before.run_ns, self.wakeups - before.wakeups)


def test_program(name: str) -> Path:
    """A program that stands beside the gateway's binary."""
    return binary().parent / name


def start_upstream(folder: Path) -> Running:
    upstream = pinned(folder, test_program("bench_upstream"), cpu=LOAD_CPU)
    return Running(int(json.loads(upstream.line('"port"'))["port"]), upstream)


def load(port: int, seconds: float, *options: str) -> dict:
    """What the client saw; any answer that was not whole and good ends the benchmark."""
    argv = ["taskset", "--cpu-list", str(LOAD_CPU), str(test_program("bench_client"))]
    argv += ["--port", str(port), "--seconds", str(seconds), *options]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 60
    )
    seen = json.loads(done.stdout)
    if seen["errors"] or not seen["requests"]:
        raise SystemExit(f"the load of {' '.join(options)} was not served: {seen}")
    return seen


def cost(running: Running, seconds: float, *options: str) -> tuple[Usage, dict]:
    """A load, and what the gateway used meanwhile."""
    before = Usage.of(running)
    seen = load(running.port, seconds, *options)
    return Usage.of(running) - before, seen


def rss_bytes(running: Running) -> int:
    return PAGE * sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in running.pids()
    )


def settled_rss(running: Running) -> int:
    """Once it has stayed the same for a while."""
    last, since = -1, time.monotonic()

    def settled() -> bool:
        nonlocal last, since
        now = rss_bytes(running)
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > SETTLED_SECONDS

    wait_until("the gateway's memory settles", settled, seconds=30)
    return last


def bytes_per_connection(running: Running, folder: Path, count: int, *options: str) -> float:
    """How much the gateway grows for each of `count` connections that are held."""
    before = settled_rss(running)
    argv = ["--port", str(running.port), "--connections", str(count), "--hold", *options]
    client = pinned(folder, test_program("bench_client"), *argv, cpu=LOAD_CPU)
    try:
        client.line('"held"', seconds=60)
        grown = settled_rss(running) - before
        client.send(signal.SIGTERM)
        seen = json.loads(client.line('"requests"'))
    finally:
        client.stop(2)
    if seen["errors"]:
        raise SystemExit(f"not all of {count} connections were held: {seen}")
    return grown / count


def system_calls(running: Running, folder: Path) -> float | None:
    """Per request at 64 connections; None where they can not be counted.

    From the difference between a long and a short run, in which opening connections and starting
    the load cancel out.
    """
    if not shutil.which("strace"):
        return None
    counts: list[tuple[int, int]] = []
    for seconds in (0.5, 2.5):
        summary = folder / f"strace-{seconds}"
        attach = [word for pid in running.pids() for word in ("-p", str(pid))]
        strace = Program(["strace", "-c", "-f", "-U", "calls,name", "-o", summary, *attach], folder)
        try:
            strace.said("attached")
            seen = load(running.port, seconds, "--model", "small")
            strace.send(signal.SIGINT)
            strace.wait(10)
        except AssertionError:
            return None  # it may not trace here
        finally:
            strace.stop()
        total = re.search(r"^\s*(\d+)\s+total$", summary.read_text(), re.MULTILINE)
        counts.append((int(total[1]) if total else 0, seen["requests"]))
    (few_calls, few), (calls, requests) = counts
    return (calls - few_calls) / (requests - few)


def start_ms(start: Callable[[], Running]) -> float:
    """From before the program is executed to the first 200."""
    began = time.perf_counter()
    running = start()
    try:
        while not answers_200(running.port, "/livez"):
            if time.perf_counter() - began > 10 or not running.program.running():
                raise SystemExit(f"no answer: {running.program.err()[-2000:]}")
        return (time.perf_counter() - began) * 1e3
    finally:
        running.stop()


def answers_200(port: int, path: str) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(request.encode())
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def wait_serving(running: Running) -> None:
    """It answers, and knows what models there are."""

    def ready() -> bool:
        if running.program and not running.program.running():
            raise SystemExit(f"a gateway did not start: {running.program.err()[-2000:]}")
        return answers_200(running.port, "/readyz")

    wait_until("the gateway is ready", ready, seconds=10)
