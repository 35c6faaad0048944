"""The bot: what came is judged, taken into the journal and worked on; each request in a task of its
own. The order of two things matters: requests are taken in the transaction that moves the sync
position past them, and before that nobody works on them."""

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from rocket_matrix.access import Access
from rocket_matrix.answering import Answering, said
from rocket_matrix.batches import Batches
from rocket_matrix.commands import Batch as BatchCommand
from rocket_matrix.commands import Infer, Mistake
from rocket_matrix.gateway import GatewayError
from rocket_matrix.homeserver import Batch
from rocket_matrix.invitations import Invitations
from rocket_matrix.jobs import BadLines, card
from rocket_matrix.journal import Job, Work
from rocket_matrix.judge import Judge
from rocket_matrix.matrix_http import Away, HomeserverError, Limited, Refused
from rocket_matrix.parts import Parts
from rocket_matrix.places import Places
from rocket_matrix.replies import Replies
from rocket_matrix.requests import Identity, may_speak_since, stopped_by
from rocket_matrix.telemetry import fault, log
from rocket_matrix.typing_notices import TypingNotices

SYNC_RETRY_MAX = 5.0
# How often a request is begun again after a crash before it is given up: it may be the reason.
ATTEMPTS_MAX = 10
NOT_TAKEN = (
    "The homeserver, or what stands in front of it, does not take my answer ({}); ask in other "
    "words, or tell an admin."
)
# How many wishes to stop something are remembered for what is taken up only behind them.
STOPS_KEPT = 256


@dataclass
class Running:
    """An answer under way, for whoever wants it stopped."""

    work: Work
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Stop:
    """A wish that an answer or a job is stopped. `done`: the message is gone already, so its
    homeserver has let him."""

    sender: str
    room_id: str
    event_id: str
    done: bool


class Bot:
    def __init__(self, parts: Parts):
        self._parts = parts
        self._config = parts.config
        self._home = parts.home
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        self._batches = Batches(parts)
        self._typing = TypingNotices(parts.home.typing)
        self._places = Places(parts.config.limits.answers_at_once)
        self._running: dict[str, Running] = {}
        self._stops: deque[Stop] = deque(maxlen=STOPS_KEPT)
        self._watched: dict[str, Job] = {}  # those that are shown, by batch
        self._tasks: set[asyncio.Task] = set()
        self._open = 0

    async def run(self) -> None:
        """Until it is cancelled. HomeserverError: the token is refused."""
        parts, config = self._parts, self._config
        access = self._access = Access(
            config.users, config.admins, config.rooms, config.direct_messages
        )
        self._invitations = Invitations(parts, access)
        await self._invitations.know_aliases()
        me = Identity(self._home.user_id, self._home.display_name)
        self._judge = Judge(parts, access, me, lambda: self._open, self._stopped)
        self._answering = Answering(parts, access, me)
        self._replies = Replies(parts, access, self._batches, self._stop_newest)
        self._spawn(self._invitations.answer())
        try:
            await self._follow()
        finally:
            for task in list(self._tasks):
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=5)

    # What comes.

    async def _follow(self) -> None:
        first = True
        while True:
            since = self._journal.position()
            batch = await self._next(since, first)
            self._telemetry.synced()
            self._invitations.take(batch.invitations)
            # Before the very first sync nobody can have asked this bot anything.
            requests = await self._judge.requests(batch, since) if since else []
            rooms = self._back_in(batch)
            await self._move_choices(rooms)
            # What has waited for its keys too long is found while nothing comes, too.
            if batch.position != since or requests:
                for work in self._journal.take(batch.position, requests, self._judge.unread()):
                    self._begin(work)
            if first:
                first = False
                self._resume({request.event_id for request in requests})
            self._speak_again(rooms)

    async def _next(self, since: str, first: bool) -> Batch:
        """Until there is one. `/healthz` tells when that takes too long."""
        wait = 0.1
        while True:
            try:
                batch = await self._home.sync(since, whole_state=first)
                await self._home.keep_keys()
                return batch
            except Limited as limited:
                wait = limited.after
            except HomeserverError as error:
                if error.token_is_bad:
                    raise
                log("sync refused", code=error.code)
                wait = SYNC_RETRY_MAX
            except Exception as error:  # whatever the library makes of what it is sent
                if wait >= 1 or not isinstance(error, Away):
                    log("no sync", why=str(error) if isinstance(error, Away) else fault(error))
            self._telemetry.reconnects.inc()
            await asyncio.sleep(wait)
            wait = min(SYNC_RETRY_MAX, wait * 2)

    def _resume(self, begun: set[str]) -> None:
        """What an earlier life has taken and not done."""
        for work in self._journal.open_work():
            if work.request.event_id not in begun:
                self._begin(work)
                begun.add(work.request.event_id)
        for job in self._journal.open_jobs():
            if job.event_id not in begun:
                self._begin_watching(job)

    def _back_in(self, batch: Batch) -> set[str]:
        """Rooms that the bot is new in; or may have been put out of, and is back in."""
        return {
            each.room_id
            for each in batch.stretches
            if each.before or may_speak_since(each.events, self._home.user_id)
        }

    async def _move_choices(self, rooms: set[str]) -> None:
        """Into rooms to which others have been upgraded, before the first question there."""
        choices = self._journal.choices() if rooms else set()
        for room_id in rooms - choices if choices else ():
            before = await self._home.predecessor(room_id)
            if before in choices and await self._home.successor(before) == room_id:
                self._journal.move_choice(before, room_id)

    def _speak_again(self, rooms: set[str]) -> None:
        jobs = [job for job in (self._journal.open_jobs() if rooms else []) if job.card]
        if jobs:
            self._spawn(self._tell(jobs, rooms))

    async def _tell(self, jobs: list[Job], rooms: set[str]) -> None:
        """Also of those that were asked for in a room that has been upgraded to one of these."""
        before = {await self._home.predecessor(each) for each in rooms}
        for job in jobs:
            shown = self._watched.get(job.batch_id, job)
            if shown.room_id in before:
                try:
                    await self._batches.move(shown)
                except HomeserverError as error:
                    log("a job can not be moved", batch=shown.batch_id, code=error.code)
            if shown.room_id in rooms:
                self._begin_watching(shown)

    # What stops.

    def _stopped(self, event: dict, room_id: str) -> None:
        """A reaction to an answer or its question, or one of them taken back; or one to a job's card
        or what asked for it."""
        target = stopped_by(event)
        gone = event.get("type") == "m.room.redaction"
        if gone:
            content = event.get("content")
            target = event.get("redacts") or (content or {}).get("redacts", "")
        if not target:
            return
        # What an earlier life has begun is not taken up before the first sync has been read.
        stop = Stop(event.get("sender", ""), room_id, target, gone)
        self._stops.append(stop)
        for running in self._running.values():
            self._stop_if_meant(running, stop)
        for job in self._watched.values():
            self._call_off_if_meant(job, stop)

    def _stop_if_meant(self, running: Running, stop: Stop) -> None:
        request = running.work.request
        ours = stop.event_id == request.event_id or stop.event_id in running.work.parts
        may = stop.done or self._access.stop(stop.sender, request.sender)
        if ours and may and stop.room_id == request.room_id:
            running.stop.set()

    def _call_off_if_meant(self, job: Job, stop: Stop) -> None:
        """To delete what asked for a job cancels nothing."""
        ours = stop.event_id in (job.event_id, job.card) and stop.room_id == job.room_id
        if ours and not stop.done and self._access.stop(stop.sender, job.owner):
            self._spawn(self._batches.call_off(job))

    def _stop_newest(self, sender: str, room_id: str, thread: str) -> bool:
        """In a thread, what runs there; else what runs in the room. An admin stops anybody's, but
        his own first."""
        here = [
            running
            for running in self._running.values()
            if running.work.request.room_id == room_id
            and thread in ("", running.work.request.thread, running.work.request.event_id)
            and self._access.stop(sender, running.work.request.sender)
            and not running.stop.is_set()
        ]
        here.sort(key=lambda running: (running.work.request.sender == sender, running.began))
        if here:
            here[-1].stop.set()
        return bool(here)

    # What is done.

    def _begin(self, work: Work) -> None:
        self._open += 1
        self._telemetry.waiting.set(self._open)
        self._spawn(self._work(work))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, work: Work) -> None:
        """Cancelled, it stays in the journal."""
        request = work.request
        outcome = "lost"
        try:
            outcome = await self._done(work)
        except HomeserverError as error:
            if error.token_is_bad:
                return  # the bot ends, and goes on with another token
            # Nothing can be said there: the bot is out of the room, or may not speak. Or it is what
            # it says that is refused, as by a proxy that looks for attacks: less may be let through.
            log("not answered", event_id=request.event_id, code=error.code)
            self._telemetry.errors.labels("send").inc()
            if isinstance(error, Refused):
                with contextlib.suppress(Exception):
                    await self._say(work, NOT_TAKEN.format(error))
        except Exception as error:
            log("failed", event_id=request.event_id, why=fault(error))
            self._telemetry.errors.labels("bug").inc()
            with contextlib.suppress(Exception):
                await self._say(work, "That went wrong in a way I did not expect; tell an admin.")
        self._open -= 1
        self._telemetry.waiting.set(self._open)
        self._telemetry.answers.labels(outcome).inc()
        try:
            self._journal.finish(work)
        except sqlite3.Error as error:
            # Begun again with the next start, it is written into the same messages.
            log("not written down", event_id=request.event_id, why=str(error))
            self._telemetry.errors.labels("journal").inc()

    async def _done(self, work: Work) -> str:
        request = work.request
        if work.attempts >= ATTEMPTS_MAX and work.outbox is None:
            await self._say(work, "I have tried that too often; ask again.")
            return "lost"
        if isinstance(request.command, Infer):
            return await self._infer(work)
        if isinstance(request.command, BatchCommand):
            return await self._batch(work)
        if work.outbox is None:
            try:
                told = await self._replies.reply(request)
            except GatewayError as error:
                told = error.message
            await self._say(work, told)
        else:
            await self._answering.deliver(work)
        return "mistake" if isinstance(request.command, Mistake) else "ok"

    async def _infer(self, work: Work) -> str:
        request = work.request
        root = request.thread or ("" if request.direct else request.event_id)
        if root:
            self._journal.converse(root, request.room_id)
        running = self._running[request.event_id] = Running(work)
        for stop in self._stops:
            self._stop_if_meant(running, stop)
        try:
            async with self._typing.shown(request.room_id), self._places.taken(running.stop):
                with self._telemetry.running.track_inprogress():
                    return await self._answering.answer(work, running.stop)
        finally:
            del self._running[request.event_id]

    async def _batch(self, work: Work) -> str:
        if work.outbox is None:
            work.attempts += 1
            self._journal.save(work)
            try:
                told = card(await self._batches.submit(work), time.time())
            except (GatewayError, BadLines, HomeserverError) as error:
                told = getattr(error, "message", str(error))
            await self._say(work, told)
        else:
            await self._answering.deliver(work)
        job = self._journal.job_of(work.request.event_id)
        if not job:
            return "error"
        job.card = work.parts[0]
        self._journal.save_job(job)
        self._begin_watching(job)
        return "ok"

    def _begin_watching(self, job: Job) -> None:
        if job.batch_id not in self._watched:
            self._watched[job.batch_id] = job
            self._spawn(self._watch(job))
            for stop in self._stops:
                self._call_off_if_meant(job, stop)

    async def _watch(self, job: Job) -> None:
        """Where nothing can be said just now it stays open, until that may have changed."""
        self._telemetry.jobs.inc()
        try:
            await self._batches.watch(job)
        except HomeserverError as error:
            log("a job can not be shown", batch=job.batch_id, code=error.code)
            self._telemetry.errors.labels("job").inc()
            if not error.unheard and not error.token_is_bad:
                job.done = True
                self._journal.save_job(job)
        except Exception as error:
            log("failed", batch=job.batch_id, why=fault(error))
            self._telemetry.errors.labels("bug").inc()
        finally:
            del self._watched[job.batch_id]
            self._telemetry.jobs.dec()

    async def _say(self, work: Work, told: str) -> None:
        work.outbox = said(work, told)
        self._journal.save(work)
        await self._answering.deliver(work)
