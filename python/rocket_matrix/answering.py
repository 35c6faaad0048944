"""One question, from the conversation it stands in to its finished answer in the room.

An answer is one message that grows by edits, and further ones where it is too long for one. Which
messages there are is written down before they are sent, and their transaction ids come from the
question's event id: whoever does this again, after a crash at any moment, finds them again.
"""

import asyncio
import hashlib
import time
from contextlib import aclosing
from dataclasses import dataclass, field

from rocket_matrix.access import Access
from rocket_matrix.commands import Infer
from rocket_matrix.config import Defaults
from rocket_matrix.conversation import answered_by, messages_of, trimmed, turns_of
from rocket_matrix.gateway import GatewayError
from rocket_matrix.journal import Work
from rocket_matrix.matrix_http import Away, HomeserverError, Limited
from rocket_matrix.messages import (
    Source,
    editing,
    finished,
    fits,
    growing,
    notice,
    replying,
)
from rocket_matrix.pace import Pace
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Identity, Request
from rocket_matrix.split import split
from rocket_matrix.telemetry import log

# How many messages of a thread, or of a direct message, are looked at for what was said before.
HISTORY_EVENTS = 60
# How long a gateway that restarts, or is full, is asked again before anything has been said.
PATIENCE = 30.0
PATIENT_WITH = (-1, 429, 503)
NOTHING = "The model said nothing; ask in other words, or another model."
# As those do that think first, which is not shown.
NOTHING_YET = (
    "The model reached its limit of tokens before it said anything; ask for less, or an admin for "
    "more (`defaults.max_tokens`)."
)


def transaction(event_id: str, part: int, *more: object) -> str:
    """The transaction id of one of the messages that answer an event."""
    digest = hashlib.sha256(event_id.encode()).hexdigest()[:32]
    return ".".join(str(each) for each in ("r" + digest, part, *more))


@dataclass
class Growing:
    """What is known of an answer while it is written."""

    text: str = ""
    source: Source = field(default_factory=Source)
    first_token: float | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, text: str, now: float) -> None:
        if not text:
            return
        if self.first_token is None:
            self.first_token = now
        self.text += text
        self.changed.set()


class Answering:
    def __init__(self, parts: Parts, access: Access, me: Identity):
        self._config = parts.config
        self._home = parts.home
        self._gateway = parts.gateway
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        self._access = access
        self._me = me

    def settings(self, room_id: str) -> Defaults:
        return self._config.defaults_of(room_id)

    async def answer(self, work: Work, stop: asyncio.Event) -> str:
        """Until it stands in the room. How it ended: ok, stopped, error."""
        outcome = "ok"
        if work.outbox is None:
            work.attempts += 1
            self._journal.save(work)
            text, source, outcome = await self._write(work, stop)
            work.outbox = outbox(work, text, source)
            self._journal.save(work)
        await self.deliver(work)
        return outcome

    async def deliver(self, work: Work) -> None:
        """Sends what is in the outbox, any part of it perhaps for the second time."""
        request = work.request
        for item in work.outbox or []:
            part = item["part"]
            if part == len(work.parts):
                work.parts.append("")
                self._journal.save(work)
            if not work.parts[part]:
                content = self._placed(item["content"], request)
                txn = transaction(request.event_id, part)
                work.parts[part] = await self._home.send(request.room_id, content, txn)
                self._journal.save(work)
            event_id = work.parts[part]
            txn = transaction(request.event_id, part, "final", work.attempts)
            if item["do"] == "edit":
                await self._home.send(request.room_id, editing(item["content"], event_id), txn)
            elif item["do"] == "redact":
                await self._home.redact(request.room_id, event_id, txn)

    def _placed(self, content: dict, request: Request) -> dict:
        """In the question's thread; a question in a room begins one."""
        thread = request.thread or ("" if request.direct else request.event_id)
        return replying(content, request.event_id, thread)

    async def _write(self, work: Work, stop: asyncio.Event) -> tuple[str, Source, str]:
        """Asks, and shows what comes while it comes."""
        began = time.monotonic()
        answer = Growing()
        showing = asyncio.create_task(self._show(work, answer))
        reading = asyncio.create_task(self._read(work, answer))
        stopping = asyncio.create_task(stop.wait())
        outcome = "ok"
        try:
            await _first_of(reading, stopping, showing)
            if showing.done() and not showing.cancelled() and (error := showing.exception()):
                raise error  # nobody would see the answer: it is not asked for any longer
            await _first_of(reading, stopping)
            if not reading.done():
                outcome = "stopped"
                reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled() and (error := reading.exception()):
                if not isinstance(error, GatewayError):
                    raise error
                outcome = "error"
                answer.source = _with_note(answer.source, error.message)
            elif outcome == "stopped":
                answer.source = _with_note(answer.source, "Stopped.")
        finally:
            # A message under way is waited for: it must not overtake what comes after it.
            answer.closing.set()
            for task in (reading, stopping):
                task.cancel()
            await asyncio.gather(reading, stopping, showing, return_exceptions=True)
        return (
            answer.text.strip(),
            _timed(answer.source, time.monotonic() - began),
            outcome,
        )

    async def _read(self, work: Work, answer: Growing) -> None:
        body, backend = await self._question(work.request)
        deadline, wait = time.monotonic() + PATIENCE, 0.5
        while True:
            try:
                await self._stream(work, body, backend, answer)
                return
            except GatewayError as error:
                wait = max(wait, error.after)
                hopeless = error.status not in PATIENT_WITH or time.monotonic() + wait > deadline
                if answer.text or hopeless:
                    raise
            await asyncio.sleep(wait)
            wait = min(4.0, wait * 2)

    async def _stream(self, work: Work, body: dict, backend: str, answer: Growing) -> None:
        most, cut = self._config.limits.answer, False
        request_id = transaction(work.request.event_id, work.attempts)
        async with aclosing(self._gateway.chat(body, backend, request_id)) as pieces:
            async for piece in pieces:
                cut = piece.cut
                note = "Cut: the model reached its limit of tokens." if cut else ""
                answer.source = Source(piece.backend, piece.model, piece.tokens, note=note)
                answer.add(piece.text, time.monotonic())
                if len(answer.text) > most:
                    answer.source = _with_note(answer.source, f"Cut at {most >> 10} KiB.")
                    return
        if not answer.text.strip():
            raise GatewayError(NOTHING_YET if cut else NOTHING)

    async def _question(self, request: Request) -> tuple[dict, str]:
        """The body for Rocket, and the backend it is to go to, if any."""
        command = request.command
        assert isinstance(command, Infer)
        settings = self.settings(request.room_id)
        try:
            events = await self._said_before(request)
        except HomeserverError as error:
            log("what was said before can not be read", room=request.room_id, code=error.code)
            events = []
        turns = turns_of(
            events,
            self._me,
            self._access.user,
            self._journal.unanswered,
            request.event_id,
            command.prompt,
        )
        model = command.model or self._journal.model(request.room_id)
        messages = messages_of(trimmed(turns, settings.context), settings.system)
        body = {"messages": messages, **settings.asking(model)}
        return body, command.backend or settings.backend

    async def _said_before(self, request: Request) -> list[dict]:
        if request.direct and not request.thread:
            return await self._home.recent(request.room_id, HISTORY_EVENTS)
        events: list[dict] = []
        if request.thread:
            events = await self._home.thread(request.room_id, request.thread, HISTORY_EVENTS)
        elif request.replies_to:
            events = [await self._home.event(request.room_id, request.replies_to)]
        # What begins with an answer is about its question as well.
        if events and (question := answered_by(events[0], self._me)):
            events.insert(0, await self._home.event(request.room_id, question))
        return events

    async def _show(self, work: Work, answer: Growing) -> None:
        """Edits the messages as the text grows, until `closing`."""
        pace = Pace(self._config.edit_interval)
        shown: dict[int, str] = {}
        number = 0
        while await _either(answer.changed, answer.closing):
            await _pass(answer.closing, pace.wait(time.monotonic()))
            if answer.closing.is_set():
                return
            answer.changed.clear()
            parts = split(answer.text.lstrip(), lambda part: fits(growing(part)))
            for index, part in enumerate(parts):
                if not part.strip():
                    break
                if shown.get(index) == part:
                    continue
                number += 1
                try:
                    await self._show_part(work, index, growing(part), number)
                except (Limited, Away) as late:
                    # It is not tried again by itself: by then there is more to show.
                    after = late.after if isinstance(late, Limited) else 1.0
                    pace.limited(time.monotonic(), after)
                    answer.changed.set()
                    break
                except HomeserverError as error:
                    if error.unheard:
                        raise
                    log("not shown", event_id=work.request.event_id, code=error.code)
                    return  # the whole answer may still be taken
                now = time.monotonic()
                if not shown and answer.first_token is not None:
                    self._telemetry.first_text.observe(now - answer.first_token)
                shown[index] = part
                pace.sent(now)

    async def _show_part(self, work: Work, index: int, content: dict, number: int) -> None:
        request = work.request
        if index == len(work.parts):
            work.parts.append("")
            self._journal.save(work)
        if not work.parts[index]:
            txn = transaction(request.event_id, index)
            placed = self._placed(content, request)
            work.parts[index] = await self._home.try_send(request.room_id, placed, txn)
            self._journal.save(work)
            if work.attempts == 1:
                return
        txn = transaction(request.event_id, index, work.attempts, number)
        edit = editing(content, work.parts[index])
        await self._home.try_send(request.room_id, edit, txn)
        self._telemetry.edits.inc()


def said(work: Work, told: str) -> list[dict]:
    """What the bot itself has to say, as what is left to send; long lists take several messages."""
    return _items(work, [notice(part) for part in split(told, lambda part: fits(notice(part)))])


def outbox(work: Work, text: str, source: Source) -> list[dict]:
    """What makes of the messages that there are the finished answer."""
    if text:
        parts = split(text, lambda part: fits(finished(part, source, True, True)))
        contents = [
            finished(part, source, index == 0, index == len(parts) - 1)
            for index, part in enumerate(parts)
        ]
    else:
        contents = [notice(source.note or "Nothing came.")]
    return _items(work, contents)


def _items(work: Work, contents: list[dict]) -> list[dict]:
    items = [
        {
            "do": "edit" if index < len(work.parts) else "send",
            "part": index,
            "content": content,
        }
        for index, content in enumerate(contents)
    ]
    # An earlier attempt, before a crash, may have come further than this one.
    items += [
        {"do": "redact", "part": index, "content": notice("…")}
        for index in range(len(contents), len(work.parts))
    ]
    return items


def _with_note(source: Source, note: str) -> Source:
    return Source(source.backend, source.model, source.tokens, source.seconds, note)


def _timed(source: Source, seconds: float) -> Source:
    return Source(source.backend, source.model, source.tokens, seconds, source.note)


async def _first_of(*tasks: asyncio.Task) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _either(one: asyncio.Event, other: asyncio.Event) -> bool:
    """Waits for either of two. Whether it is not the second."""
    tasks = [asyncio.create_task(each.wait()) for each in (one, other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return not other.is_set()


async def _pass(event: asyncio.Event, seconds: float) -> None:
    """Lets a time pass, but not longer than until the event."""
    if seconds > 0:
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
