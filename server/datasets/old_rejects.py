"""Lists of rows that imports left out: raw lines of somebody's file, wanted until the file was corrected."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.version_rows import rejects_key
from server.errors import NotFound
from server.jobs.old_jobs import HAS_REJECTS
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.keeping import Amount, amount_of
from server.storage.quotas import LIST_OF_JOB
from server.storage.tables import dataset_versions, datasets, jobs

_AT_ONCE = 20  # files


async def size_of_rejects(blobs: BlobStore, job_id: str, known: int | None) -> int:
    """Those of imports of an older version of the program were not counted."""
    if known is not None:
        return known
    with suppress(NotFound):
        return await blobs.size(rejects_key(job_id))
    return 0


async def forget_rejects(connection: AsyncConnection, job_id: str, size: int) -> None:
    """The list no longer counts as what its dataset takes."""
    here = update(dataset_versions).where(dataset_versions.c.job_id == job_id, HAS_REJECTS)
    await connection.execute(here.values(rejects_bytes=0, own_bytes=dataset_versions.c.own_bytes - size))


class OldRejects:
    kind = "rejects"

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(_lists(), _lists_of_jobs(), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        published = _lists().where(dataset_versions.c.created_at < before)
        return await self._amount(published, _lists_of_jobs().where(jobs.c.finished_at < before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = _lists().where(dataset_versions.c.created_at < before).order_by(dataset_versions.c.job_id)
        wanted = old.with_only_columns(
            dataset_versions.c.job_id, dataset_versions.c.rejects_bytes, maintain_column_froms=True
        )
        async with self._database.read() as connection:
            found = (await connection.execute(wanted.limit(_AT_ONCE))).all()
        gone = Amount()
        for row in found:
            gone += await self._remove(row.job_id, row.rejects_bytes)
        return gone if found else await self._remove_some_of_jobs(before)

    async def _remove(self, job_id: str, known: int | None) -> Amount:
        """The file first: after a crash between, the next sweep still knows that the list was to go."""
        size = await size_of_rejects(self._blobs, job_id, known)
        await self._blobs.delete(rejects_key(job_id))
        async with self._database.write() as connection:
            await forget_rejects(connection, job_id, size)
        return Amount(count=1, bytes=size)

    async def _remove_some_of_jobs(self, before: datetime) -> Amount | None:
        old = _lists_of_jobs().where(jobs.c.finished_at < before).limit(_AT_ONCE)
        async with self._database.read() as connection:
            found = (await connection.execute(old)).all()
        gone = Amount()
        for row in found:
            await self._blobs.delete(rejects_key(row.id))
            async with self._database.write() as connection:
                # As long as it is what was read: somebody may have begun it again.
                here = update(jobs).where(jobs.c.id == row.id, jobs.c.revision == row.revision)
                await connection.execute(here.values(detail=row.detail | {"rejects_bytes": 0}))
            gone += Amount(count=1, bytes=row.detail["rejects_bytes"])
        return gone if found else None

    async def _amount(self, published: Select[Any], listed: Select[Any], owner_id: str | None) -> Amount:
        size = func.coalesce(dataset_versions.c.rejects_bytes, 0)
        of_versions = await amount_of(self._database, published, size, owner=datasets.c.owner_id, owner_id=owner_id)
        of_jobs = await amount_of(self._database, listed, LIST_OF_JOB, owner=jobs.c.owner_id, owner_id=owner_id)
        return of_versions + of_jobs


def _lists() -> Select[Any]:
    joined = dataset_versions.join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
    return select(dataset_versions).select_from(joined).where(HAS_REJECTS)


def _lists_of_jobs() -> Select[Any]:
    return select(jobs).where(LIST_OF_JOB > 0)
