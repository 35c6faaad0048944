import logging
import os
import tempfile
import unittest
from pathlib import Path

from rocket_ray.rounds import Rounds, WatchedFile


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


class Child:
    """Stands in for a GatewayChild on a full disk."""

    restarts = 0

    def metrics(self) -> str:
        raise RuntimeError("what nobody has thought of")

    def trim_logs(self) -> None:
        raise OSError("no space left on device")


class PutInForceTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        logger = logging.getLogger("rounds_test")
        logger.setLevel(logging.CRITICAL)
        self.rounds = Rounds(Child(), None, logger)
        self.taken: list[str] = []
        self.good = True

    def put(self, name: str, path: Path | None = None) -> None:
        def take_up() -> bool:
            self.taken.append(name)
            return self.good

        self.rounds.put_in_force(take_up, path)

    def file(self, name: str) -> Path:
        path = self.folder / name
        path.write_text(name)
        return path

    def change(self, path: Path) -> None:
        path.write_text(path.read_text() + "x")
        self.rounds._round()

    def test_a_file_is_taken_up_whenever_it_changes_whatever_else_fails(self) -> None:
        path = self.file("a")
        self.put("a", path)
        self.rounds._round()
        self.change(path)
        self.assertEqual(self.taken, ["a", "a"])

    def test_who_was_given_before_is_not_heard_any_more(self) -> None:
        path = self.file("a")
        self.put("a", path)
        self.put("b")
        self.change(path)
        self.assertEqual(self.taken, ["a", "b"])

    def test_a_refused_file_may_be_mended(self) -> None:
        first, second = self.file("a"), self.file("b")
        self.put("a", first)
        self.good = False
        self.put("b", second)
        self.good = True
        self.change(first)
        self.change(second)
        self.assertEqual(self.taken, ["a", "b", "b"])

    def test_one_that_is_not_there_yet_may_come(self) -> None:
        self.good = False
        self.put("b", self.folder / "b")
        self.file("b")
        self.rounds._round()
        self.assertEqual(self.taken, ["b", "b"])

    def test_what_is_refused_and_no_file_leaves_the_file_before(self) -> None:
        path = self.file("a")
        self.put("a", path)
        self.good = False
        self.put("b")
        self.change(path)
        self.assertEqual(self.taken, ["a", "b", "a"])
