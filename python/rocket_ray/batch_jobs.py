"""Which Ray jobs the batches at work should have. Pure: told what Ray knows, the clock passed in.

A batch has one job at a time, whose submission id is the batch's and a number. All replicas decide
by the same rule from the same facts, so it does not matter which of them is the first: Ray refuses
a second job of the same id.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

BATCH_ID = re.compile(r"batch_[a-z0-9]{16,32}")
SUBMISSION_ID = re.compile(rf"({BATCH_ID.pattern})-([1-9][0-9]{{0,5}})")
# A job that has lived so long has not failed for a reason that is still there, probably.
LONG_S = 30.0
PAUSE_MAX_S = 10.0
# Afterwards Ray need not remember the job of a batch that has ended.
KEPT_S = 3600.0


@dataclass(frozen=True)
class Nodes:
    """Ray's: which ones live, and since when its head does, in seconds since 1970."""

    alive: frozenset[str] = frozenset()
    head_since: float = 0.0


@dataclass(frozen=True)
class Job:
    """One that Ray knows; times in seconds since 1970, 0: not (yet). `node`: where it runs."""

    submission_id: str
    status: str
    started: float = 0.0
    ended: float = 0.0
    node: str = ""

    def lives(self, nodes: Nodes) -> bool:
        """Ray itself goes on saying so of a job whose node has died with the head, until the next
        head is asked to submit another one; and of one that the head had not begun for longer."""
        if self.status == "PENDING":
            return self.started >= nodes.head_since
        return self.status == "RUNNING" and self.node in nodes.alive


@dataclass(frozen=True)
class Submit:
    """A job for this batch; its number makes its submission id."""

    batch: str
    number: int

    @property
    def submission_id(self) -> str:
        return f"{self.batch}-{self.number}"

    @property
    def entrypoint(self) -> str:
        """Nothing of a request gets here: the id is one that the gateway has made."""
        if not BATCH_ID.fullmatch(self.batch):
            raise ValueError("no batch's id")
        return f"python -m rocket_ray.batch_job {self.batch} {self.number:d}"


@dataclass(frozen=True)
class Forget:
    """A job that has ended, of a batch that has."""

    submission_id: str


def decide(
    batches: Iterable[str], jobs: Iterable[Job], nodes: Nodes, now: float, most: int
) -> list[Submit | Forget]:
    """`batches`: those whose lines wait to be asked, the oldest first; `most`: jobs at once."""
    known: dict[str, dict[int, Job]] = {}
    for job in jobs:
        if found := SUBMISSION_ID.fullmatch(job.submission_id):
            known.setdefault(found[1], {})[int(found[2])] = job
    waiting = list(batches)
    live = sum(job.lives(nodes) for numbered in known.values() for job in numbered.values())
    todo: list[Submit | Forget] = []
    for batch in waiting:
        numbered = known.get(batch, {})
        if live >= most or any(job.lives(nodes) for job in numbered.values()):
            continue
        if now >= next_at(numbered):
            todo.append(Submit(batch, max(numbered, default=0) + 1))
            live += 1
    for batch in known.keys() - set(waiting):
        for job in known[batch].values():
            if job.ended and now - job.ended > KEPT_S:
                todo.append(Forget(job.submission_id))
    return todo


def next_at(numbered: dict[int, Job]) -> float:
    """When a batch whose jobs have all ended may have another one: at once, and ever later while
    they end soon. A job that is lost has no end."""
    if not numbered:
        return 0.0
    short = 0
    for number in sorted(numbered, reverse=True):
        job = numbered[number]
        if job.ended - job.started >= LONG_S:
            break
        short += 1
    pause = min(2.0 ** (short - 1), PAUSE_MAX_S) if short else 0.0
    return numbered[max(numbered)].ended + pause
