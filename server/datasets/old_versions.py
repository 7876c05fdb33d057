"""Versions of datasets that newer ones replaced long ago. The newest version of a dataset never goes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.old_rejects import size_of_rejects
from server.datasets.version_rows import rejects_key
from server.jobs.job import State
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.keeping import Amount, amount_of
from server.storage.tables import batches, dataset_versions, datasets, jobs, reports

_AT_ONCE = 20
_MOST_MEASURED = 200  # of those that are due: what more there is shows when these are gone
_NEWER = dataset_versions.alias("newer")
VersionKey = tuple[str, int]  # dataset and number


class OldVersions:
    """Counted from when the next version took a version's place.

    One that a batch still has reports to make from stays: they would be made from other rows, or not at all.
    """

    kind = "versions"

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def held(self, owner_id: str | None = None) -> Amount:
        size = dataset_versions.c.own_bytes
        return await amount_of(self._database, _superseded(), size, owner=datasets.c.owner_id, owner_id=owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        async with self._database.read() as connection:
            places = await _old(connection, before, owner_id)
            old = [await _version(connection, place) for place in places[:_MOST_MEASURED]]
            named = await _parts_named(connection, {row.dataset_id for row in old}, but=set(places))
        freed = (0 if _part(row) in named else row.own_bytes for row in old)
        return Amount(count=len(places), bytes=sum(freed))

    async def remove_some(self, before: datetime) -> Amount | None:
        async with self._database.read() as connection:
            old = await _old(connection, before)
        gone = Amount()
        for place in old[:_AT_ONCE]:
            gone += await self._remove(place, before)
        return gone if gone.count else None

    async def _remove(self, place: VersionKey, before: datetime) -> Amount:
        """Row first: from its commit on nobody can begin to use the files, which go then."""
        async with self._database.write() as connection:
            # Again, now that nobody else writes: a batch may have begun with it, or its dataset was deleted.
            if place not in await _old(connection, before, dataset_id=place[0]):
                return Amount()
            row = await _version(connection, place)
            rejects = await size_of_rejects(self._blobs, row.job_id, row.rejects_bytes) if row.job_id else 0
            doomed = [rejects_key(row.job_id)] if row.job_id else []
            freed = rejects
            here = and_(dataset_versions.c.dataset_id == row.dataset_id, dataset_versions.c.number == row.number)
            await connection.execute(delete(dataset_versions).where(here))
            named = await _parts_named(connection, {row.dataset_id})
            unnamed = [key for key in row.files if key not in named]
            if _part(row) in named:
                await _hand_over(connection, row, row.own_bytes - rejects)
            else:
                freed = row.own_bytes
        await self._blobs.delete(*doomed, *unnamed)
        return Amount(count=1, bytes=freed)


def _place(row: Row[*tuple[Any, ...]]) -> VersionKey:
    return row.dataset_id, row.number


def _part(row: Row[Any]) -> str | None:
    """The file that came with this version; None for one that was restored from another."""
    return row.files[-1] if row.mode != "restore" and row.files else None


def _superseded(owner_id: str | None = None) -> Select[Any]:
    joined = dataset_versions.join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
    old = select(dataset_versions).select_from(joined).where(dataset_versions.c.number < datasets.c.version)
    return old if owner_id is None else old.where(datasets.c.owner_id == owner_id)


async def _old(
    connection: AsyncConnection, before: datetime, owner_id: str | None = None, *, dataset_id: str | None = None
) -> list[VersionKey]:
    """Those whose successor is that old and that no unfinished batch reads, the oldest first."""
    successor = exists().where(
        _NEWER.c.dataset_id == dataset_versions.c.dataset_id,
        _NEWER.c.number > dataset_versions.c.number,
        _NEWER.c.created_at < before,
    )
    wanted = _superseded(owner_id).where(successor)
    if dataset_id is not None:
        wanted = wanted.where(dataset_versions.c.dataset_id == dataset_id)
    wanted = wanted.with_only_columns(
        dataset_versions.c.dataset_id, dataset_versions.c.number, maintain_column_froms=True
    ).order_by(dataset_versions.c.created_at, dataset_versions.c.number)
    places = [_place(row) for row in await connection.execute(wanted)]
    in_use = await _in_use(connection) if places else set()
    return [place for place in places if place not in in_use]


async def _version(connection: AsyncConnection, place: VersionKey) -> Row[Any]:
    names = ("dataset_id", "number", "mode", "job_id", "files", "own_bytes", "rejects_bytes")
    wanted = select(*(dataset_versions.c[name] for name in names))
    here = and_(dataset_versions.c.dataset_id == place[0], dataset_versions.c.number == place[1])
    return (await connection.execute(wanted.where(here))).one()


async def _in_use(connection: AsyncConnection) -> set[VersionKey]:
    """What batches read that are being made, or have reports that may be made again."""
    left = exists().where(reports.c.batch_id == batches.c.id, reports.c.state != State.SUCCEEDED)
    is_open = left | (jobs.c.state != State.SUCCEEDED.value)  # or it failed before it had reports
    unfinished = select(batches.c.dataset_versions).join(jobs, jobs.c.id == batches.c.job_id).where(is_open)
    used = (await connection.execute(unfinished)).scalars()
    return {(each["dataset_id"], each["version"]) for by_name in used for each in by_name.values()}


async def _parts_named(
    connection: AsyncConnection, dataset_ids: Collection[str], *, but: Collection[VersionKey] = ()
) -> set[str]:
    """Files that a version of these datasets names."""
    wanted = select(dataset_versions.c.dataset_id, dataset_versions.c.number, dataset_versions.c.files)
    rows = await connection.execute(wanted.where(dataset_versions.c.dataset_id.in_(dataset_ids)))
    return {key for row in rows for key in row.files if _place(row) not in but}


async def _hand_over(connection: AsyncConnection, row: Row[Any], size: int) -> None:
    """Let the next version that has the file count it, so that what a user's things take stays true."""
    wanted = select(dataset_versions.c.number, dataset_versions.c.files)
    others = await connection.execute(
        wanted.where(dataset_versions.c.dataset_id == row.dataset_id).order_by(dataset_versions.c.number)
    )
    heir = next(other.number for other in others if _part(row) in other.files)
    here = and_(dataset_versions.c.dataset_id == row.dataset_id, dataset_versions.c.number == heir)
    await connection.execute(update(dataset_versions).where(here).values(own_bytes=dataset_versions.c.own_bytes + size))
