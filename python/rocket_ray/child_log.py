"""Files that the gateway writes its two logs to, kept from growing without end."""

import contextlib
import os
import shutil
from pathlib import Path

BYTES_MAX = 64 << 20


class ChildLog:
    """`access.log` (a line per request) and `rocket.log` (a line per event) in `folder`.

    The gateway appends by itself: no line passes through Python. trim(), called now and then,
    moves what is too long to NAME.1, so that there are never many more than 4 x BYTES_MAX; lines
    that are written in that very moment are lost, and all of NAME if there is no room for a copy.
    """

    def __init__(self, folder: Path, name: str):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.access = folder / f"{name}.access.log"
        self.events = folder / f"{name}.log"

    def open(self) -> tuple[int, int]:
        """Descriptors for the child's stdout and stderr. Whoever asks closes them."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self.access, flags, 0o600), os.open(self.events, flags, 0o600)

    def trim(self, bytes_max: int = BYTES_MAX) -> None:
        for path in (self.access, self.events):
            with contextlib.suppress(OSError):  # it is no reason to stop whoever logs
                if path.stat().st_size > bytes_max:
                    keep(path, path.with_name(path.name + ".1"))
                    # Who appends goes on at the new end.
                    os.truncate(path, 0)

    def tail(self, lines: int = 10) -> str:
        """The last things that the gateway has said of itself."""
        try:
            with open(self.events, "rb") as file:
                file.seek(max(0, self.events.stat().st_size - 8192))
                return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def keep(path: Path, copy: Path) -> None:
    """A copy of it, or none: half of one on a full disk would keep that full."""
    try:
        shutil.copyfile(path, copy)
    except OSError:
        copy.unlink(missing_ok=True)
