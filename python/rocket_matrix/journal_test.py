"""What survives."""

import os
import sqlite3
import stat
import tempfile
import unittest
from pathlib import Path

from rocket_matrix.commands import Batch, Infer
from rocket_matrix.journal import JOB_SECONDS, Job, Journal, JournalError
from rocket_matrix.requests import Attachment, Request


def request(event_id: str) -> Request:
    return Request(event_id, "!r:here", "@a:here", Infer("why", model="m"), thread="$t")


class Survives(unittest.TestCase):
    def setUp(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name) / "store"
        self.journal = Journal(self.folder)
        self.addCleanup(lambda: self.journal.close())

    def again(self) -> Journal:
        self.journal.close()
        self.journal = Journal(self.folder)
        return self.journal

    def test_work_until_it_is_done(self) -> None:
        (work,) = self.journal.take("s1", [request("$1")])
        self.assertEqual(self.again().position(), "s1")
        (found,) = self.journal.open_work()
        self.assertEqual(found, work)
        found.attempts, found.parts, found.outbox = 2, ["$p", ""], [{"txn": "x"}]
        self.journal.save(found)
        self.assertEqual(self.again().open_work(), [found])
        self.assertTrue(self.journal.unanswered("$1"))
        self.journal.finish(found)
        self.assertEqual(self.again().open_work(), [])
        self.assertFalse(self.journal.unanswered("$1"))
        self.assertEqual(self.journal.answers_of("$1"), ["$p"])
        for event_id, ours in (("$p", True), ("$", False), ("$1", False), ("", False)):
            self.assertIs(self.journal.is_answer(event_id), ours, event_id)

    def test_a_choice_moves_with_its_room(self) -> None:
        self.journal.choose_model("!old:here", "m")
        self.journal.hint("!new:here", 60)
        self.journal.move_choice("!old:here", "!new:here")
        self.assertEqual(self.again().choices(), {"!new:here"})
        self.assertEqual(self.journal.model("!new:here"), "m")
        self.assertFalse(self.journal.hint("!new:here", 60))
        # What is chosen there goes before.
        self.journal.choose_model("!old:here", "other")
        self.journal.move_choice("!old:here", "!new:here")
        self.assertEqual(self.journal.model("!new:here"), "m")
        self.journal.move_choice("!unknown:here", "!third:here")
        self.assertEqual(self.journal.choices(), {"!new:here"})

    def test_what_waits_for_its_keys(self) -> None:
        first, second = ({"event_id": "$1"}, "!r:here"), ({"event_id": "$2"}, "!q:here")
        self.journal.take("s1", [], {"$1": first})
        self.assertEqual(self.again().unread(), {"$1": first})
        self.journal.take("s2", [], {"$1": first, "$2": second})
        self.assertEqual(list(self.again().unread().items()), [("$1", first), ("$2", second)])
        self.journal.take("s3", [request("$1")], {"$2": second})
        self.assertEqual(self.again().unread(), {"$2": second})
        self.journal.take("s4", [])
        self.assertEqual(self.again().unread(), {})

    def test_a_full_disk_is_called_by_its_name(self) -> None:
        self.journal.take("s1", [request("$1")])
        (pages,) = self.journal._db.execute("PRAGMA page_count").fetchone()
        self.journal._db.execute(f"PRAGMA max_page_count={pages}")
        large = Request("$2", "!r:here", "@a:here", Infer("x" * 200_000))
        with self.assertRaisesRegex(sqlite3.OperationalError, "full"):
            self.journal.take("s2", [large])
        self.assertEqual(self.again().position(), "s1")

    def test_an_event_that_comes_again_is_not_taken_again(self) -> None:
        (work,) = self.journal.take("s1", [request("$1")])
        self.assertEqual(self.journal.take("s2", [request("$1")]), [])
        self.journal.finish(work)
        self.assertEqual(
            self.journal.take("s1", [request("$1"), request("$2")])[0].request.event_id,
            "$2",
        )
        self.assertTrue(self.journal.seen("$1"))

    def test_what_was_said_is_forgotten(self) -> None:
        (work,) = self.journal.take("s1", [request("$1")])
        self.journal.finish(work)
        self.journal.close()
        for path in self.folder.iterdir():
            self.assertNotIn(b'"prompt"', path.read_bytes(), path)

    def test_only_its_owner_reads_it(self) -> None:
        for path in [self.folder, *self.folder.iterdir()]:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)

    def test_one_bot_at_a_time(self) -> None:
        with self.assertRaises(JournalError) as raised:
            Journal(self.folder)
        self.assertIn("another bot", str(raised.exception))

    def test_a_newer_one_is_refused(self) -> None:
        self.journal._db.execute("PRAGMA user_version=99")
        with self.assertRaises(JournalError) as raised:
            self.again()
        self.assertIn("newer", str(raised.exception))
        self.journal = Journal(self.folder.with_name("other"))

    def test_requests_of_every_kind(self) -> None:
        batch = Request(
            "$1",
            "!r:here",
            "@a:here",
            Batch(("x", "y")),
            attachment=Attachment("mxc://h/a"),
        )
        self.journal.take("s1", [batch])
        self.assertEqual(self.journal.open_work()[0].request, batch)

    def test_rooms_and_conversations(self) -> None:
        self.assertEqual(self.journal.model("!r:here"), "")
        self.journal.choose_model("!r:here", "m")
        self.assertTrue(self.journal.hint("!r:here", 60))
        self.assertFalse(self.journal.hint("!r:here", 60))
        self.assertTrue(self.journal.hint("!r:here", 0))
        self.assertEqual(self.again().model("!r:here"), "m")
        self.journal.converse("$t", "!r:here")
        self.assertTrue(self.journal.conversation("$t", "!r:here"))
        self.assertFalse(self.journal.conversation("$t", "!s:here"))

    def test_jobs(self) -> None:
        self.journal.add_job(Job("batch_1", "$1", "!r:here", "", "@a:here"))
        self.journal.add_job(Job("batch_2", "$2", "!r:here", "", "@b:here"))
        (job,) = self.journal.jobs_of("@a:here", "!r:here")
        self.assertEqual(self.journal.job("batch_1"), job)
        self.assertIsNone(self.journal.job("batch_3"))
        job.card, job.status, job.done = "$c", "completed", True
        self.journal.save_job(job)
        self.assertEqual(self.again().job("batch_1"), job)
        self.assertEqual([each.batch_id for each in self.journal.open_jobs()], ["batch_2"])
        self.assertEqual(self.journal.jobs_of("@a:here", "!s:here"), [])

    def test_a_job_that_nobody_can_be_told_of_is_given_up(self) -> None:
        self.journal.add_job(Job("batch_1", "$1", "!r:here", "", "@a:here"))
        self.journal._db.execute("UPDATE job SET made = made - ?", (JOB_SECONDS - 60,))
        self.assertEqual(len(self.journal.open_jobs()), 1)
        self.journal._db.execute("UPDATE job SET made = made - 120")
        self.assertEqual(self.journal.open_jobs(), [])

    def test_every_open_job_is_found_again(self) -> None:
        made = [f"batch_{number}" for number in range(250)]
        for batch_id in made:
            self.journal.add_job(Job(batch_id, "$e", "!r:here", "", "@a:here"))
        self.assertEqual([each.batch_id for each in self.journal.open_jobs()], made)


if __name__ == "__main__":
    unittest.main()
