import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from rocket_ray.socket_folder import LOCK, PREFIX, SocketFolder, remove_orphans

HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from rocket_ray.socket_folder import SocketFolder
folder = SocketFolder()
print(folder.path, flush=True)
sys.stdin.read()
"""


class SocketFolderTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.parent = Path(scratch.name)
        setting = patch.object(tempfile, "tempdir", scratch.name)
        setting.start()
        self.addCleanup(setting.stop)

    def folders(self) -> list[Path]:
        return sorted(self.parent.glob(PREFIX + "*"))

    def test_it_is_its_owner_s_alone(self) -> None:
        folder = SocketFolder()
        self.assertEqual(stat.S_IMODE(folder.path.stat().st_mode), 0o700)
        self.assertLess(len(str(folder.socket)), 100)
        folder.remove()
        self.assertEqual(self.folders(), [])

    def test_what_a_killed_owner_has_left_goes_and_the_others_stay(self) -> None:
        package = str(Path(__file__).parents[1])
        environment = {**os.environ, "TMPDIR": str(self.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, package],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            held = Path(holder.stdout.readline().strip())
            self.assertEqual(self.folders(), [held])
            remove_orphans(self.parent)
            self.assertEqual(self.folders(), [held])
            holder.kill()
            holder.wait()
        ours = SocketFolder()
        self.assertEqual(self.folders(), [ours.path])
        ours.remove()

    def test_a_folder_that_is_only_named_so_stays(self) -> None:
        other = self.parent / (PREFIX + "other")
        other.mkdir()
        remove_orphans(self.parent)
        self.assertEqual(self.folders(), [other])
        self.assertFalse((other / LOCK).exists())
