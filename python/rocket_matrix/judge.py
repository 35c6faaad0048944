"""From what came to requests: who asks, whether he may, and whether it is not too much. Everything
that a stranger can send passes here first."""

import time
from collections.abc import Callable
from dataclasses import replace

from rocket_matrix.access import Access
from rocket_matrix.commands import Batch as BatchCommand
from rocket_matrix.commands import Infer, Mistake
from rocket_matrix.homeserver import Batch, Stretch
from rocket_matrix.matrix_http import HomeserverError
from rocket_matrix.pace import Allowance
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Identity, Request, Room, request_of, since_invited
from rocket_matrix.telemetry import log

HINT_EVERY = 6 * 3600.0
# In a direct message each of them is for the bot.
DIRECT_HINT_EVERY = 60.0
# How long the keys of a message may take, which come by another way and often from another
# homeserver; and how many messages are kept for that.
KEY_SECONDS = 20.0
UNREAD_MAX = 100

_NOT_READABLE = (
    "This room is encrypted and I can not read it: I run without the end-to-end encryption extra. "
    "Invite me into a room without encryption, or ask an admin to install "
    "`python/rocket_matrix/requirements_e2e.txt`."
)
_NOT_DECRYPTED = (
    "I could not decrypt that message: its keys did not reach me. Send it again; if that does not "
    "help, run `/discardsession` in this room, or invite me again."
)


class Judge:
    """`open_work`: how many requests are not done. `stopped`: told of reactions by those who may be
    heard, and of redactions, with their room."""

    def __init__(
        self,
        parts: Parts,
        access: Access,
        me: Identity,
        open_work: Callable[[], int],
        stopped: Callable[[dict, str], None],
        key_seconds: float = KEY_SECONDS,
    ):
        config = parts.config
        self._config = config
        self._home = parts.home
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        self._access = access
        self._me = me
        self._open_work = open_work
        self._stopped = stopped
        self._key_seconds = key_seconds
        # Event, room, since when. Those of an earlier life have their time anew: how long it was
        # dead says nothing of their keys.
        self._unread: dict[str, tuple[dict, str, float]] = {
            event_id: (event, room_id, time.monotonic())
            for event_id, (event, room_id) in self._journal.unread().items()
        }
        self._found: list[Request] = []
        self._questions = Allowance(config.limits.questions_per_minute)
        # Commands cost little, but each is an event in the room.
        self._commands = Allowance(5 * config.limits.questions_per_minute)
        self._refusals = Allowance(2)

    def unread(self) -> dict[str, tuple[dict, str]]:
        """What waits for its keys, for the journal: with what `requests` has found, nothing is lost."""
        return {
            event_id: (event, room_id) for event_id, (event, room_id, _) in self._unread.items()
        }

    async def requests(self, batch: Batch, since: str) -> list[Request]:
        found = self._found = []
        events = self._read_late()
        for stretch in batch.stretches:
            for event in await self._new_events(stretch, since):
                events.append((event, stretch.room_id, False))
        for event, room_id, late in events:
            try:
                request = await self._judged(event, room_id, late)
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                # A stranger's homeserver may send anything.
                log(
                    "an event makes no sense",
                    event_id=event.get("event_id"),
                    why=type(error).__name__,
                )
                self._telemetry.errors.labels("event").inc()
                continue
            if request:
                found.append(request)
        return found

    def _read_late(self) -> list[tuple[dict, str, bool]]:
        """Messages whose keys have come by now, and those for which that has taken too long."""
        found = []
        for event_id, (event, room_id, since) in list(self._unread.items()):
            clear = self._home.decrypted(room_id, event, quietly=True)
            late = time.monotonic() - since >= self._key_seconds
            if late or clear.get("type") != "m.room.encrypted":
                del self._unread[event_id]
                found.append((clear, room_id, late))
        return found

    async def _new_events(self, stretch: Stretch, since: str) -> list[dict]:
        events = since_invited(stretch.events, self._me.user_id)
        if stretch.before and len(events) == len(stretch.events):
            try:
                events = await self._home.missed(stretch, since) + events
            except HomeserverError as error:
                log(
                    "what was missed can not be read",
                    room=stretch.room_id,
                    code=error.code,
                )
        return since_invited(events, self._me.user_id)

    async def _judged(self, event: dict, room_id: str, late: bool) -> Request | None:
        """The request that an event is, if it is one and its sender may make it. `late`: its keys
        are not waited for."""
        sender, kind = event.get("sender", ""), event.get("type")
        if sender == self._me.user_id:
            return None
        room = await self._home.room(room_id)
        allowed = self._access.user(sender) and self._access.room(room_id, room.direct)
        if kind == "m.room.redaction" or (kind == "m.reaction" and allowed):
            self._stopped(event, room_id)
            content = event.get("content") or {}
            self._unread.pop(str(event.get("redacts") or content.get("redacts")), None)
        if kind in ("m.reaction", "m.room.redaction"):
            return None
        if kind == "m.room.encrypted" and allowed and not self._old(event):
            return self._not_read(event, room, sender, late)
        request = request_of(
            event,
            self._me,
            room,
            lambda root: self._journal.conversation(root, room_id),
            self._journal.is_answer,
            self._config.limits.prompt,
        )
        if not request:
            return None
        if not allowed:
            reason = "room" if self._access.user(sender) else "user"
            self._telemetry.refused.labels(reason).inc()
            log("refused", reason=reason, room=room_id, user=sender)
            return None
        if self._old(event):
            # For good, where a clock is wrong: whoever runs the bot has to find out.
            self._telemetry.refused.labels("old").inc()
            log("refused", reason="old", room=room_id, event_id=event.get("event_id"))
            return None
        if self._journal.seen(request.event_id):
            return None
        self._telemetry.messages.labels(type(request.command).__name__.lower()).inc()
        return self._within_limits(request)

    def _within_limits(self, request: Request) -> Request | None:
        """Perhaps turned into what its sender is told instead; None if he has been told enough."""
        now = time.monotonic()
        waiting = self._open_work() + len(self._found)
        if not isinstance(request.command, (Infer, BatchCommand)):
            room_left = waiting < 2 * self._config.limits.waiting
            return request if room_left and not self._commands.take(request.sender, now) else None
        seconds = self._questions.take(request.sender, now)
        if seconds:
            told = f"That is too much at once; ask again in {seconds:.0f} s."
            self._telemetry.refused.labels("too fast").inc()
        elif waiting >= self._config.limits.waiting:
            told = "Too many questions are waiting; ask again in a minute."
            self._telemetry.refused.labels("full").inc()
        else:
            return request
        if self._refusals.take(request.sender, now):
            return None
        return replace(request, command=Mistake(told), attachment=None)

    def _not_read(self, event: dict, room: Room, sender: str, late: bool) -> Request | None:
        """What its sender is told, once its keys may not come any longer."""
        event_id, can_read = event["event_id"], self._home.can_read(room.room_id)
        if can_read and not late and len(self._unread) < UNREAD_MAX:
            self._unread[event_id] = (event, room.room_id, time.monotonic())
            return None
        self._telemetry.refused.labels("encrypted").inc()
        every = DIRECT_HINT_EVERY if can_read and room.direct else HINT_EVERY
        if not self._journal.hint(room.room_id, every):
            return None
        told = _NOT_DECRYPTED if can_read else _NOT_READABLE
        return Request(event_id, room.room_id, sender, Mistake(told), direct=True)

    def _old(self, event: dict) -> bool:
        sent = event.get("origin_server_ts")
        within = self._config.limits.answer_within
        return not isinstance(sent, (int, float)) or time.time() - sent / 1000 > within
