"""Where the gateway of a node is: told by the replica that hosts it, to whoever works there."""

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "gateway.json"


@dataclass(frozen=True)
class Place:
    """Of a gateway: its admin socket, which is another one for each replica, and its program."""

    socket: str
    binary: str


class NodeGateway:
    """A file among Ray's of this node and session, readable by its owner only. It names a program
    that will be run, and everybody may write where Ray has its files: one whose folder is not ours
    alone is none."""

    def __init__(self, folder: Path | None = None):
        self._file = (folder or node_folder()) / NAME

    def announce(self, place: Place) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_ours():
            raise PermissionError(f"{self._file.parent} is not this user's alone: remove it")
        scratch = self._file.with_name(f"{NAME}.{os.getpid()}")
        scratch.write_text(json.dumps(asdict(place)))
        scratch.chmod(0o600)
        scratch.replace(self._file)

    def withdraw(self, place: Place) -> None:
        """Unless another one has been announced since."""
        if self.find() == place:
            self._file.unlink(missing_ok=True)

    def find(self) -> Place | None:
        try:
            return Place(**json.loads(self._file.read_text())) if self._is_ours() else None
        except (OSError, ValueError, TypeError):
            return None

    def _is_ours(self) -> bool:
        folder = self._file.parent.lstat()
        private = not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.geteuid() and private


def session_name() -> str:
    """Ray's of this cluster: another one for each that is started."""
    import ray  # noqa: PLC0415 - all else here does without it, and is tested so

    return ray.get_runtime_context().get_session_name()


def node_folder() -> Path:
    """A folder of ours that only processes of this node and session come to."""
    parent = Path(tempfile.gettempdir()) / "ray" / session_name()
    return (parent if parent.is_dir() else Path(tempfile.gettempdir())) / "rocket"
