"""The one place where tests wait: for a condition, and never for a time that is only a guess."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(what: str, condition: Callable[[], T], seconds: float = 15) -> T:
    """The first true value of `condition`; fails, naming `what`, if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)


def elapse(seconds: float) -> None:
    """Lets a time pass that is itself what is tested: how much a process does in it, or how a
    client of that slowness is served. Never to wait for something."""
    time.sleep(seconds)
