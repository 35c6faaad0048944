"""Messages that can not be read at once."""

import tempfile
import unittest
from pathlib import Path

from rocket_matrix.access import Access
from rocket_matrix.commands import Help, Mistake
from rocket_matrix.config import Config
from rocket_matrix.homeserver import Batch, Stretch
from rocket_matrix.journal import Journal
from rocket_matrix.judge import UNREAD_MAX, Judge
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Identity, Room
from rocket_matrix.telemetry import Telemetry

SENT = 4102444800000  # in a time in which nothing is old
SECRET = {
    "type": "m.room.encrypted",
    "event_id": "$e",
    "sender": "@a:here",
    "origin_server_ts": SENT,
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}
CLEAR = {**SECRET, "type": "m.room.message", "content": {"msgtype": "m.text", "body": "!help"}}
TAKEN_BACK = {"type": "m.room.redaction", "sender": "@a:here", "redacts": "$e", "content": {}}


class Home:
    """A homeserver by whose keys an encrypted message is read, once they are there."""

    def __init__(self) -> None:
        self.keys = False
        self.encrypts = True

    async def room(self, room_id: str) -> Room:
        return Room(room_id, direct=True)

    def can_read(self, room_id: str) -> bool:
        return self.encrypts

    def decrypted(self, room_id: str, event: dict, quietly: bool) -> dict:
        return CLEAR if self.keys else event


class Unread(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = Journal(Path(folder.name))
        self.addCleanup(self.journal.close)
        self.home = Home()

    def made(self, key_seconds: float = 1000) -> Judge:
        config = Config(
            homeserver="http://here",
            user_id="@rocket:here",
            access_token_file="t",
            users=("@*:here",),
        )
        gateway: object = None
        parts = Parts(config, self.home, gateway, self.journal, Telemetry())  # type: ignore[arg-type]
        access = Access(config.users, (), config.rooms)
        me = Identity("@rocket:here")
        return Judge(parts, access, me, lambda: 0, lambda event, room: None, key_seconds)

    async def judged(self, judge: Judge, *events: dict) -> list[type]:
        batch = Batch("s2", [Stretch("!r:here", list(events))] if events else [])
        return [type(each.command) for each in await judge.requests(batch, "s1")]

    async def test_keys_that_come_late(self) -> None:
        judge = self.made()
        self.assertEqual(await self.judged(judge, SECRET), [])
        self.assertEqual(await self.judged(judge), [])
        self.home.keys = True
        self.assertEqual(await self.judged(judge), [Help])
        self.assertEqual(await self.judged(judge), [])

    async def test_keys_that_never_come(self) -> None:
        judge = self.made(key_seconds=0)
        self.assertEqual(await self.judged(judge, SECRET), [])
        self.assertEqual(await self.judged(judge), [Mistake])
        self.assertEqual(await self.judged(judge), [])

    async def test_a_bot_that_dies_meanwhile(self) -> None:
        """The position is past it: the next one has to know."""
        judge = self.made()
        await self.judged(judge, SECRET)
        self.journal.take("s2", [], judge.unread())
        judge = self.made()
        self.assertEqual(await self.judged(judge), [])
        self.home.keys = True
        self.assertEqual(await self.judged(judge), [Help])
        self.journal.take("s3", [], judge.unread())
        self.assertEqual(await self.judged(self.made()), [])

    async def test_taken_back_meanwhile(self) -> None:
        judge = self.made()
        await self.judged(judge, SECRET)
        self.assertEqual(await self.judged(judge, TAKEN_BACK), [])
        self.home.keys = True
        self.assertEqual(await self.judged(judge), [])

    async def test_without_encryption_nothing_is_waited_for(self) -> None:
        self.home.encrypts = False
        self.assertEqual(await self.judged(self.made(), SECRET), [Mistake])

    async def test_not_more_than_so_many(self) -> None:
        """Those beyond are not waited for; the room is told once."""
        many = [{**SECRET, "event_id": f"${number}"} for number in range(UNREAD_MAX + 2)]
        self.assertEqual(await self.judged(self.made(), *many), [Mistake])


if __name__ == "__main__":
    unittest.main()
