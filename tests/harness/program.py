"""A program under test: started in a process group of its own, ended by its process number."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.waiting import wait_until

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Program:
    """What it says goes to files in `folder`; what it started must end with it. `descriptors`: how
    many it may have open, for good."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        descriptors: int | None = None,
    ):
        self.name = Path(argv[0]).name
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob(f"{self.name}.*.out")))
        self._out = folder / f"{self.name}.{number}.out"
        self._err = folder / f"{self.name}.{number}.err"
        parent = os.getpid()
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            self.popen = subprocess.Popen(
                [str(word) for word in argv],
                cwd=cwd or folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                process_group=0,
                preexec_fn=lambda: _begin(parent, descriptors),
            )
        self.pid = self.popen.pid

    def out(self) -> str:
        return self._out.read_text(errors="replace")

    def err(self) -> str:
        return self._err.read_text(errors="replace")

    def running(self) -> bool:
        return self.popen.poll() is None

    def said(self, text: str, seconds: float = 15) -> None:
        """Waits until stderr holds `text`."""
        self._until(f"{self.name} says {text!r}", lambda: text in self.err(), seconds)

    def line(self, wanted: str, seconds: float = 15) -> str:
        """Waits for a whole line, of stdout or stderr, that holds `wanted`."""

        def find() -> str | None:
            lines = (self.out() + self.err()).splitlines(keepends=True)
            return next((x for x in lines if wanted in x and x.endswith("\n")), None)

        return self._until(f"{self.name} prints {wanted!r}", find, seconds)

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended by itself; negative for a signal."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still runs after {seconds:g} s:\n{self.err()[-2000:]}"
            ) from None

    def stop(self, seconds: float = 10) -> int:
        """Asks it to end; the exit code. Nothing of its process group is left afterwards."""
        if self.running():
            self.send(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            self._end_group()

    def kill(self) -> int:
        if self.running():
            self.send(signal.SIGKILL)
        return self.popen.wait(10)

    def left_behind(self) -> bool:
        """Whether something of its process group still runs. Only after it has ended."""
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return False
        return True

    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """What all its threads have run so far."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def limit_descriptors(self, most: int) -> None:
        """From now on; what it has open stays open. The hard limit stays, to go back to."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (min(most, hard), hard))

    def _until(self, what: str, condition, seconds: float):
        def or_ended():
            value = condition()
            if not value and not self.running():
                value = condition()  # it may have said so in its last moment
                assert value, f"{self.name} ended ({self.popen.returncode}):\n{self.err()[-2000:]}"
            return value

        return wait_until(what, or_ended, seconds)

    def _end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def _begin(parent: int, descriptors: int | None) -> None:
    """In the new process. The kernel ends it when the test run dies, however it dies."""
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
