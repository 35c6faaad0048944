import tempfile
import unittest
from pathlib import Path
from unittest import mock

from rocket_ray.child_log import ChildLog


class ChildLogTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.log = ChildLog(Path(scratch.name), "gateway")
        self.old = self.log.events.with_name("gateway.log.1")

    def test_what_is_too_long_is_moved(self) -> None:
        self.log.events.write_text("123456")
        self.log.trim(bytes_max=6)
        self.assertEqual(self.log.tail(), "123456")
        self.log.trim(bytes_max=5)
        self.assertEqual((self.log.tail(), self.old.read_text()), ("", "123456"))

    def test_on_a_full_disk_it_goes_on_without_what_was_there(self) -> None:
        self.log.events.write_text("123456")
        self.old.write_text("half")
        with mock.patch("shutil.copyfile", side_effect=OSError(28, "No space left on device")):
            self.log.trim(bytes_max=5)
        self.assertEqual((self.log.tail(), self.old.exists()), ("", False))

    def test_a_folder_that_is_gone_stops_nobody(self) -> None:
        self.log.trim()
        self.assertEqual(self.log.tail(), "")
