"""Scripts of clients for Node, run beside the packages that they import."""

import json
import shutil
from pathlib import Path

from harness.program import Program

HERE = Path(__file__).parent


class Script:
    """What it prints is one line of JSON. One that aborts a request then lives on, so that it is
    the abort that ends the request, and not the end of the script."""

    def __init__(self, name: str, packages: Path, folder: Path, asked: dict):
        # Node looks for packages beside the script.
        folder.mkdir(parents=True, exist_ok=True)
        script = shutil.copy(HERE / name, folder)
        (folder / "node_modules").symlink_to(packages / "node_modules")
        self._program = Program(["node", script, json.dumps(asked)], folder)
        try:
            self.found: dict = json.loads(self._program.line("}", seconds=120))
        except BaseException:
            self._program.stop(seconds=0)
            raise

    def __enter__(self) -> "Script":
        return self

    def __exit__(self, *_) -> None:
        self._program.stop()

    def running(self) -> bool:
        return self._program.running()
