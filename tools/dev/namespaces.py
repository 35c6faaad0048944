"""Network namespaces: made, entered by a thread, emptied of what runs in them, removed."""

import concurrent.futures
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from dev.console import DevError

FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


class NamespacesMissing(DevError):
    """This machine, or this user, can not have network namespaces; the message says why."""


def require() -> None:
    """Raises NamespacesMissing."""
    if os.geteuid() != 0:
        raise NamespacesMissing("network namespaces need root: run it with sudo, or in a container")
    if not shutil.which("ip"):
        raise NamespacesMissing("network namespaces need iproute2: apt-get install iproute2")
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        raise NamespacesMissing(
            f"this machine allows no new namespaces ({tried.stderr.strip()}); a container needs "
            "--privileged, or CAP_SYS_ADMIN and CAP_NET_ADMIN"
        )


def ip(*words: str) -> None:
    """One command of iproute2."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DevError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def make(name: str) -> None:
    ip("netns", "add", name)
    ip("-n", name, "link", "set", "lo", "up")


def named(prefix: str) -> list[str]:
    return sorted(path.name for path in FOLDER.glob(prefix + "*")) if FOLDER.is_dir() else []


def enter(name: str) -> None:
    """The calling thread, for good: its sockets belong there from now on."""
    with open(FOLDER / name, "rb") as file:
        enter_descriptor(file.fileno())


def enter_descriptor(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"can not enter a network namespace: {os.strerror(error)}")


def inside(name: str, function: Callable[[], T]) -> T:
    """Calls it with its sockets in that namespace; the caller's own stay where they are."""
    result: concurrent.futures.Future[T] = concurrent.futures.Future()

    def call() -> None:
        try:
            enter(name)
            result.set_result(function())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=call, name=f"in {name}", daemon=True)
    thread.start()
    thread.join()
    return result.result()


def processes(name: str) -> list[int]:
    """Whatever runs in it, in this process's numbers."""
    try:
        wanted = (FOLDER / name).stat().st_ino
    except FileNotFoundError:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "ns/net").stat().st_ino == wanted:
                    found.append(int(entry.name))
    return found


def clear(name: str, seconds: float = 10) -> None:
    """Kills what runs in it: all of it was started there. A process is held by a descriptor before
    it is looked at, so that no other one that got its number is hit."""
    deadline = time.monotonic() + seconds
    while running := [pid for pid in processes(name) if kill_in(name, pid)]:
        if time.monotonic() > deadline:
            raise DevError(f"processes in the namespace {name} do not end: {running}")
        time.sleep(0.05)


def kill_in(name: str, pid: int) -> bool:
    """Whether there was something to kill."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if Path(f"/proc/{pid}/ns/net").stat().st_ino != (FOLDER / name).stat().st_ino:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def remove(names: Iterable[str]) -> None:
    """With all that runs in them. Those that are not there are passed over."""
    names = list(names)
    for name in names:
        clear(name)
    for name in names:
        if (FOLDER / name).exists():
            ip("netns", "del", name)
