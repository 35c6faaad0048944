"""What `dev` says. Lines of programs it runs stand behind a bar, so none passes for its own."""

import sys
import threading
import time
from dataclasses import dataclass


class DevError(Exception):
    """Something that a person has to mend; the message names it and the remedy."""


class EngineMissing(DevError):
    """This machine can not have the engine; the message says why. Other tests still make sense."""


@dataclass
class Tally:
    """How many checks or tests passed and failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def say(text: str = "") -> None:
    print(text, flush=True)


def relay_line(line: str) -> None:
    say("| " + line.rstrip())


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
