"""What people do with batches: look at them, try failed reports again, take them away, stop them, delete them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, Right, ThingAccess, require_still
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import Conflict, Locked, NotFound, StorageFull
from server.jobs.job import Job, State
from server.jobs.keys import Asked
from server.jobs.runner import JobRunner
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.reports.archive import Archive, archive_of
from server.reports.batch import KIND
from server.reports.batch_store import BatchStore
from server.reports.batches import BatchHead, BatchReport, ReportFilter, StoredArtifact
from server.reports.shown_reports import ShownReports, everything, without_reasons
from server.storage.blob_store import BlobStore, StoredBlob, delete_under
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.pages import Listing


class BatchStart(msgspec.Struct, frozen=True, kw_only=True):
    """The job that makes a batch."""

    job: Job
    batch_id: str


class BatchOperations:
    """Every method takes who asks first; what they may not see is not found."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        store: BatchStore,
        runner: JobRunner,
        jobs: JobTable,
        job_store: JobStore,
        blobs: BlobStore,
        audit: Audit,
        languages: Languages,
    ) -> None:
        self._database = database
        self._access = access
        self._store = store
        self._runner = runner
        self._jobs = jobs
        self._job_store = job_store
        self._blobs = blobs
        self._audit = audit
        self._languages = languages

    async def get(self, principal: Principal, batch_id: str, right: Right = Right.VIEW) -> BatchHead:
        """Raises `NotFound` for what they may not see, `Forbidden` for what they may see but no more."""
        sight = await self._access.of(principal, BATCHES, batch_id, right)
        return await self._store.head(sight.id)

    async def right(self, principal: Principal, batch: BatchHead) -> Right:
        """What they may do with it."""
        return (await self._access.of(principal, BATCHES, batch.id)).right

    async def reports(self, principal: Principal, batch_id: str, wanted: ReportFilter) -> Listing[BatchReport]:
        batch = await self.get(principal, batch_id)
        shown, page = await self.shown_to(principal, batch), await self._store.reports(batch_id, wanted)
        return msgspec.structs.replace(page, items=list(shown(page.items)))

    async def shown_to(self, principal: Principal, batch: BatchHead) -> ShownReports:
        """Why reports failed is told to those who may see what they were made from."""
        used = {each.dataset_id for each in batch.dataset_versions.values()}
        if principal.may_see(batch.owner_id) or await self._access.are_open(principal, DATASETS, used):
            return everything
        return without_reasons(batch.owner)

    async def states(self, principal: Principal, batch_id: str) -> Sequence[tuple[str, State]]:
        """Id and state of every report, in order."""
        await self.get(principal, batch_id)
        return await self._store.states(batch_id)

    async def report(self, principal: Principal, report_id: str) -> tuple[BatchReport, BatchHead]:
        principal.require_read()
        report = await self._store.report(report_id)
        batch = await self.get(principal, report.batch_id)
        (seen,) = (await self.shown_to(principal, batch))([report])
        return seen, batch

    async def artifact(self, principal: Principal, report_id: str, file: str) -> tuple[StoredArtifact, StoredBlob]:
        """A finished file and where it lies; raises `NotFound`."""
        report, _ = await self.report(principal, report_id)
        artifact = report.artifact(file)
        return artifact, StoredBlob(store=self._blobs, key=artifact.blob)

    @asynccontextmanager
    async def archive(
        self,
        principal: Principal,
        batch_id: str,
        formats: Sequence[str] | None = None,
        *,
        shown: ShownReports = everything,
    ) -> AsyncIterator[tuple[BatchHead, Archive]]:
        """What is finished so far and an index of everything, as a zip that is made while it is read, inside the block.

        Raises `Conflict` while nothing is.
        """
        batch = await self.get(principal, batch_id)
        if not batch.tally.succeeded:
            raise Conflict("No report of this batch is finished yet; try again when the first one is.")
        seen = await self.shown_to(principal, batch)
        reports = shown(seen(await self._store.all_reports(batch_id)))
        gettext = self._languages.of(batch.language).gettext
        async with archive_of(batch, reports, self._blobs, formats, gettext=gettext) as archive:
            yield batch, archive

    async def retry(self, principal: Principal, batch_id: str, *, idempotency_key: str | None = None) -> BatchStart:
        """Make the failed reports again, and what a cancel left unmade; finished ones stay as they are.

        Raises `Conflict` while the batch is being made and when there is nothing to make again.
        """
        principal.require_write()
        batch = await self.get(principal, batch_id, Right.EDIT)

        async def hand_over(connection: AsyncConnection, job: Job) -> None:
            # Here and not before: the same key again must give the same job, whatever has become of the batch.
            await require_still(connection, principal, BATCHES, batch.id, Right.EDIT)
            again = _to_make_again(await self._store.head_in(connection, batch.id))
            await self._store.requeue(connection, batch.id, (State.FAILED,))
            await self._store.hand_over(connection, batch.id, job.id)
            detail = {"reports": again}
            await self._audit.record(connection, principal, "batch.retry", batch.name, detail, subject_id=batch.id)

        # Another job, not the old one once more: where only some reports failed, that one has succeeded.
        job = await self._runner.start(
            KIND,
            owner_id=batch.owner_id,
            title=batch.name,
            parameters={"batch_id": batch.id},
            asked=Asked.under(idempotency_key, by=principal.user_id, what={"retry": batch.id}),
            also=hand_over,
        )
        return BatchStart(job=job, batch_id=batch.id)

    async def cancel(self, principal: Principal, batch_id: str) -> Job:
        """Stop making reports; finished ones stay."""
        principal.require_write()
        batch = await self.get(principal, batch_id, Right.EDIT)
        job = await self._runner.cancel(batch.job_id)
        with suppress(StorageFull):  # it is stopped all the same
            async with self._database.write() as connection:
                await self._audit.record(connection, principal, "batch.cancel", batch.name, subject_id=batch.id)
        return job

    async def delete(self, principal: Principal, batch_id: str) -> None:
        """Remove a batch with all its files for good; raises `Locked` while it is being made."""
        principal.require_write()
        batch = await self.get(principal, batch_id, Right.OWN)
        _require_made(batch)  # also before: on a full disk the files go first (`delete_whole`)

        async def forget() -> None:
            async with self._database.write() as connection:
                # Somebody may have had them made again at this moment; their job would find nothing.
                _require_made(await self._store.head_in(connection, batch.id))
                await self._store.delete(connection, batch.id)
                detail = {"reports": batch.report_count}
                await self._audit.record(connection, principal, "batch.delete", batch.name, detail, subject_id=batch.id)

        await delete_whole(forget=forget, remove=lambda: delete_under(self._blobs, f"reports/{batch.id}"))

    async def job(self, principal: Principal, batch_id: str) -> Job:
        """The newest job of a batch, as it is this moment."""
        batch = await self.get(principal, batch_id)
        job = self._jobs.get(batch.job_id) or await self._job_store.get(batch.job_id)
        if job is None:
            raise NotFound
        return job


def _require_made(batch: BatchHead) -> None:
    if not batch.job_state.is_final:
        raise Locked("These reports are being made; cancel them first.")


def _to_make_again(batch: BatchHead) -> int:
    if not batch.job_state.is_final:
        raise Conflict("These reports are still being made; wait until they are finished or cancel them.")
    again = batch.tally.failed + batch.tally.cancelled
    if not again and batch.report_count:
        raise Conflict("No report of this batch failed; there is nothing to try again.")
    return again
