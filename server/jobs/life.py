"""Changes of jobs' states, whoever runs them: each is stored before anybody is told of it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Conflict, FieldError, InvalidInput, NotFound
from server.jobs.job import Job
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.storage.database import Database
from server.storage.growth import Growth

Also = Callable[[AsyncConnection, Job], Awaitable[None]]
LifeChange = Callable[[AsyncConnection, Job], Awaitable[Callable[[], None]]]
"""Called in the transaction that stores a change of state; what it returns is called right after the commit."""

MAX_KEY_CHARACTERS = 200
_REVISIONS_LOST = 1_000_000  # after a crash: more than the progress revisions that were shown but not stored


class KeyReused(Conflict):
    """This Idempotency-Key was used for something else; take a new one."""

    code = "key_reused"


class JobLife:
    """The one way in which jobs begin, change their state and are taken up after a restart."""

    def __init__(
        self,
        *,
        database: Database,
        table: JobTable,
        store: JobStore,
        saver: ProgressSaver,
        on_life_change: LifeChange,
        growth: Growth,
    ) -> None:
        self._database = database
        self._on_life_change = on_life_change
        self.growth = growth
        self.table = table
        self.store = store
        self.saver = saver

    async def begin(self, job: Job, *, idempotency_key: str | None, asked: Any, also: Also | None) -> Job:
        """Store a new job. Under a key that was used before for the same, the answer is that job; nothing is done.

        `asked` is the request as it came, where the job's parameters do not say it (they name what was made for it).
        Raises `KeyReused` when the key was used for something else, `RateLimited` for more than a user may keep.
        """
        fingerprint = None if idempotency_key is None else _fingerprint(job, asked)
        async with self._database.write() as connection:
            if idempotency_key is not None:
                require_key(idempotency_key)
                known = await self.store.by_key(connection, job.owner_id, idempotency_key)
                if known is not None:
                    return self._same(job, fingerprint, *known)
            self.growth.charge(job.owner_id, job.title, job.parameters, job.detail, job.message)
            await self.store.add(connection, job, idempotency_key=idempotency_key, fingerprint=fingerprint)
            if also is not None:
                await also(connection, job)
            tell = await self._on_life_change(connection, job)
        self.table.put(job)
        tell()
        return job

    def _same(self, job: Job, fingerprint: str | None, known: Job, known_fingerprint: str | None) -> Job:
        # Jobs of earlier versions have no fingerprint; their kind is all that can be compared.
        if known.kind != job.kind or known_fingerprint not in (fingerprint, None):
            raise KeyReused
        return self.table.get(known.id) or known

    async def move(self, job: Job, **changes: Any) -> Job | None:
        """Store a change of `job`'s state, then tell of it; None when another attempt has taken its place."""
        moved = job.evolve(**changes)
        lines = self.saver.take_lines(job.id)
        try:
            async with self._database.write() as connection:
                if not await self.store.move(connection, moved, attempt=job.attempt):
                    self.saver.put_back(lines)
                    return None
                await self.store.add_lines(connection, lines)
                tell = await self._on_life_change(connection, moved)
        except BaseException:
            self.saver.put_back(lines)  # for whoever stores it in the end
            raise
        if moved.state.is_final:
            self.growth.note(job.owner_id, moved.detail, moved.result, moved.error)
        self.table.put(moved)
        tell()
        return moved

    def take_up(self, stored: Job) -> Job:
        """A job of an earlier process, back in the table under a revision newer than any that was shown."""
        job = msgspec.structs.replace(stored, revision=stored.revision + _REVISIONS_LOST)
        self.table.put(job)
        return job

    async def find(self, job_id: str) -> Job:
        """Raises `NotFound`."""
        job = self.table.get(job_id) or await self.store.get(job_id)
        if job is None:
            raise NotFound
        return job


def _fingerprint(job: Job, asked: Any) -> str:
    plain = msgspec.to_builtins(job.parameters if asked is None else asked, enc_hook=str)
    return hashlib.sha256(msgspec.json.encode([job.kind, plain], order="sorted", enc_hook=str)).hexdigest()


def require_key(key: str) -> None:
    """Raises `InvalidInput`."""
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():  # header bytes may be no text at all
        error = FieldError(
            field="Idempotency-Key",
            message="A key has 1 to {limit} characters.",
            parameters={"limit": MAX_KEY_CHARACTERS},
        )
        raise InvalidInput(errors=[error])
