"""Invitations, answered beside the sync: whatever joining and declining take, nobody who asks
something waits for them."""

import asyncio
import time

from rocket_matrix.access import Access
from rocket_matrix.homeserver import Invitation
from rocket_matrix.matrix_http import Away, HomeserverError, Limited
from rocket_matrix.parts import Parts
from rocket_matrix.telemetry import fault, log

# How long one of them may take before the next has its turn; and how long it is tried again then.
# Nobody can invite who is invited already: one that is forgotten would be so for good.
JOIN_SECONDS = 20.0
TRIED_SECONDS = 3600.0
# How many may wait. Those beyond are left: an invitation that nobody answers does no harm.
WAITING_MAX = 100
# Between those of strangers that are declined. Each is an event, of which a homeserver lets a user
# have so many: half of Synapse's default stays for answers, however many strangers there are.
DECLINE_PAUSE = 10.0
# How long the homeserver may look for the room of an alias: the one that knows it may be gone.
ALIAS_SECONDS = 10.0


class Invitations:
    def __init__(self, parts: Parts, access: Access, patience: float = JOIN_SECONDS):
        self._patience = patience
        self._config = parts.config
        self._home = parts.home
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        self._access = access
        self._of_users: asyncio.Queue[Invitation] = asyncio.Queue(WAITING_MAX)
        self._of_strangers: asyncio.Queue[Invitation] = asyncio.Queue(WAITING_MAX)
        # By room: the one to be answered, and since when it has been waiting.
        self._newest: dict[str, Invitation] = {}
        self._since: dict[str, float] = {}

    def take(self, invitations: list[Invitation]) -> None:
        """Kept until they are answered: the homeserver tells of each only once."""
        for each in invitations:
            if not self._access.user(each.inviter):
                self._telemetry.refused.labels("invitation").inc()
            now = time.time()
            if self._wait(each):
                self._journal.keep_invitation(each.room_id, each.inviter, each.direct, now)
                self._since[each.room_id] = now

    def _wait(self, invitation: Invitation) -> bool:
        """Whether there is room for it. Of several into one room the last one counts."""
        known = self._access.user(invitation.inviter)
        try:
            (self._of_users if known else self._of_strangers).put_nowait(invitation)
        except asyncio.QueueFull:
            log("invited too often", room=invitation.room_id, by=invitation.inviter)
            return False
        self._newest[invitation.room_id] = invitation
        return True

    async def answer(self) -> None:
        """Until it is cancelled."""
        for room_id, inviter, direct, since in self._journal.invitations():
            if room_id not in self._newest and self._wait(Invitation(room_id, inviter, direct)):
                self._since[room_id] = since
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
            if self._newest.get(invitation.room_id) is not invitation:
                continue
            try:
                answered = await self._answer_one(invitation)
                if self._newest.get(invitation.room_id) is invitation:
                    self._done(invitation, answered)
            except Exception as error:
                log("failed", room=invitation.room_id, why=fault(error))
                self._telemetry.errors.labels("bug").inc()
            await asyncio.sleep(pause)

    def _done(self, invitation: Invitation, answered: bool) -> None:
        room_id = invitation.room_id
        late = time.time() - self._since[room_id] > TRIED_SECONDS
        if not answered and not late and self._wait(invitation):
            return  # behind the others
        if not answered:
            self._telemetry.errors.labels("join").inc()
        elif self._access.user(invitation.inviter) and not self._access.invitation(
            invitation.inviter, room_id, invitation.direct
        ):
            self._telemetry.refused.labels("invitation").inc()
        del self._newest[room_id], self._since[room_id]
        self._journal.forget_invitation(room_id)

    async def _answer_one(self, invitation: Invitation) -> bool:
        """Whether that is done with."""
        room_id, inviter = invitation.room_id, invitation.inviter
        welcome = await self._welcome(invitation)
        log("invited", room=room_id, by=inviter, welcome=welcome)
        act = self._home.join if welcome else self._home.decline
        deadline, wait = time.monotonic() + self._patience, 0.1
        while True:
            try:
                await asyncio.wait_for(act(room_id), max(1.0, deadline - time.monotonic()))
                return True
            except Limited as limited:
                # That is for all rooms.
                await asyncio.sleep(limited.after)
                deadline = time.monotonic() + self._patience
            except HomeserverError as error:
                log("not joined", room=room_id, code=error.code)
                self._telemetry.errors.labels("join").inc()
                return True
            except (Away, TimeoutError):
                if time.monotonic() + wait > deadline:
                    log("not joined yet", room=room_id)
                    return False
                await asyncio.sleep(wait)
                wait = min(5.0, wait * 2)

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
