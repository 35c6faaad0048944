import os
import tempfile
import unittest
from pathlib import Path

from rocket_ray.rounds import WatchedFile


class WatchedFileTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.path = self.folder / "rocket.yaml"

    def watch(self) -> WatchedFile:
        return WatchedFile(self.path, lambda: None)

    def test_what_stays_the_same_has_not_changed(self) -> None:
        self.path.write_text("one")
        file = self.watch()
        self.assertEqual([file.changed(), file.changed()], [False, False])

    def test_each_change_is_seen_once(self) -> None:
        self.path.write_text("one")
        file = self.watch()
        self.path.write_text("longer")
        self.assertEqual([file.changed(), file.changed()], [True, False])

    def test_what_is_forgotten_has_changed(self) -> None:
        self.path.write_text("one")
        file = self.watch()
        file.forget()
        self.assertEqual([file.changed(), file.changed()], [True, False])

    def test_another_file_in_its_place(self) -> None:
        self.path.write_text("one")
        file = self.watch()
        other = self.folder / "new"
        other.write_text("two")
        os.replace(other, self.path)
        self.assertTrue(file.changed())

    def test_another_folder_behind_a_link(self) -> None:
        """As Kubernetes replaces what a ConfigMap holds."""
        for name in ("first", "second"):
            (self.folder / name).mkdir()
            (self.folder / name / "rocket.yaml").write_text(name[:5])
        link = self.folder / "data"
        link.symlink_to("first")
        file = WatchedFile(link / "rocket.yaml", lambda: None)
        link.unlink()
        link.symlink_to("second")
        self.assertTrue(file.changed())

    def test_a_file_that_is_away_for_a_while(self) -> None:
        self.path.write_text("one")
        file = self.watch()
        self.path.unlink()
        self.assertFalse(file.changed())
        self.path.write_text("two")
        self.assertTrue(file.changed())
