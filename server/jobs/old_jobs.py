"""Jobs that ended long ago, and their logs: what may go, and what has to stay because something is made from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.jobs.store import IS_OVER
from server.storage.database import Database
from server.storage.keeping import Amount, amount, amount_of
from server.storage.pages import size_of
from server.storage.quotas import LIST_OF_JOB
from server.storage.tables import batches, dataset_versions, job_log, jobs, uploads

_JOBS_AT_ONCE, _LINES_AT_ONCE = 100, 1_000
_JOB_BYTES, _LINE_BYTES = 500, 80  # of a row beside its texts, with its places in the indexes
_JOB_SIZE = size_of(jobs.c.title, jobs.c.parameters, jobs.c.detail, jobs.c.result, jobs.c.error) + _JOB_BYTES
_LINE_SIZE = func.length(job_log.c.message) + _LINE_BYTES
# Whether the list of rows that were left out is still kept; it is found by the job of its import.
HAS_REJECTS: ColumnElement[bool] = (
    (dataset_versions.c.rejected_count > 0)
    & dataset_versions.c.job_id.is_not(None)
    & dataset_versions.c.rejects_bytes.is_distinct_from(0)
)
# A batch is nothing without the job that made it.
_IS_NEEDED = (
    exists().where(batches.c.job_id == jobs.c.id)
    | exists().where(dataset_versions.c.job_id == jobs.c.id, HAS_REJECTS)
    | (LIST_OF_JOB > 0)
)


async def forget_jobs(connection: AsyncConnection, job_ids: Sequence[str]) -> None:
    """Remove jobs that are over, with their logs; what they made no longer names them."""
    await connection.execute(update(uploads).where(uploads.c.job_id.in_(job_ids)).values(job_id=None))
    made = dataset_versions.c.job_id.in_(job_ids)
    await connection.execute(update(dataset_versions).where(made).values(job_id=None))
    await connection.execute(delete(jobs).where(jobs.c.id.in_(job_ids)))


class OldJobs:
    kind = "jobs"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(select(jobs), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(select(jobs).where(*_old(before), ~_IS_NEEDED), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = select(jobs.c.id).where(*_old(before), ~_IS_NEEDED)
        async with self._database.read() as connection:
            found = (await connection.execute(old.order_by(jobs.c.finished_at).limit(_JOBS_AT_ONCE))).scalars().all()
        if not found:
            return None
        async with self._database.write() as connection:
            # Asked again, now that nobody else writes: one of them may have been begun anew.
            ids = (await connection.execute(old.where(jobs.c.id.in_(found)))).scalars().all()
            # Their lines first, a bounded number of them: a job may have thousands, which would go with its row.
            lines = await _remove_lines(connection, job_log.c.job_id.in_(ids))
            if lines.count:
                return Amount(bytes=lines.bytes)
            removed = await amount(connection, select(jobs).where(jobs.c.id.in_(ids)), _JOB_SIZE)
            await forget_jobs(connection, ids)
        return removed

    async def _amount(self, which: Select[Any], owner_id: str | None) -> Amount:
        return await amount_of(self._database, which, _JOB_SIZE, owner=jobs.c.owner_id, owner_id=owner_id)


class OldLogs:
    """Lines of jobs that ended; those of a job that runs stay, however long it does."""

    kind = "logs"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount((), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(_old(before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        has_lines = exists().where(job_log.c.job_id == jobs.c.id)
        old = select(jobs.c.id).where(*_old(before), has_lines).order_by(jobs.c.finished_at).limit(_JOBS_AT_ONCE)
        async with self._database.read() as connection:
            ids = (await connection.execute(old)).scalars().all()
        if not ids:
            return None
        async with self._database.write() as connection:
            return await _remove_lines(connection, job_log.c.job_id.in_(ids))

    async def _amount(self, conditions: Sequence[ColumnElement[bool]], owner_id: str | None) -> Amount:
        lines = select(job_log).join(jobs, jobs.c.id == job_log.c.job_id).where(*conditions)
        return await amount_of(self._database, lines, _LINE_SIZE, owner=jobs.c.owner_id, owner_id=owner_id)


def _old(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return IS_OVER, jobs.c.finished_at < before


async def _remove_lines(connection: AsyncConnection, which: ColumnElement[bool]) -> Amount:
    ids = (await connection.execute(select(job_log.c.id).where(which).limit(_LINES_AT_ONCE))).scalars().all()
    here = job_log.c.id.in_(ids)
    removed = await amount(connection, select(job_log).where(here), _LINE_SIZE)
    await connection.execute(delete(job_log).where(here))
    return removed
