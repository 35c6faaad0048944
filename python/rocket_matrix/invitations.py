"""Invitations, answered beside the sync: whatever joining and declining take, nobody who asks
something waits for them."""

import asyncio

from rocket_matrix.access import Access
from rocket_matrix.homeserver import Invitation
from rocket_matrix.matrix_http import HomeserverError
from rocket_matrix.parts import Parts
from rocket_matrix.telemetry import fault, log

# How long one of them may take; whoever invited can do so again.
JOIN_SECONDS = 20.0
# How many may wait. Those beyond are left: an invitation that nobody answers does no harm.
WAITING_MAX = 100
# Between those of strangers that are declined. Each is an event, of which a homeserver lets a user
# have so many: half of Synapse's default stays for answers, however many strangers there are.
DECLINE_PAUSE = 10.0
# How long the homeserver may look for the room of an alias: the one that knows it may be gone.
ALIAS_SECONDS = 10.0


class Invitations:
    def __init__(self, parts: Parts, access: Access):
        self._config = parts.config
        self._home = parts.home
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        self._access = access
        self._of_users: asyncio.Queue[Invitation] = asyncio.Queue(WAITING_MAX)
        self._of_strangers: asyncio.Queue[Invitation] = asyncio.Queue(WAITING_MAX)

    def take(self, invitations: list[Invitation]) -> None:
        for each in invitations:
            known = self._access.user(each.inviter)
            if not known:
                self._telemetry.refused.labels("invitation").inc()
            try:
                (self._of_users if known else self._of_strangers).put_nowait(each)
            except asyncio.QueueFull:
                log("invited too often", room=each.room_id, by=each.inviter)

    async def answer(self) -> None:
        """Until it is cancelled."""
        await asyncio.gather(
            self._answer_those_of(self._of_users, 0),
            self._answer_those_of(self._of_strangers, DECLINE_PAUSE),
        )

    async def know_aliases(self) -> None:
        """Which rooms those are that the configuration names by an alias."""
        named = [each for each in self._config.rooms if each.startswith("#")]
        found = await asyncio.gather(*(self._room_of(each) for each in named))
        self._access.know_aliases(each for each in found if each)

    async def _answer_those_of(self, queue: asyncio.Queue[Invitation], pause: float) -> None:
        while True:
            invitation = await queue.get()
            try:
                await self._answer_one(invitation)
            except Exception as error:
                log("failed", room=invitation.room_id, why=fault(error))
                self._telemetry.errors.labels("bug").inc()
            await asyncio.sleep(pause)

    async def _answer_one(self, invitation: Invitation) -> None:
        room_id, inviter = invitation.room_id, invitation.inviter
        welcome = await self._welcome(invitation)
        log("invited", room=room_id, by=inviter, welcome=welcome)
        if not welcome and self._access.user(inviter):
            self._telemetry.refused.labels("invitation").inc()
        act = self._home.join if welcome else self._home.decline
        try:
            await asyncio.wait_for(act(room_id), JOIN_SECONDS)
        except (TimeoutError, HomeserverError) as error:
            log("not joined", room=room_id, code=getattr(error, "code", "timeout"))
            self._telemetry.errors.labels("join").inc()

    async def _welcome(self, invitation: Invitation) -> bool:
        who, room_id, direct = invitation.inviter, invitation.room_id, invitation.direct
        if not self._access.invitation(who, room_id, direct) and self._access.user(who):
            # A room that is new, or has been upgraded, may have got an alias since.
            await self.know_aliases()
        return self._access.invitation(who, room_id, direct)

    async def _room_of(self, alias: str) -> str:
        """Where that can not be had just now, the room that it was before; empty if it is none."""
        try:
            room_id = await asyncio.wait_for(self._home.room_of_alias(alias), ALIAS_SECONDS)
        except TimeoutError:
            log("no such room", alias=alias, code="timeout")
            return self._journal.room_of(alias)
        except HomeserverError as error:
            log("no such room", alias=alias, code=error.code)
            room_id = ""
        self._journal.keep_room_of(alias, room_id)
        return room_id
