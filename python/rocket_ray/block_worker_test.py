import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest.mock import patch

from rocket_ray import block_worker
from rocket_ray.block_plan import Block
from rocket_ray.block_worker import BlockWorker, Refused
from rocket_ray.node_gateway import NodeGateway, Place

A = "batch_" + "a" * 32


class BlockWorkerTest(unittest.TestCase):
    """With a script in the program's place, which notes how it was called."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.node = NodeGateway(self.folder / "node")
        self.worker = BlockWorker(A, 3, "here", self.node)
        quick = (("AWAY_S", 0.5), ("AGAIN_S", 0.01), ("ANSWERED_S", 0.4), ("SILENCE_S", 10))
        for name, value in quick:
            patched = patch.object(block_worker, name, value)
            patched.start()
            self.addCleanup(patched.stop)

    def program(self, text: str) -> None:
        script = self.folder / "rocket"
        script.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/calls\n{text}\n')
        script.chmod(0o755)
        self.node.announce(Place("/nowhere/admin.sock", str(script)))

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def test_each_end_has_its_word(self) -> None:
        cases = [
            ("exit 0", block_worker.DONE),
            ("echo asking; echo ended; exit 1", block_worker.ENDED),
            ("echo replaced; exit 1", block_worker.REPLACED),
            ('echo \'{"error":{"code":"batch_not_found"}}\' >&2; exit 1', block_worker.ENDED),
            ("exit 3", block_worker.AWAY),
            ("sleep 0.1; exit 3", block_worker.AWAY),
            ("kill -9 $$", block_worker.AWAY),
        ]
        for text, wanted in cases:
            with self.subTest(text):
                self.program(text)
                self.assertEqual(self.worker.work(Block(5, 9)), wanted)

    def test_what_is_refused_is_an_error(self) -> None:
        self.program("echo 'no block' >&2; exit 1")
        with self.assertRaisesRegex(Refused, "no block"):
            self.worker.work(Block(5, 9))

    def test_it_says_which_block_of_what_for_whom(self) -> None:
        self.program("exit 0")
        self.worker.work(Block(5, 9))
        self.assertIn(
            f"batch block --admin unix:/nowhere/admin.sock --batch {A} --driver 3 --cluster here "
            "--from 5 --to 9 ",
            self.calls()[0],
        )

    def test_it_is_patient_anew_with_one_that_has_worked(self) -> None:
        seen = self.folder / "seen"
        count = f"echo x >> {seen}; test $(wc -l < {seen}) -ge 4 && exit 0"
        self.program(f"{count}; sleep 0.45; exit 3")
        self.assertEqual(self.worker.work(Block(5, 9)), block_worker.DONE)

    def test_a_child_that_is_stopped_is_killed_and_followed_by_another(self) -> None:
        first = f"test -e {self.folder}/was && exit 0; touch {self.folder}/was"
        self.program(f"{first}; echo asking; kill -STOP $$")
        with patch.object(block_worker, "SILENCE_S", 0.5):
            self.assertEqual(self.worker.work(Block(5, 9)), block_worker.DONE)
        self.assertEqual(len(self.calls()), 2)

    def test_a_node_whose_children_hang_does_not_keep_its_block(self) -> None:
        self.program("exec sleep 60")
        with patch.object(block_worker, "SILENCE_S", 0.45):
            self.assertEqual(self.worker.work(Block(5, 9)), block_worker.AWAY)
        self.assertEqual(len(self.calls()), block_worker.SILENT_MAX)

    def test_a_child_whose_lines_take_their_time_is_left_alone(self) -> None:
        self.program("for i in 1 2 3 4 5 6; do echo asking; sleep 0.2; done; echo done")
        with patch.object(block_worker, "SILENCE_S", 0.6):
            self.assertEqual(self.worker.work(Block(5, 9)), block_worker.DONE)
        self.assertEqual(len(self.calls()), 1)

    def test_it_knows_which_of_its_blocks_wait(self) -> None:
        go = self.folder / "go"
        self.program(
            f"echo waiting; while ! test -e {go}; do sleep 0.02; done; echo asking\n"
            f"while ! test -e {go}-on; do sleep 0.02; done; echo waiting; echo done"
        )
        thread = threading.Thread(target=self.worker.work, args=(Block(5, 9),))
        thread.start()
        for file, wanted in ((go, [Block(5, 9)]), (Path(f"{go}-on"), [])):
            deadline = time.monotonic() + 10
            while self.worker.waiting() != wanted and time.monotonic() < deadline:
                pass
            self.assertEqual(self.worker.waiting(), wanted)
            file.touch()
        thread.join()
        self.assertEqual(self.worker.waiting(), [])

    def test_a_gateway_that_comes_back_in_time_goes_on_with_the_block(self) -> None:
        self.program("exit 3")

        def come() -> None:
            time.sleep(0.1)
            self.program("exit 0")

        thread = threading.Thread(target=come)
        thread.start()
        self.assertEqual(self.worker.work(Block(5, 9)), block_worker.DONE)
        thread.join()

    def test_the_token_stays_here(self) -> None:
        self.program(f"env > {self.folder}/seen")
        with patch.dict("os.environ", {"RAY_AUTH_TOKEN": "secret", "PATH": "/usr/bin:/bin"}):
            self.worker.work(Block(5, 9))
        seen = (self.folder / "seen").read_text()
        self.assertIn("PATH=", seen)
        self.assertNotIn("secret", seen)

    def test_where_nobody_is_there_is_nothing_to_ask(self) -> None:
        self.assertEqual(self.worker.unfinished(), block_worker.AWAY)
        with patch.object(block_worker, "AWAY_S", 3600):
            self.assertEqual(self.worker.work(Block(5, 9)), block_worker.AWAY)
        self.node.announce(Place("/nowhere/admin.sock", "rocket"))
        self.assertEqual(self.worker.unfinished(), block_worker.AWAY)


if __name__ == "__main__":
    unittest.main()
