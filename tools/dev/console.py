"""What `dev` says. Lines of programs it runs stand behind a bar, so none passes for its own."""

import sys
import threading
import time
from dataclasses import dataclass

FAILURES_SHOWN = 10
LINES_SHOWN = 20
COLUMNS_SHOWN = 300


class DevError(Exception):
    """Something that a person has to mend; the message names it and the remedy."""


class EngineMissing(DevError):
    """This machine can not have the engine; the message says why. Other tests still make sense."""


@dataclass
class Tally:
    """How many checks or tests passed and failed. `named`: of those that failed, what each is and
    what it said."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    named: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.named + other.named,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def say(text: str = "") -> None:
    print(text, flush=True)


def relay_line(line: str) -> None:
    say("| " + line.rstrip())


def conclude(tally: Tally) -> int:
    """Says the sum, and before it each failure again, for it may stand thousands of lines above:
    its name and the end of what it said. Returns the exit code."""
    for name, told in tally.named[:FAILURES_SHOWN]:
        say(f"failed: {name}")
        for line in told.strip().splitlines()[-LINES_SHOWN:]:
            relay_line(line[:COLUMNS_SHOWN])
    if len(tally.named) > FAILURES_SHOWN:
        say(f"and {len(tally.named) - FAILURES_SHOWN} more that failed")
    say(str(tally))
    return 1 if tally.failed or not tally.passed else 0


class Progress:
    """Says that `title` goes on, once it has taken more than a second.

    On a terminal one line that keeps changing; elsewhere a line at the start and every half minute.
    """

    def __init__(self, title: str):
        self.title = title
        self.note = ""  # how far it is: "12/80"
        self._ended = threading.Event()
        self._shown = False
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Progress":
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, error_type, error, trace) -> None:
        self._ended.set()
        self._thread.join()
        if self._shown:
            verdict = "failed" if error_type else "done"
            end = "\r\033[K" if sys.stdout.isatty() else ""
            say(f"{end}{self.title}: {verdict} in {time.monotonic() - self._start:.1f} s")

    def _show(self) -> None:
        terminal = sys.stdout.isatty()
        wait = 1.0
        while not self._ended.wait(wait):
            self._shown = True
            text = f"{self.title} ... {time.monotonic() - self._start:.0f} s {self.note}"
            if terminal:
                print(f"\r\033[K{text}", end="", flush=True)
            else:
                say(text.rstrip())
            wait = 0.5 if terminal else 30.0
