"""What a batch comes to where Rocket, or the homeserver, does not do its part."""

import asyncio
import hashlib
import json
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from rocket_matrix import batches
from rocket_matrix.batches import Batches
from rocket_matrix.commands import Batch
from rocket_matrix.config import Config
from rocket_matrix.gateway import GatewayError
from rocket_matrix.journal import Job, Journal, Work
from rocket_matrix.matrix_http import HomeserverError
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Request
from rocket_matrix.telemetry import Telemetry

CONFIG = Config(
    homeserver="http://here", user_id="@bot:here", access_token_file="token", users=("@a:here",)
)
BROKEN = GatewayError("The connection to Rocket broke; ask again.", again=True)
AWAY = GatewayError("Rocket can not be reached.", again=True, status=-1)
ENDED = {
    "id": "batch_1",
    "status": "completed",
    "output_file_id": "file-1",
    "request_counts": {"total": 2, "completed": 2, "failed": 0},
}


class Rocket:
    """`answers`: for each path what comes of asking for it, one after the other; the last one
    stays. What is an error is raised."""

    def __init__(self, answers: dict[str, list[Any]]):
        self.answers = answers
        self.asked: list[str] = []

    async def ask_bytes(self, method: str, path: str, **_: Any) -> bytes:
        self.asked.append(f"{method} {path}")
        left = self.answers[self.asked[-1]]
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, bytes) else json.dumps(found).encode()


class Home:
    def __init__(self, refuses_files: bool = False):
        self.refuses_files = refuses_files
        self.sent: list[dict] = []

    async def attach(self, room_id: str, data: bytes, name: str, kind: str) -> dict:
        if self.refuses_files:
            raise HomeserverError("too large", "M_TOO_LARGE")
        return {"msgtype": "m.file", "body": name, "url": "mxc://here/x"}

    async def send(self, room_id: str, content: dict, txn: str) -> str:
        self.sent.append(content)
        return "$sent"


class SlowHome(Home):
    """Takes a few turns of the loop over each file."""

    def __init__(self) -> None:
        super().__init__()
        self.attached = self.at_once = self._now = 0

    async def attach(self, room_id: str, data: bytes, name: str, kind: str) -> dict:
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        for _ in range(5):
            await asyncio.sleep(0)
        self._now -= 1
        self.attached += 1
        return await super().attach(room_id, data, name, kind)


class WithJournal(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = Journal(Path(folder.name))
        self.addCleanup(self.journal.close)
        for name in ("PATIENCE", "POLL"):
            patched = mock.patch.object(batches, name, 0.6)
            patched.start()
            self.addCleanup(patched.stop)

    def parts(self, rocket: Rocket, home: Home) -> Parts:
        return Parts(CONFIG, home, rocket, self.journal, Telemetry())  # type: ignore[arg-type]


class Making(WithJournal):
    def submit(self, rocket: Rocket) -> dict:
        work = Work(Request("$q", "!r:here", "@a:here", Batch(("one", "two"), "m")), attempts=1)
        self.journal.take("s1", [work.request])
        return asyncio.run(Batches(self.parts(rocket, Home())).submit(work))

    def test_one_that_rocket_could_not_speak_of_any_more(self) -> None:
        mark = hashlib.sha256(b"$q").hexdigest()[:32]
        made = {"id": "batch_1", "metadata": {"matrix_event": mark}}
        rocket = Rocket(
            {
                "POST /v1/files": [{"id": "file-0"}],
                "POST /v1/batches": [BROKEN],
                "GET /v1/batches?limit=100": [AWAY, {"data": [{"id": "batch_0"}, made]}],
            }
        )
        self.assertEqual(self.submit(rocket), made)
        self.assertEqual(rocket.asked.count("POST /v1/batches"), 1)
        self.assertEqual(self.journal.job_of("$q").batch_id, "batch_1")  # type: ignore[union-attr]

    def test_one_that_was_not_made(self) -> None:
        for listed in ({"data": [{"id": "batch_0", "metadata": None}]}, AWAY):
            rocket = Rocket(
                {
                    "POST /v1/files": [{"id": "file-0"}],
                    "POST /v1/batches": [BROKEN],
                    "GET /v1/batches?limit=100": [listed],
                }
            )
            with self.assertRaises(GatewayError):
                self.submit(rocket)
            self.assertIsNone(self.journal.job_of("$q"))

    def test_one_that_is_refused_is_not_looked_for(self) -> None:
        refused = GatewayError("no", status=400)
        rocket = Rocket({"POST /v1/files": [{"id": "file-0"}], "POST /v1/batches": [refused]})
        with self.assertRaises(GatewayError):
            self.submit(rocket)


class Ended(WithJournal):
    def told(self, rocket: Rocket, home: Home) -> list[str]:
        job = Job("batch_1", "$q", "!r:here", "$q", "@a:here", card="$card")
        self.journal.add_job(job)
        asyncio.run(Batches(self.parts(rocket, home)).watch(job))
        self.assertEqual(self.journal.open_jobs(), [])
        return [each["body"] for each in home.sent if "m.new_content" not in each]

    def rocket(self, content: Any) -> Rocket:
        return Rocket(
            {"GET /v1/batches/batch_1": [ENDED], "GET /v1/files/file-1/content": [content]}
        )

    def test_the_results_and_a_summary(self) -> None:
        told = self.told(self.rocket(b"{}\n"), Home())
        self.assertEqual(
            told, ["batch_1.output.jsonl", "Batch `batch_1` is completed: 2 of 2 lines answered."]
        )

    def test_what_can_not_be_shown_is_named(self) -> None:
        too_large = GatewayError("Rocket's answer is larger than 12 MiB; tell an admin.")
        for rocket, home in (
            (self.rocket(b"{}\n"), Home(refuses_files=True)),
            (self.rocket(too_large), Home()),
        ):
            (summary,) = self.told(rocket, home)
            self.assertIn("2 of 2 lines answered", summary)
            self.assertIn("ask an admin for `file-1`", summary)

    def test_two_at_once_take_the_memory_of_one(self) -> None:
        """Files of results are large, and many jobs may end together."""
        jobs = [Job(f"batch_{n}", f"$q{n}", "!r:here", "", "@a:here", card="$c") for n in (1, 2)]
        home = SlowHome()
        answers = {f"GET /v1/batches/batch_{n}": [{**ENDED, "id": f"batch_{n}"}] for n in (1, 2)}
        rocket = Rocket({**answers, "GET /v1/files/file-1/content": [b"{}\n"]})

        async def both() -> None:
            watching = Batches(self.parts(rocket, home))
            await asyncio.gather(*(watching.watch(job) for job in jobs))

        for job in jobs:
            self.journal.add_job(job)
        asyncio.run(both())
        self.assertEqual((home.attached, home.at_once), (2, 1))


if __name__ == "__main__":
    unittest.main()
