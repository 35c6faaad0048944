"""Programs that `dev` runs. Each lives in a process group of its own and never outlives `dev`."""

import contextlib
import ctypes
import math
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dev.console import DevError, Progress, relay_line
from dev.places import LOGS, ROOT, shown

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Interrupted(BaseException):
    """A signal asked `dev` to end."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Child:
    """A running program. stop() ends it and whatever it started in its group.

    The leader is reaped only in stop(): until then its number, and so the group's, can not
    belong to anybody else, and no signal can reach a stranger.
    """

    _all: list["Child"] = []
    _hurry = False

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: Path | int = subprocess.DEVNULL,
    ):
        self.name = Path(argv[0]).name
        self.output = output
        parent = os.getpid()
        with contextlib.ExitStack() as stack:
            target = output
            if isinstance(output, Path):
                output.parent.mkdir(parents=True, exist_ok=True)
                target = stack.enter_context(open(output, "wb"))
            try:
                self.popen = subprocess.Popen(
                    [str(word) for word in argv],
                    cwd=cwd or ROOT,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=target,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                    preexec_fn=lambda: _die_with(parent),
                )
            except FileNotFoundError as error:
                raise DevError(f"{argv[0]} is not installed: run ./dev setup") from error
        self.pid = self.popen.pid
        Child._all.append(self)

    def running(self) -> bool:
        if self.popen.returncode is not None:
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def stop(self, grace: float = 0.0) -> int:
        """Ends the group, kindly for `grace` seconds; the exit code, negative for a signal."""
        if self.popen.returncode is None:
            if self.running():
                self._signal(signal.SIGTERM)
            deadline = time.monotonic() + grace
            while self.running() and time.monotonic() < deadline and not Child._hurry:
                time.sleep(0.02)
            self._signal(signal.SIGKILL)
            self.popen.wait()
            if self.popen.stdout:
                self.popen.stdout.close()
            Child._all.remove(self)
        return self.popen.returncode

    def wait(self) -> int:
        """Until the leader has ended by itself; then stops what is left of the group."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.stop()

    def log_tail(self, lines: int = 20) -> str:
        text = self.output.read_text(errors="replace") if isinstance(self.output, Path) else ""
        return "\n".join("| " + line for line in text.splitlines()[-lines:])

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    @staticmethod
    def stop_all(grace: float = 10.0) -> None:
        """Ends every child, the youngest first. Another signal meanwhile: at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, Child._hurry_up)
        while Child._all:
            Child._all[-1].stop(grace)

    @staticmethod
    def _hurry_up(_number, _frame) -> None:
        Child._hurry = True


def _die_with(parent: int) -> None:
    """In the new process: ask the kernel for SIGTERM when `dev` dies, however it dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def end_on_signals() -> None:
    """From here on SIGINT, SIGTERM and SIGHUP raise Interrupted where `dev` stands."""

    def interrupt(number, _frame):
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@contextlib.contextmanager
def started(argv: Sequence[str | Path], grace: float = 10.0, **options) -> Iterator[Child]:
    """A child for the length of a block."""
    child = Child(argv, **options)
    try:
        yield child
    finally:
        child.stop(grace)


def run(
    title: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Runs a program behind a progress line; its output, or DevError with what tells why."""
    log = LOGS / (re.sub(r"[^a-z0-9.]+", "-", title.lower()).strip("-") + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with open(log, "w", encoding="utf-8") as file, Progress(title) as progress:
        child = Child(argv, env=env, cwd=cwd, output=subprocess.PIPE)
        for raw in child.popen.stdout:
            line = raw.decode(errors="replace")
            file.write(line)
            lines.append(line)
            if step := re.match(r"\[(\d+/\d+)\]", line):
                progress.note = step[1]
        code = child.wait()
        if code != 0:
            tail = "".join("| " + line for line in telling(lines))
            raise DevError(f"{title}: exit {code}; all of it is in {shown(log)}\n{tail}".rstrip())
    return "".join(lines)


def telling(lines: list[str], most: int = 40) -> list[str]:
    """The lines that tell what failed: from ninja's first FAILED on, else the last ones."""
    for at, line in enumerate(lines):
        if line.startswith("FAILED: "):
            return lines[at : at + most]
    return lines[-most:]


def relay(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limit: float | None = None,
) -> int:
    """Runs a program and shows its lines; its exit code. After `limit` seconds it is stopped."""
    child = Child(argv, env=env, cwd=cwd, output=subprocess.PIPE)
    overdue = threading.Event()
    timer = threading.Timer(limit or 0, lambda: (overdue.set(), child.kill()))
    if limit:
        timer.start()
    try:
        for raw in child.popen.stdout:
            relay_line(raw.decode(errors="replace"))
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    finally:
        if limit:
            timer.cancel()
            timer.join()
    if overdue.is_set():
        relay_line(f"stopped: {child.name} took longer than {limit:.0f} s")
    return child.stop()


def relay_together(
    runs: Sequence[tuple[Sequence[str | Path], Mapping[str, str]]], *, limit: float | None
) -> list[int]:
    """Runs programs, each with its environment, side by side; the lines of the first as they come,
    those of the others behind them. Their exit codes; after `limit` seconds all are stopped."""
    deadline = math.inf if limit is None else time.monotonic() + limit
    with contextlib.ExitStack() as stack:
        others = [
            stack.enter_context(
                started(argv, env=env, output=LOGS / f"{Path(argv[0]).name}-{index}.log")
            )
            for index, (argv, env) in enumerate(runs[1:], 1)
        ]
        codes = [relay(runs[0][0], env=runs[0][1], limit=limit)]
        for child in others:
            while child.running() and time.monotonic() < deadline:
                time.sleep(0.1)
            overdue = child.running()
            code = child.stop()
            for line in child.output.read_text(errors="replace").splitlines(keepends=True):
                relay_line(line)
            if overdue:
                relay_line(f"stopped: {child.name} took longer than {limit:.0f} s")
            codes.append(code)
    return codes
