"""Batches that were made long ago. By default they stay: reports are what all this is for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from server.jobs.store import IS_OVER
from server.reports.batch_store import BatchStore
from server.storage.blob_store import BlobStore, delete_under
from server.storage.database import Database
from server.storage.keeping import Amount, amount_of
from server.storage.tables import batches, jobs

_AT_ONCE = 5  # each has files by the thousand


class OldBatches:
    """Counted from the end of the newest job that made reports of theirs."""

    kind = "reports"

    def __init__(self, database: Database, store: BatchStore, blobs: BlobStore) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs

    async def held(self, owner_id: str | None = None) -> Amount:
        return await self._amount(select(batches), owner_id)

    async def due(self, before: datetime, owner_id: str | None = None) -> Amount:
        return await self._amount(_old(before), owner_id)

    async def remove_some(self, before: datetime) -> Amount | None:
        old = _old(before).with_only_columns(batches.c.id, batches.c.bytes, maintain_column_froms=True)
        async with self._database.read() as connection:
            found = (await connection.execute(old.order_by(batches.c.id).limit(_AT_ONCE))).all()
        gone = Amount()
        for row in found:
            if await self._remove(row.id, before):
                gone += Amount(count=1, bytes=row.bytes)
        return gone if gone.count else None

    async def _remove(self, batch_id: str, before: datetime) -> bool:
        here = _old(before).with_only_columns(batches.c.id, maintain_column_froms=True).where(batches.c.id == batch_id)
        async with self._database.write() as connection:
            # Asked again, now that nobody else writes: its reports may have been begun anew.
            if await connection.scalar(here) is None:
                return False
            await self._store.delete(connection, batch_id)
        await delete_under(self._blobs, f"reports/{batch_id}")
        return True

    async def _amount(self, which: Select[Any], owner_id: str | None) -> Amount:
        return await amount_of(self._database, which, batches.c.bytes, owner=batches.c.owner_id, owner_id=owner_id)


def _old(before: datetime) -> Select[Any]:
    joined = batches.join(jobs, jobs.c.id == batches.c.job_id)
    return select(batches).select_from(joined).where(IS_OVER, jobs.c.finished_at < before)
