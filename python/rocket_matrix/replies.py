"""What the commands answer that ask no model. Markdown."""

import difflib
from collections.abc import Callable

from rocket_matrix import jobs
from rocket_matrix.access import Access
from rocket_matrix.batches import Batches
from rocket_matrix.commands import (
    HELP,
    Backends,
    Cancel,
    Help,
    Mistake,
    Models,
    SetModel,
    Status,
)
from rocket_matrix.gateway import GatewayError
from rocket_matrix.journal import Job
from rocket_matrix.parts import Parts
from rocket_matrix.requests import Request

LISTED_MAX = 100


class Replies:
    """`stop(sender, room, thread)`: stops the newest answer of his that runs there; whether there
    was one."""

    def __init__(
        self, parts: Parts, access: Access, batches: Batches, stop: Callable[[str, str, str], bool]
    ):
        self._config = parts.config
        self._home = parts.home
        self._gateway = parts.gateway
        self._journal = parts.journal
        self._access = access
        self._batches = batches
        self._stop = stop

    async def reply(self, request: Request) -> str:
        """GatewayError: what to tell instead."""
        match request.command:
            case Mistake(message):
                return message
            case Help():
                return HELP
            case Models():
                return await self._models()
            case SetModel(name):
                return await self._set_model(request, name)
            case Backends():
                return await self._backends()
            case Status(job):
                return await self._status(request, job)
            case Cancel(job):
                return await self._cancel(request, job)
        raise AssertionError(f"{request.command} is no such command")

    async def _listed(self) -> list[tuple[str, str]]:
        """Models with their backends."""
        found = await self._gateway.ask("GET", "/v1/models")
        data = found.get("data") if isinstance(found, dict) else None
        return [
            (_plain(each.get("id")), _plain(each.get("owned_by")))
            for each in (data if isinstance(data, list) else [])
            if isinstance(each, dict)
        ]

    async def _models(self) -> str:
        listed = await self._listed()
        if not listed:
            return "No backend lists a model just now; `!backends` tells how they are."
        lines = [f"- `{model}` ({backend})" for model, backend in sorted(listed)[:LISTED_MAX]]
        if len(listed) > LISTED_MAX:
            lines.append(f"- and {len(listed) - LISTED_MAX} more")
        return "\n".join(lines)

    async def _set_model(self, request: Request, name: str) -> str:
        configured = self._config.defaults_of(request.room_id).model
        if not name:
            chosen = self._journal.model(request.room_id) or configured
            return (
                f"This room asks `{_plain(chosen)}`."
                if chosen
                else "This room asks whatever Rocket chooses."
            )
        power = await self._home.power(request.room_id, request.sender)
        if not self._access.set_model(request.sender, power):
            return "Only admins and this room's moderators choose its model; ask one of them."
        if name == "default":
            self._journal.choose_model(request.room_id, "")
            return f"This room asks {f'`{_plain(configured)}`' if configured else 'whatever Rocket chooses'} again."
        known = sorted({model for model, _ in await self._listed()})
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean `{close[0]}`?" if close else "`!models` lists what there is."
            return f"No backend has a model `{_plain(name)}`; {meant}"
        self._journal.choose_model(request.room_id, name)
        return f"This room asks `{_plain(name)}` from now on."

    async def _backends(self) -> str:
        if not self._config.rocket_admin_url:
            more = "More is known where an admin has set `rocket_admin_url`."
            return f"{await self._listed_by_backend()}\n\n{more}"
        try:
            return await self._states()
        except GatewayError:
            more = "Rocket's admin port (`rocket_admin_url`) does not answer."
            return f"{await self._listed_by_backend()}\n\n{more}"

    async def _listed_by_backend(self) -> str:
        counted: dict[str, int] = {}
        for _, backend in await self._listed():
            counted[backend] = counted.get(backend, 0) + 1
        lines = [f"- `{name}`: lists {_models(count)}" for name, count in sorted(counted.items())]
        return "\n".join(lines) or "No backend lists a model just now."

    async def _states(self) -> str:
        found = await self._gateway.ask("GET", "/backends", admin=True)
        backends = found.get("backends") if isinstance(found, dict) else None
        lines = []
        for backend in backends or []:
            states = [_endpoint(each) for each in backend.get("endpoints") or []]
            lines.append(f"- `{_plain(backend.get('name'))}`: {'; '.join(states) or 'no endpoint'}")
        return "\n".join(lines) or "There is no backend."

    def _job(self, request: Request, batch_id: str) -> Job | None:
        """A job of this room that the sender may see."""
        job = self._journal.job(batch_id)
        here = job and job.room_id == request.room_id
        return job if job and here and self._access.stop(request.sender, job.owner) else None

    async def _status(self, request: Request, batch_id: str) -> str:
        if batch_id:
            job = self._job(request, batch_id)
            if not job:
                return f"You have no job `{_plain(batch_id)}` in this room; `!status` lists yours."
            return jobs.summary(await self._batches.get(job.batch_id))
        mine = self._journal.jobs_of(request.sender, request.room_id)
        if not mine:
            return "You have no jobs in this room."
        return "\n".join(f"- `{_plain(job.batch_id)}` {_state(job)}" for job in mine[:20])

    async def _cancel(self, request: Request, batch_id: str) -> str:
        if not batch_id:
            if self._stop(request.sender, request.room_id, request.thread):
                return "Stopping."
            return "Nothing of yours runs here. `!cancel ID` stops a job."
        job = self._job(request, batch_id)
        if not job:
            return f"You have no job `{_plain(batch_id)}` in this room; `!status` lists yours."
        if job.done:
            return f"Job `{_plain(batch_id)}` has ended already."
        try:
            await self._batches.cancel(job.batch_id)
        except GatewayError as error:
            return error.message
        return f"Job `{_plain(batch_id)}` is being cancelled."


def _state(job: Job) -> str:
    return job.status or ("given up" if job.done else "in progress")


def _models(count: int) -> str:
    return f"{count} model" + ("" if count == 1 else "s")


def _endpoint(endpoint: dict) -> str:
    """An endpoint in a few words."""
    verdict = _plain(endpoint.get("verdict"))
    reason = _plain(endpoint.get("reason"))
    text = f"{_plain(endpoint.get('id'))} {verdict}"
    if reason and verdict != "healthy":
        text += f" ({reason})"
    if endpoint.get("breaker") not in (None, "closed"):
        text += f", breaker {_plain(endpoint.get('breaker'))}"
    return text + f", {endpoint.get('in_flight', 0)} in flight"


def _plain(value: object) -> str:
    """A name inside a line of Markdown."""
    return "".join(
        each for each in str(value or "")[:128] if each.isprintable() and each not in "`*<>|[]"
    )
