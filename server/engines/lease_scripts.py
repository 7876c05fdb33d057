"""Which of several nodes a script speaks to: rows of PostgreSQL, by its clock."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.engines.lease_rows import from_now
from server.jobs.external_kind import KIND
from server.jobs.job import Job, State
from server.jobs.life import REVISIONS_LOST
from server.jobs.store import PROGRESS_FIELDS, job_of
from server.storage.database import Database
from server.storage.tables import jobs

_RUNS = (jobs.c.kind == KIND.name) & (jobs.c.state == State.RUNNING.value)
_IS_SILENT = jobs.c.lease_until < func.statement_timestamp()


class LeaseScripts:
    """`SharedScripts`: a job's lease is the time in which its script has to speak."""

    def __init__(self, *, database: Database, node: str, silence_seconds: float) -> None:
        self._database = database
        self._node = node
        self._silence_seconds = silence_seconds

    async def begin(self, connection: AsyncConnection, job: Job) -> None:
        await connection.execute(
            update(jobs).where(jobs.c.id == job.id).values(node=self._node, lease_until=self._until())
        )

    async def take(self, job: Job) -> Job | None:
        taken = update(jobs).where(jobs.c.id == job.id, _RUNS).returning(jobs)
        taken = taken.values(
            node=self._node, lease_until=self._until(), revision=jobs.c.revision + REVISIONS_LOST, stalled_since=None
        )
        async with self._database.write(shared=True) as connection:
            row = (await connection.execute(taken)).one_or_none()
        return job_of(row) if row is not None else None

    async def save(self, job: Job) -> bool:
        mine = (jobs.c.id == job.id, jobs.c.attempt == job.attempt, jobs.c.node == self._node, _RUNS)
        values = {name: getattr(job, name) for name in PROGRESS_FIELDS}
        spoke = update(jobs).where(*mine, jobs.c.revision <= job.revision)
        async with self._database.write(shared=True) as connection:
            saved = await connection.execute(spoke.values(**values, lease_until=self._until()))
            if saved.rowcount == 1:
                return True
            # Of two of its words that came at once the later one may be stored already.
            return (await connection.execute(select(jobs.c.id).where(*mine))).one_or_none() is not None

    async def here(self, job_ids: Collection[str]) -> Collection[str]:
        if not job_ids:
            return []
        wanted = select(jobs.c.id).where(jobs.c.id.in_(job_ids), _RUNS, jobs.c.node == self._node)
        async with self._database.read() as connection:
            return set(await connection.scalars(wanted))

    async def silent(self) -> list[Job]:
        async with self._database.read() as connection:
            found = [job_of(row) for row in await connection.execute(select(jobs).where(_RUNS, _IS_SILENT))]
            is_new = (await connection.execute(select(jobs.c.id).where(_RUNS, jobs.c.lease_until.is_(None)))).first()
        if is_new is not None:  # from a server that was alone: it has its whole time to speak up
            async with self._database.write(shared=True) as connection:
                await connection.execute(
                    update(jobs).where(_RUNS, jobs.c.lease_until.is_(None)).values(lease_until=self._until())
                )
        return found

    async def is_silent(self, connection: AsyncConnection, job: Job) -> bool:
        wanted = select(jobs.c.id).where(jobs.c.id == job.id, _RUNS, _IS_SILENT).with_for_update(skip_locked=True)
        return (await connection.execute(wanted)).one_or_none() is not None

    async def count(self, connection: AsyncConnection, owner_id: str) -> int:
        counted = select(func.count()).select_from(jobs).where(_RUNS, jobs.c.owner_id == owner_id)
        return int((await connection.execute(counted)).scalar_one())

    def _until(self) -> ColumnElement[object]:
        return from_now(self._silence_seconds)
