"""A fresh folder for the child's admin socket: nobody else's, and gone when its owner is."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "rocket-gateway-"
LOCK = "lock"


class SocketFolder:
    """Mode 0700, under the machine's folder for temporary files. Its lock lives as long as this
    process: whose lock is free has lost its owner, and is removed by the next one."""

    def __init__(self) -> None:
        remove_orphans(Path(tempfile.gettempdir()))
        self._make()
        # Somebody else's remove_orphans() may have come before the lock.
        while not (self.path / LOCK).exists():
            os.close(self._lock)
            self._make()

    def _make(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @property
    def socket(self) -> Path:
        return self.path / "admin.sock"

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def remove_orphans(parent: Path) -> None:
    """What replicas that were killed have left. Folders of other users are left alone."""
    for folder in parent.glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and is_orphan(folder):
                shutil.rmtree(folder, ignore_errors=True)


def is_orphan(folder: Path) -> bool:
    """Raises OSError for a folder whose lock is held, or not there (yet)."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    finally:
        os.close(lock)
