"""Changes of jobs' states, whoever runs them: each is stored before anybody is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound
from server.jobs.job import Job
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.storage.database import Database

Also = Callable[[AsyncConnection, Job], Awaitable[None]]
LifeChange = Callable[[AsyncConnection, Job], Awaitable[Callable[[], None]]]
"""Called in the transaction that stores a change of state; what it returns is called right after the commit."""

_REVISIONS_LOST = 1_000_000  # after a crash: more than the progress revisions that were shown but not stored


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
    ) -> None:
        self._database = database
        self._on_life_change = on_life_change
        self.table = table
        self.store = store
        self.saver = saver

    async def begin(self, job: Job, *, idempotency_key: str | None, also: Also | None) -> Job:
        """Store a new job. Under a key that was used before, the answer is that job, and nothing is done."""
        async with self._database.write() as connection:
            if idempotency_key is not None:
                known = await self.store.by_key(connection, job.owner_id, idempotency_key)
                if known is not None:
                    return self.table.get(known.id) or known
            await self.store.add(connection, job, idempotency_key=idempotency_key)
            if also is not None:
                await also(connection, job)
            tell = await self._on_life_change(connection, job)
        self.table.put(job)
        tell()
        return job

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
