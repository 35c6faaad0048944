"""Folders that stand for the volumes of emulated pods. A pod sees the machine's file system, so
each path of a volume becomes the folder's wherever it is named."""

import os
import shutil
from pathlib import Path

from dev.overlay import PodSpec, relocated


class Volumes:
    def __init__(self, folder: Path):
        self.folder = folder

    def named(self, volume: str) -> Path:
        found = self.folder / volume
        found.mkdir(parents=True, exist_ok=True)
        return found

    def relocated(self, text: str, spec: PodSpec) -> str:
        """As it has to read in a pod of that kind."""
        folders = {path: self.named(volume) for path, volume in spec.folders().items()}
        return relocated(text, folders)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def replace(file: Path, text: str, mode: int = 0o644) -> None:
    """In one step."""
    scratch = file.with_name(file.name + ".new")
    scratch.touch(mode)
    scratch.write_text(text)
    os.replace(scratch, file)
