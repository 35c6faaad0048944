"""`!batch`: over Rocket's Files and Batches API, as OpenAI documents it. A batch knows the event that
asked for it, so a crash between making and noting it makes no second one; what is shown of it in the
room has transaction ids of its own."""

import asyncio
import hashlib
import json
import time

import aiohttp

from rocket_matrix import jobs
from rocket_matrix.commands import Batch
from rocket_matrix.gateway import GatewayError
from rocket_matrix.journal import Job, Work
from rocket_matrix.matrix_http import HomeserverError
from rocket_matrix.messages import editing, notice, replying
from rocket_matrix.pace import Pace
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Request, attachment_of
from rocket_matrix.telemetry import log

POLL = 2.0
POLL_MAX = 15.0
# How long Rocket may not say how far a batch is, as while it restarts, before its card says so.
UNKNOWN_SECONDS = 10.0
# How long it is asked whether a batch has been made when the connection broke over that.
PATIENCE = 30.0
_NONE_HERE = "This Rocket has no batches; ask an admin for a newer one, or use `!infer`."


class Batches:
    def __init__(self, parts: Parts):
        self._config = parts.config
        self._home = parts.home
        self._gateway = parts.gateway
        self._journal = parts.journal
        self._telemetry = parts.telemetry
        # A file is in memory two or three times while it is passed on: one of each sort at a time.
        self._one_attachment = asyncio.Lock()
        self._one_result = asyncio.Lock()

    async def submit(self, work: Work) -> dict:
        """Makes the batch that is asked for, once. GatewayError and HomeserverError tell the person."""
        request = work.request
        if work.attempts == 1 and len(self._journal.open_jobs()) >= self._config.limits.jobs:
            raise GatewayError("Too many jobs run just now; ask again when one of them has ended.")
        mark = hashlib.sha256(request.event_id.encode()).hexdigest()[:32]
        batch = await self._made_before(mark) if work.attempts > 1 else None
        if not batch:
            batch = await self._make_anew(work, mark)
        job = Job(
            str(batch["id"]),
            request.event_id,
            request.room_id,
            request.thread,
            request.sender,
        )
        if not job.thread and not request.direct:
            job.thread = request.event_id
        self._journal.add_job(job)
        return batch

    async def get(self, batch_id: str) -> dict:
        return await self._ask("GET", f"/v1/batches/{batch_id}")

    async def cancel(self, batch_id: str) -> dict:
        return await self._ask("POST", f"/v1/batches/{batch_id}/cancel")

    async def call_off(self, job: Job) -> None:
        """As a reaction asks for it. Its card shows what comes of that; what does not work is said."""
        try:
            await self.cancel(job.batch_id)
        except GatewayError as error:
            try:
                await self._place(job, notice(error.message), f"call_off.{time.time_ns()}")
            except HomeserverError as unsaid:
                log("a job is not cancelled", batch=job.batch_id, code=unsaid.code)

    async def watch(self, job: Job) -> None:
        """Until the batch has ended and its results are in the room."""
        pace, shown, wait = (
            Pace(max(POLL, self._config.edit_interval)),
            job.status,
            POLL,
        )
        known, since = f"**Batch** `{job.batch_id}`", time.monotonic()
        while True:
            try:
                batch = await self.get(job.batch_id)
            except GatewayError as error:
                if error.unknown:
                    batch = {"id": job.batch_id, "status": "failed"}
                    batch["errors"] = {"data": [{"message": "Rocket does not know it any more."}]}
                else:
                    told = f"{known}  \nNot known just now: {error.message}"
                    if time.monotonic() - since >= UNKNOWN_SECONDS and told != shown:
                        await self._edit_card(job, told)
                        shown = told
                    await asyncio.sleep(wait)
                    wait = min(POLL_MAX, wait * 1.5)
                    continue
            known = told = jobs.card(batch, time.time())
            since = time.monotonic()
            if told != shown and job.card:
                await self._edit_card(job, told)
                shown, wait = told, POLL
            else:
                wait = min(POLL_MAX, wait * 1.2)
            if jobs.ended(batch):
                await self._deliver(job, batch)
                job.status, job.done = str(batch.get("status")), True
                self._journal.save_job(job)
                return
            pace.sent(time.monotonic())
            await asyncio.sleep(max(wait, pace.wait(time.monotonic())))

    async def _make_anew(self, work: Work, mark: str) -> dict:
        request, command = work.request, work.request.command
        assert isinstance(command, Batch)
        attachment = request.attachment
        if not attachment and request.replies_to and not command.prompts:
            event = await self._home.event(request.room_id, request.replies_to)
            attachment = attachment_of(event.get("content") or {})
        if attachment:
            async with self._one_attachment:
                found = await self._home.download(attachment, self._config.limits.attachment)
                data = jobs.without_mark(found)
                return await self._make(data, jobs.endpoint_of(data), mark)
        return await self._make(self._lines(request, command), jobs.ENDPOINTS[0], mark)

    def _lines(self, request: Request, command: Batch) -> bytes:
        if not command.prompts:
            raise jobs.BadLines(
                "There is nothing to do. Write one prompt a line below `!batch`, or make it the "
                "caption of a JSONL file, or reply to one with it."
            )
        settings = self._config.defaults_of(request.room_id)
        model = command.model or self._journal.model(request.room_id)
        asking = settings.asking(model)
        if backend := command.backend or settings.backend:
            asking["backend"] = backend
        return jobs.lines_of(command.prompts, asking, settings.system)

    async def _make(self, data: bytes, endpoint: str, mark: str) -> dict:
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", data, filename="matrix.jsonl", content_type="application/jsonl")
        made = await self._ask("POST", "/v1/files", form=form)
        body = {
            "input_file_id": made.get("id"),
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": {"matrix_event": mark},
        }
        try:
            return await self._ask("POST", "/v1/batches", body=body)
        except GatewayError as error:
            if not error.broken:
                raise
            batch = await self._made_in_spite(mark)
            if not batch:
                raise
            return batch

    async def _made_in_spite(self, mark: str) -> dict | None:
        """Whether Rocket has made a batch and was gone before it could say so. GatewayError: it
        does not come back to tell."""
        deadline, wait = time.monotonic() + PATIENCE, 0.5
        while True:
            try:
                return await self._made_before(mark)
            except GatewayError as error:
                if not error.again or time.monotonic() + wait > deadline:
                    raise
            await asyncio.sleep(wait)
            wait = min(4.0, wait * 2)

    async def _made_before(self, mark: str) -> dict | None:
        """The batch that an earlier attempt, before a crash, has made."""
        listed = await self._ask("GET", "/v1/batches?limit=100")
        for batch in listed.get("data") or []:
            if ((batch or {}).get("metadata") or {}).get("matrix_event") == mark:
                return batch
        return None

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: dict | None = None,
        form: aiohttp.FormData | None = None,
    ) -> dict:
        try:
            found = await self._gateway.ask_bytes(method, path, body=body, form=form)
            answer = json.loads(found)
        except GatewayError as error:
            if error.unknown and "batch_" not in path:
                raise GatewayError(_NONE_HERE, status=error.status) from error
            raise
        except ValueError as error:
            raise GatewayError(_NONE_HERE) from error
        if not isinstance(answer, dict) or "error" in answer:
            raise GatewayError(_NONE_HERE)
        return answer

    async def _edit_card(self, job: Job, told: str) -> None:
        # It may have said the same before, and something else since.
        txn = f"{_base(job)}.card.{time.time_ns()}"
        try:
            await self._home.send(job.room_id, editing(notice(told), job.card), txn)
        except HomeserverError as error:
            log("a card can not be edited", batch=job.batch_id, code=error.code)
            await self.move(job, told)

    async def move(self, job: Job, told: str = "") -> None:
        """If its room has been upgraded: all that is left to tell is told in the new one, below a
        card of its own."""
        if room_id := await self._home.successor(job.room_id):
            told = told or f"**Batch** `{job.batch_id}`"
            content = notice(f"Asked for before this room was upgraded:\n\n{told}")
            card = await self._home.send(room_id, content, f"{_base(job)}.moved")
            job.room_id, job.thread, job.card = room_id, card, card
            self._journal.save_job(job)

    async def _deliver(self, job: Job, batch: dict) -> None:
        """Files and a summary, each once: a homeserver knows their transaction ids."""
        told = jobs.summary(batch)
        for name in ("output", "error"):
            file_id = batch.get(f"{name}_file_id")
            if (
                not isinstance(file_id, str)
                or not file_id.replace("-", "").replace("_", "").isalnum()
            ):
                continue
            async with self._one_result:
                data = await self._content(file_id)
                shown = data is not None and await self._attached(job, data, name)
                data = None
            if not shown:
                told += f"\nIts {name} file can not be shown here; ask an admin for `{file_id}`."
        await self._place(job, notice(told), "summary")

    async def _attached(self, job: Job, data: bytes, name: str) -> bool:
        """False: the homeserver does not take it, as a file that is too large."""
        file_name = f"{job.batch_id}.{name}.jsonl"
        try:
            content = await self._home.attach(job.room_id, data, file_name, "application/jsonl")
        except HomeserverError as error:
            log("results are not taken", batch=job.batch_id, code=error.code)
            self._telemetry.errors.labels("results").inc()
            return False
        await self._place(job, content, name)
        return True

    async def _content(self, file_id: str) -> bytes | None:
        """None: it can not be had."""
        path, wait, most = f"/v1/files/{file_id}/content", 0.5, self._config.limits.results
        while True:
            try:
                return await self._gateway.ask_bytes("GET", path, most=most)
            except GatewayError as error:
                if not error.again:
                    log("results can not be had", file=file_id, status=error.status)
                    self._telemetry.errors.labels("results").inc()
                    return None
            await asyncio.sleep(wait)
            wait = min(POLL_MAX, wait * 2)

    async def _place(self, job: Job, content: dict, name: str) -> None:
        # What has asked for it may be in a room that was.
        question = job.card if job.thread == job.card else job.event_id
        placed = replying(content, question, job.thread)
        await self._home.send(job.room_id, placed, f"{_base(job)}.{name}")


def _base(job: Job) -> str:
    return "j" + hashlib.sha256(job.batch_id.encode()).hexdigest()[:32]
