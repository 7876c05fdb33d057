"""What an import or a correction made becomes a version of its dataset: files first, then one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.catalog import Catalog
from server.datasets.dataset import Mode, Version
from server.datasets.file_work import Converted, Corrected
from server.datasets.import_reading import UPSERTED, ImportReading
from server.datasets.version_rows import data_key, rejects_key
from server.jobs.context import JobContext
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.quotas import Quotas, Stored

RequireUnchanged = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a worker wrote: `file` has the rows, `rejects` the list of those that were left out, if there are any."""

    dataset: str
    owner_id: str  # of the dataset, which need not be whose job it is
    mode: Mode
    written: Converted | Corrected
    file: Path
    rejects: Path | None
    rejected_count: int
    source: dict[str, Any]


class VersionPublisher:
    """A crash between the files and the transaction that names them leaves the dataset as it was."""

    def __init__(
        self, reading: ImportReading, *, catalog: Catalog, blobs: BlobStore, database: Database, quotas: Quotas
    ) -> None:
        self._reading = reading
        self._catalog = catalog
        self._blobs = blobs
        self._database = database
        self._quotas = quotas

    async def publish(self, context: JobContext, made: Made, *, require_unchanged: RequireUnchanged) -> Version:
        """`require_unchanged` raises, inside the transaction, when the dataset is not what the rows were fitted to."""
        job, written, upserted = context.job, made.written, made.written.upserted
        rejects_bytes = 0 if made.rejects is None else (await asyncio.to_thread(made.rejects.stat)).st_size
        own_bytes = written.bytes + rejects_bytes
        told = {} if upserted is None else {"upserted": {name: getattr(upserted, name) for name in UPSERTED}}
        try:
            await self._blobs.publish(made.file, data_key(job.id))
            if made.rejects is not None:
                await self._blobs.publish(made.rejects, rejects_key(job.id))
            else:
                await self._reading.forget_list(context)
            async with self._database.write() as connection:
                await context.fence(connection)
                await require_unchanged(connection)
                await self._quotas.require(connection, made.owner_id, Stored.DATASETS, own_bytes)
                return await self._catalog.publish(
                    connection,
                    owner_id=made.owner_id,
                    name=made.dataset,
                    mode=made.mode,
                    job_id=job.id,
                    files=[data_key(job.id)],
                    row_count=written.row_count if upserted is None else upserted.row_count,
                    rejected_count=made.rejected_count,
                    bytes=written.bytes,
                    own_bytes=own_bytes,
                    rejects_bytes=rejects_bytes,
                    columns=written.columns,
                    statistics=written.statistics,
                    source=made.source | told,
                )
        except BaseException:
            # Cancelled at the very end it may yet have been committed: what a version names must stay.
            await asyncio.shield(self._remove_unpublished(job.id))
            raise

    async def _remove_unpublished(self, job_id: str) -> None:
        if await self._catalog.version_of_job(job_id) is None:
            await self._blobs.delete(data_key(job_id), rejects_key(job_id))
