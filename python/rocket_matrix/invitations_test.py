"""Invitations that can not be answered at once."""

import asyncio
import tempfile
import unittest
from pathlib import Path

from rocket_matrix.access import Access
from rocket_matrix.config import Config
from rocket_matrix.homeserver import Invitation
from rocket_matrix.invitations import Invitations
from rocket_matrix.journal import Journal
from rocket_matrix.matrix_http import Away, HomeserverError, Limited
from rocket_matrix.parts import Parts
from rocket_matrix.telemetry import Telemetry

FRIEND, STRANGER = "@a:here", "@a:there"


class Home:
    """What a homeserver says to joins and leaves, one answer after the other; then it is well."""

    def __init__(self, *says: Exception):
        self.says = list(says)
        self.did: list[tuple[str, str]] = []

    async def join(self, room_id: str) -> None:
        await self._do("join", room_id)

    async def decline(self, room_id: str) -> None:
        await self._do("decline", room_id)

    async def _do(self, what: str, room_id: str) -> None:
        self.did.append((what, room_id))
        if self.says:
            raise self.says.pop(0)


class Answered(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = Journal(Path(folder.name))
        self.addCleanup(self.journal.close)

    def made(self, home: Home, patience: float = 5) -> Invitations:
        config = Config(
            homeserver="http://here",
            user_id="@rocket:here",
            access_token_file="t",
            users=("@*:here",),
        )
        gateway: object = None
        parts = Parts(config, home, gateway, self.journal, Telemetry())  # type: ignore[arg-type]
        return Invitations(parts, Access(config.users, (), config.rooms), patience)

    async def lives(self, made: Invitations) -> None:
        """Until nothing is left to answer."""
        answering = asyncio.create_task(made.answer())
        async with asyncio.timeout(10):
            while self.journal.invitations():
                await asyncio.sleep(0)
        answering.cancel()

    async def test_tried_again(self) -> None:
        for says in (
            [Limited(0.05)],
            [Away("502"), Limited(0.01), Away("502")],
        ):
            home = Home(*says)
            made = self.made(home)
            made.take([Invitation("!r:here", FRIEND, False)])
            await self.lives(made)
            self.assertEqual(home.did, [("join", "!r:here")] * (len(says) + 1))

    async def test_by_the_next_bot(self) -> None:
        self.made(Home()).take([Invitation("!r:here", FRIEND, True)])
        home = Home()
        await self.lives(self.made(home))
        self.assertEqual(home.did, [("join", "!r:here")])

    async def test_not_for_good(self) -> None:
        home = Home(HomeserverError("no", "M_FORBIDDEN"))
        made = self.made(home)
        made.take([Invitation("!r:here", FRIEND, False)])
        await self.lives(made)
        self.assertEqual(len(home.did), 1)

    async def test_others_have_their_turn(self) -> None:
        home = Home(Away("502"), Away("502"))
        made = self.made(home, patience=0)
        made.take([Invitation(f"!{each}:here", FRIEND, False) for each in "ab"])
        await self.lives(made)
        self.assertEqual([room for _, room in home.did], ["!a:here", "!b:here"] * 2)

    async def test_the_last_one_into_a_room_counts(self) -> None:
        home = Home()
        made = self.made(home)
        made.take([Invitation("!r:here", STRANGER, False), Invitation("!r:here", FRIEND, False)])
        await self.lives(made)
        self.assertEqual(home.did, [("join", "!r:here")])


if __name__ == "__main__":
    unittest.main()
