"""Processes as /proc shows them: they may end, and close what they have, while they are looked at."""

import contextlib
import os
from pathlib import Path


def has_ended(pid: int) -> bool:
    """It is gone, or a zombie that waits for somebody to read its status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def descriptors(pid: int) -> dict[int, str]:
    """What it has open, by number: a path, or such as `socket:[INODE]`."""
    found = {}
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(each.name)] = os.readlink(each)
    return found
