"""What must survive the bot: which requests are taken, how far each is, and where in the
homeserver's stream of events it stands. One SQLite file of mode 0600.

A request is *taken* in the same transaction that moves the sync position past it, and stays until
it is *done*. So whenever the bot dies, each event that came is either seen again or found here.
An event that can not be read yet, since its keys are late, is kept in the same way until it can.
What people said is forgotten when it has been answered; ids are kept for a week, so that events
that come again are known.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rocket_matrix.requests import Request

SCHEMA_VERSION = 1
KEPT_SECONDS = 7 * 86400
# A batch has a day to end; then there is another to be let into its room again.
JOB_SECONDS = 2 * 86400

_SCHEMA = """
CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE work (
  event_id TEXT PRIMARY KEY,
  taken REAL NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  request TEXT,                        -- null once it is done
  attempts INTEGER NOT NULL DEFAULT 0,
  parts TEXT NOT NULL DEFAULT '[]',    -- event ids of the answer's messages; "" while one is sent
  outbox TEXT                          -- what is left to send once the answer is known
);
CREATE INDEX work_open ON work (done, taken);
CREATE TABLE conversation (root TEXT PRIMARY KEY, room_id TEXT NOT NULL, used REAL NOT NULL);
CREATE TABLE room (room_id TEXT PRIMARY KEY, model TEXT NOT NULL DEFAULT '', hinted REAL NOT NULL DEFAULT 0);
CREATE TABLE job (
  batch_id TEXT PRIMARY KEY,
  event_id TEXT NOT NULL,
  room_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  owner TEXT NOT NULL,
  card TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT '',
  made REAL NOT NULL,
  done INTEGER NOT NULL DEFAULT 0
);
"""


class JournalError(Exception):
    """The file can not be used; the message says why and what to do."""


@dataclass
class Work:
    """One request, from being taken to being done."""

    request: Request
    attempts: int = 0
    parts: list[str] = field(default_factory=list)
    outbox: list[dict] | None = None


@dataclass
class Job:
    """A batch that somebody has asked for, and the message that shows how far it is. Once its room
    has been upgraded, that message is also the root of the thread for all else, in the new room."""

    batch_id: str
    event_id: str
    room_id: str
    thread: str
    owner: str
    card: str = ""
    status: str = ""
    made: float = 0.0
    done: bool = False


class Journal:
    def __init__(self, folder: Path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "journal.sqlite"
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1)
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._prepare(path)
        except sqlite3.OperationalError as error:
            raise JournalError(
                f"{path}: {error}; is another bot using it? Give each its own `store`"
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalError(f"{path}: {error}; move it away to begin anew") from error

    def _prepare(self, path: Path) -> None:
        # A write takes the lock for as long as this process lives.
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise JournalError(
                    f"{path}: written by a newer bot (version {version}); use that one, or move it away"
                )
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def close(self) -> None:
        self._db.close()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    # The sync position, and work.

    def position(self) -> str:
        return self._value("position")

    def take(
        self,
        position: str,
        requests: Iterable[Request],
        unread: Mapping[str, tuple[dict, str]] | None = None,
    ) -> list[Work]:
        """Moves the position, and gives what has not been seen before. `unread`: what waits for its
        keys from now on, by event id, in place of what did: events as they came, and their rooms."""
        taken = []
        with self._transaction():
            for request in requests:
                added = self._db.execute(
                    "INSERT OR IGNORE INTO work (event_id, taken, request) VALUES (?, ?, ?)",
                    (request.event_id, time.time(), request.to_json()),
                )
                if added.rowcount:
                    taken.append(Work(request))
            self._keep_unread(unread or {})
            self._set("position", position)
        return taken

    def unread(self) -> dict[str, tuple[dict, str]]:
        """As `take` was given them, oldest first."""
        rows = self._db.execute(
            "SELECT name, value FROM note WHERE name LIKE 'unread %' ORDER BY rowid"
        )
        found = [(name.partition(" ")[2], json.loads(value)) for name, value in rows]
        return {event_id: (event, room_id) for event_id, (event, room_id) in found}

    def _keep_unread(self, unread: Mapping[str, tuple[dict, str]]) -> None:
        kept = self.unread().keys()
        for event_id in kept - unread.keys():
            self._db.execute("DELETE FROM note WHERE name = ?", (f"unread {event_id}",))
        for event_id, event in unread.items():
            if event_id not in kept:
                self._set(f"unread {event_id}", json.dumps(event))

    def seen(self, event_id: str) -> bool:
        found = self._db.execute("SELECT 1 FROM work WHERE event_id = ?", (event_id,)).fetchone()
        return found is not None

    def unanswered(self, event_id: str) -> bool:
        """Whether it was taken and is not done."""
        found = self._db.execute("SELECT 1 FROM work WHERE event_id = ? AND NOT done", (event_id,))
        return found.fetchone() is not None

    def open_work(self) -> list[Work]:
        """What was taken and is not done, oldest first."""
        rows = self._db.execute(
            "SELECT request, attempts, parts, outbox FROM work WHERE NOT done ORDER BY taken, rowid"
        )
        return [
            Work(
                Request.from_json(request),
                attempts,
                json.loads(parts),
                json.loads(outbox) if outbox else None,
            )
            for request, attempts, parts, outbox in rows
        ]

    def save(self, work: Work) -> None:
        outbox = json.dumps(work.outbox) if work.outbox is not None else None
        with self._transaction():
            self._db.execute(
                "UPDATE work SET attempts = ?, parts = ?, outbox = ? WHERE event_id = ?",
                (work.attempts, json.dumps(work.parts), outbox, work.request.event_id),
            )

    def finish(self, work: Work) -> None:
        """Only ids stay, for a while."""
        now = time.time()
        with self._transaction():
            self._db.execute(
                "UPDATE work SET done = 1, request = NULL, outbox = NULL WHERE event_id = ?",
                (work.request.event_id,),
            )
            self._db.execute("DELETE FROM work WHERE done AND taken < ?", (now - KEPT_SECONDS,))
            self._db.execute("DELETE FROM conversation WHERE used < ?", (now - 4 * KEPT_SECONDS,))
            self._db.execute("DELETE FROM job WHERE made < ?", (now - 4 * KEPT_SECONDS,))

    def answers_of(self, event_id: str) -> list[str]:
        """The ids of the messages that answer an event, as far as they are known."""
        row = self._db.execute("SELECT parts FROM work WHERE event_id = ?", (event_id,)).fetchone()
        return [part for part in json.loads(row[0]) if part] if row else []

    def is_answer(self, event_id: str) -> bool:
        """Whether it is one of the messages that answer something."""
        if not event_id:
            return False
        found = self._db.execute(
            "SELECT 1 FROM work WHERE instr(parts, ?)", (json.dumps(event_id),)
        )
        return found.fetchone() is not None

    # Conversations and rooms.

    def converse(self, root: str, room_id: str) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT INTO conversation VALUES (?1, ?2, ?3) "
                "ON CONFLICT (root) DO UPDATE SET used = ?3",
                (root, room_id, time.time()),
            )

    def conversation(self, root: str, room_id: str) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM conversation WHERE root = ? AND room_id = ?", (root, room_id)
        )
        return found.fetchone() is not None

    def model(self, room_id: str) -> str:
        """What people have chosen in the room; empty if they have not."""
        row = self._db.execute("SELECT model FROM room WHERE room_id = ?", (room_id,)).fetchone()
        return row[0] if row else ""

    def choose_model(self, room_id: str, model: str) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT INTO room (room_id, model) VALUES (?1, ?2) "
                "ON CONFLICT (room_id) DO UPDATE SET model = ?2",
                (room_id, model),
            )

    def choices(self) -> set[str]:
        """The rooms in which people have chosen a model."""
        return {room for (room,) in self._db.execute("SELECT room_id FROM room WHERE model != ''")}

    def move_choice(self, before: str, room_id: str) -> None:
        """What was chosen in a room goes on in the one that it was upgraded to; unless somebody has
        chosen there before."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO room (room_id, model) SELECT ?2, model FROM room WHERE room_id = ?1 "
                "ON CONFLICT (room_id) DO UPDATE SET model = excluded.model WHERE model = ''",
                (before, room_id),
            )
            self._db.execute("UPDATE room SET model = '' WHERE room_id = ?", (before,))

    def room_of(self, alias: str) -> str:
        """The room that it was when that was last known; else empty."""
        return self._value(f"alias {alias}")

    def keep_room_of(self, alias: str, room_id: str) -> None:
        if self.room_of(alias) != room_id:
            with self._transaction():
                self._set(f"alias {alias}", room_id)

    def invitations(self) -> list[tuple[str, str, bool, float]]:
        """Those that are to be answered, oldest first: room, inviter, whether it is for a direct
        message, since when."""
        rows = self._db.execute("SELECT name, value FROM note WHERE name LIKE 'invitation %'")
        found = [(name.partition(" ")[2], *json.loads(value)) for name, value in rows]
        return sorted(found, key=lambda each: each[3])

    def keep_invitation(self, room_id: str, inviter: str, direct: bool, since: float) -> None:
        with self._transaction():
            self._set(f"invitation {room_id}", json.dumps([inviter, direct, since]))

    def forget_invitation(self, room_id: str) -> None:
        with self._transaction():
            self._db.execute("DELETE FROM note WHERE name = ?", (f"invitation {room_id}",))

    def hint(self, room_id: str, every_seconds: float) -> bool:
        """Whether the room is to be told something again that it was told before."""
        now = time.time()
        row = self._db.execute("SELECT hinted FROM room WHERE room_id = ?", (room_id,)).fetchone()
        if row and now - row[0] < every_seconds:
            return False
        with self._transaction():
            self._db.execute(
                "INSERT INTO room (room_id, hinted) VALUES (?1, ?2) "
                "ON CONFLICT (room_id) DO UPDATE SET hinted = ?2",
                (room_id, now),
            )
        return True

    # Jobs.

    def add_job(self, job: Job) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO job (batch_id, event_id, room_id, thread, owner, made) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    job.batch_id,
                    job.event_id,
                    job.room_id,
                    job.thread,
                    job.owner,
                    time.time(),
                ),
            )

    def save_job(self, job: Job) -> None:
        with self._transaction():
            self._db.execute(
                "UPDATE job SET room_id = ?, thread = ?, card = ?, status = ?, done = ? "
                "WHERE batch_id = ?",
                (job.room_id, job.thread, job.card, job.status, int(job.done), job.batch_id),
            )

    def job_of(self, event_id: str) -> Job | None:
        """The job that an event has asked for."""
        rows = self._db.execute(f"SELECT {_JOB} FROM job WHERE event_id = ?", (event_id,))
        return next((_job(row) for row in rows), None)

    def job(self, batch_id: str) -> Job | None:
        rows = self._db.execute(f"SELECT {_JOB} FROM job WHERE batch_id = ?", (batch_id,))
        return next((_job(row) for row in rows), None)

    def jobs_of(self, owner: str, room_id: str) -> list[Job]:
        """Newest first, a hundred at most."""
        rows = self._db.execute(
            f"SELECT {_JOB} FROM job WHERE owner = ? AND room_id = ? ORDER BY made DESC LIMIT 100",
            (owner, room_id),
        )
        return [_job(row) for row in rows]

    def open_jobs(self) -> list[Job]:
        """Oldest first. As many as `limits.jobs` lets there be. Those that nobody could be told of
        for so long are given up."""
        rows = self._db.execute(
            f"SELECT {_JOB} FROM job WHERE NOT done AND made > ? ORDER BY made, rowid",
            (time.time() - JOB_SECONDS,),
        )
        return [_job(row) for row in rows]

    def _value(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def _set(self, name: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO note VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (name, value),
        )


_JOB = "batch_id, event_id, room_id, thread, owner, card, status, made, done"


def _job(row: tuple) -> Job:
    job = Job(*row)
    job.done = bool(job.done)
    return job


class _Transaction:
    """All or nothing, on disk when it is left."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            if not kind:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # a full disk has rolled back already
                self._db.execute("ROLLBACK")
