"""Removes what is older than it is needed, where the settings say so: batches that are over, and whole files."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select

from server.auth.audit import Audit
from server.clock import Clock, utc_now
from server.jobs.job import FINAL_STATES
from server.reports.batch_store import BatchStore
from server.storage.blob_store import BlobStore, delete_under
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.repeating import repeat
from server.storage.tables import batches, jobs, uploads
from server.uploads.receiving import Receiver

_LOG = logging.getLogger("jindu.storage")
_EVERY_SECONDS = 3600.0


class Retention:
    """Looks once an hour, as long as `run` runs. 0 days keep everything of a kind."""

    def __init__(
        self,
        *,
        database: Database,
        store: BatchStore,
        blobs: BlobStore,
        receiver: Receiver,
        report_days: float,
        upload_days: float,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._blobs = blobs
        self._receiver = receiver
        self._report_days = report_days
        self._upload_days = upload_days
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.sweep,
            every_seconds=_EVERY_SECONDS,
            log=_LOG,
            failed="what is too old could not be removed",
            action="retention",
        )

    async def sweep(self) -> None:
        if self._report_days:
            for batch_id, name in await self._old_batches():
                await self._remove_batch(batch_id, name)
        if self._upload_days:
            for upload_id, name in await self._old_uploads():
                await self._remove_upload(upload_id, name)

    async def _old_batches(self) -> list[tuple[str, str]]:
        """Ids and names of those whose newest job ended so long ago."""
        over = select(batches.c.id, batches.c.name).join(jobs, jobs.c.id == batches.c.job_id)
        over = over.where(
            jobs.c.state.in_(FINAL_STATES), jobs.c.finished_at < self._clock() - timedelta(days=self._report_days)
        )
        async with self._database.read() as connection:
            return [(row.id, row.name) for row in await connection.execute(over)]

    async def _old_uploads(self) -> list[tuple[str, str]]:
        """Those that no import waits for or reads at this moment."""
        whole = select(uploads.c.id, uploads.c.name).where(
            uploads.c.completed_at < self._clock() - timedelta(days=self._upload_days)
        )
        live = select(jobs.c.parameters).where(jobs.c.state.not_in(FINAL_STATES))
        async with self._database.read() as connection:
            in_use = {parameters.get("upload_id") for parameters in (await connection.execute(live)).scalars()}
            return [(row.id, row.name) for row in await connection.execute(whole) if row.id not in in_use]

    async def _remove_batch(self, batch_id: str, name: str) -> None:
        async def forget() -> None:
            async with self._database.write() as connection:
                await self._store.delete(connection, batch_id)
                await Audit.record(connection, None, "batch.expire", batch_id, {"name": name})

        await delete_whole(forget=forget, remove=lambda: delete_under(self._blobs, f"reports/{batch_id}"))
        _LOG.info("batch removed for its age", extra={"action": "batch.expire", "batch_id": batch_id})

    async def _remove_upload(self, upload_id: str, name: str) -> None:
        await self._receiver.discard(upload_id)
        async with self._database.write() as connection:
            await Audit.record(connection, None, "upload.expire", upload_id, {"name": name})
        _LOG.info("upload removed for its age", extra={"action": "upload.expire", "upload_id": upload_id})
