"""A program that says something every now and then for as long as it lives: run to its end, or
killed when it has fallen silent."""

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

# Of what it says only the end counts.
KEPT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Heard:
    """`status`: its exit status, negative for a signal; None: it was silent, and has been killed.
    `out` and `err`: the last of what it said."""

    status: int | None
    out: str
    err: str


def run_while_heard(
    argv: Sequence[str],
    environment: Mapping[str, str],
    silence_s: float,
    hear: Callable[[str], None] = lambda word: None,
) -> Heard:
    """Waits for it, in a process group of its own. One that is stopped, or that hangs, says no
    more; it is left alone as long as it says anything on stdout. `hear` is told the last whole line
    of that, each time. Raises OSError where it can not be started."""
    process = subprocess.Popen(
        list(argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    with process:
        assert process.stdout and process.stderr
        try:
            return _listen(process, process.stdout, process.stderr, silence_s, hear)
        finally:
            # It has ended already, unless it was silent or listening to it has failed.
            process.kill()


def _listen(
    process: subprocess.Popen[bytes],
    out: IO[bytes],
    err: IO[bytes],
    silence_s: float,
    hear: Callable[[str], None],
) -> Heard:
    said = {out: b"", err: b""}
    silent = False
    with selectors.DefaultSelector() as selector:
        for stream in said:
            selector.register(stream, selectors.EVENT_READ)
        heard = time.monotonic()
        while selector.get_map() and not silent:
            ready = selector.select(max(heard + silence_s - time.monotonic(), 0))
            for key, _ in ready:
                stream = key.fileobj
                piece = os.read(stream.fileno(), KEPT_BYTES)
                if not piece:
                    selector.unregister(stream)
                said[stream] = (said[stream] + piece)[-KEPT_BYTES:]
                if piece and stream is out:
                    heard = time.monotonic()
                    hear(_last_line(said[out]))
            silent = not ready or time.monotonic() - heard >= silence_s
    if silent or not _ends(process, silence_s):
        return Heard(None, _text(said[out]), _text(said[err]))
    return Heard(process.returncode, _text(said[out]), _text(said[err]))


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whoever has closed both of them is about to."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _last_line(said: bytes) -> str:
    """The last whole one."""
    return _text(said[: said.rfind(b"\n") + 1]).rpartition("\n")[2]


def _text(said: bytes) -> str:
    return said.decode(errors="replace").strip()
