"""What people do with batches: order reports, look at them, try failed ones again, take them away, delete them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, DATASETS, Right, ThingAccess, require_still
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.datasets.dataset import Version
from server.delivery.wishes import DeliveryStage, DeliveryWish, WantedDeliveries, books_of, columns_of
from server.errors import Conflict, Locked, NotFound, StorageFull
from server.jobs.job import Job, Priority, State
from server.jobs.keys import Asked, prioritized
from server.jobs.runner import JobRunner
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.languages import Languages
from server.operations.data_reading import DataReading
from server.operations.delivery_checks import (
    DeliveryChecks,
    book_versions,
    parameters_named,
    require_books,
    require_columns,
)
from server.operations.templates import TemplateOperations
from server.reports.archive import Archive, archive_of
from server.reports.as_of import moment_of
from server.reports.batch import KIND
from server.reports.batch_orders import BatchOrder, asked_parameters, formats_of
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchHead, BatchReport, ReportFilter, StoredArtifact
from server.reports.brand_store import BrandStore
from server.reports.image_library import ImageLibrary
from server.reports.requests import expand_request, used_datasets
from server.reports.shown_reports import ShownReports, everything, without_reasons
from server.reports.template_store import StoredTemplate
from server.reports.work import (
    Expansion,
    ExpansionRequest,
    OrderPlan,
    OrderRequest,
    plan_expansion,
    plan_order,
)
from server.storage.blob_store import BlobStore, StoredBlob, delete_under
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.pages import Listing

_NAME_CHARACTERS = 300  # the column's width


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
        templates: TemplateOperations,
        reading: DataReading,
        runner: JobRunner,
        jobs: JobTable,
        job_store: JobStore,
        blobs: BlobStore,
        images: ImageLibrary,
        brands: BrandStore,
        audit: Audit,
        languages: Languages,
        deliveries: DeliveryChecks,
        max_reports: int,
        clock: Clock = utc_now,
    ) -> None:
        self._deliveries = deliveries
        self._database = database
        self._access = access
        self._store = store
        self._templates = templates
        self._reading = reading
        self._runner = runner
        self._jobs = jobs
        self._job_store = job_store
        self._blobs = blobs
        self._images = images
        self._brands = brands
        self._audit = audit
        self._languages = languages
        self._max_reports = max_reports
        self._clock = clock

    async def start(
        self,
        principal: Principal,
        order: BatchOrder,
        *,
        idempotency_key: str | None = None,
        asked: dict[str, Any] | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> BatchStart:
        """Raises `NotFound` for an unknown template, `InvalidInput` for parameters it does not take."""
        principal.require_write()
        # Before the transaction: a worker reads the template, and what it cannot make leaves no job behind.
        batch = await self._ordered(principal, order)

        async def store(connection: AsyncConnection, job: Job) -> None:
            # Read in the transaction that keeps it: a logo that is replaced meanwhile is shown by one of the two.
            brand = await self._brands.in_force(connection, batch.owner_id)
            await self._store.add(connection, msgspec.structs.replace(batch, job_id=job.id, brand=brand))
            detail = {"template": batch.template_name, "version": batch.template_version}
            await self._audit.record(connection, principal, "batch.start", batch.name, detail, subject_id=batch.id)

        what = (asked or {"order": _as_asked(order)}) | prioritized(priority)
        job = await self._runner.start(
            KIND,
            owner_id=principal.user_id,
            title=batch.name,
            parameters={"batch_id": batch.id},
            asked=Asked.under(idempotency_key, by=principal.user_id, what=what),
            also=store,
            priority=priority,
        )
        # Of an order that came before under its key, that is the batch of then; ours was never stored.
        return BatchStart(job=job, batch_id=job.parameters["batch_id"])

    async def check(self, principal: Principal, order: BatchOrder) -> StoredTemplate:
        """Raises what `start` would for an order, and for sets of parameters that are the same: what is ordered at each
        time would make, and deliver, one more of it each time. Nothing is ordered. Its template."""
        principal.require_write()
        await self._ordered(principal, order, is_repeated=True)
        return await self._templates.get(principal, order.template, owner=order.owner)

    async def expansion(self, principal: Principal, order: BatchOrder, *, shown: int) -> Expansion:
        """How many reports `start` would make, with the parameters of the first; none is made."""
        principal.require_read()
        batch = await self._ordered(principal, order)
        limits, max_reports = self._reading.limits, self._max_reports
        async with expand_request(batch, self._blobs, limits, max_reports=max_reports) as expand:
            request = ExpansionRequest(expand=expand, shown=shown)
            found: Expansion = await self._reading.in_worker(principal, plan_expansion, request)
        read = {name: used.dataset_id for name, used in batch.dataset_versions.items()}
        return msgspec.structs.replace(found, datasets=read)

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

    async def reorder(self, principal: Principal, batch_id: str, *, idempotency_key: str | None = None) -> BatchStart:
        """A new batch of the reports that failed, from the template and data as they are now.

        Raises `Conflict` when none failed.
        """
        principal.require_write()
        batch = await self.get(principal, batch_id)
        failed = [report_id for report_id, state in await self._store.states(batch.id) if state is State.FAILED]
        if not failed:
            raise Conflict("No report of this batch failed; there is nothing to order anew.")
        template = await self._template_of(principal, batch)
        order = BatchOrder(
            template=template.name,
            owner=template.owner_id,
            parameters=[(await self._store.report(report_id)).parameters for report_id in failed],
            formats=batch.formats,
            name=batch.name,
            as_of=batch.as_of.isoformat() if batch.as_of else "",
        )
        return await self.start(principal, order, idempotency_key=idempotency_key, asked={"reorder": batch.id})

    async def _books(self, principal: Principal, wishes: Sequence[DeliveryWish]) -> dict[str, Version]:
        """Datasets that say who gets what, by the name that the caller has for them, whoever's template it is."""
        wanted = books_of(wishes)
        if not wanted:
            return {}
        catalog = self._reading.catalog
        known = await catalog.readable(principal)
        found = await catalog.mentioned(known, [book.dataset for book in wanted])
        require_books(wishes, found)
        return {book.dataset: found[book.dataset] for book in wanted}

    async def _template_of(self, principal: Principal, batch: BatchHead) -> StoredTemplate:
        """As the batch was ordered from it; for those that did not note which one, the batch's owner's."""
        if batch.template_id is None:
            return await self._templates.get(principal, batch.template_name, owner=batch.owner_id)
        return await self._templates.of_id(principal, batch.template_id, batch.template_name)

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

    async def _ordered(self, principal: Principal, order: BatchOrder, *, is_repeated: bool = False) -> Batch:
        """The batch as it will be stored, its job still missing."""
        now = self._clock().replace(microsecond=0)  # as files write it
        clock = moment_of(order.as_of, principal.time_zone) if order.as_of else now
        wishes = self._deliveries.kept(order.deliveries)
        stored = await self._templates.get(principal, order.template, owner=order.owner)
        source = await self._templates.bundled(principal, stored.source, stored.owner_id)
        requested = asked_parameters(order)
        queries = [requested["query"]] if isinstance(requested, dict) else []
        catalog = self._reading.catalog
        known = await catalog.readable(principal, meant_by=stored.owner_id)
        read = await catalog.mentioned(known, [source, *queries])
        books = await self._books(principal, wishes)
        await self._reading.note_looks(principal, [*read.values(), *books.values()])
        plan: OrderPlan = await self._reading.in_worker(
            principal,
            plan_order,
            OrderRequest(
                source=source,
                datasets={name: tuple(version.columns) for name, version in read.items()},
                parameters=requested,
                max_reports=self._max_reports,
                clock=clock,
                known=known.offered,
                language=principal.language,
                time_zone=principal.time_zone,
                carried=columns_of(wishes),
                named=parameters_named(wishes),
                is_repeated=is_repeated,
            ),
        )
        require_columns(wishes, plan.columns)
        return Batch(
            id=new_id(),
            owner_id=principal.user_id,
            job_id="",
            name=order.name or plan.name[:_NAME_CHARACTERS] or stored.name,
            template_id=stored.id,
            template_name=stored.name,
            template_version=stored.version,
            template_source=source,
            requested=requested,
            formats=formats_of(order.formats or plan.formats),
            clock=clock,
            dataset_versions=used_datasets({name: read[name] for name in plan.datasets}),
            # As they are now: a batch keeps all that it is made from (docs/decisions/0004).
            images=await self._images.pinned(stored.owner_id, plan.images),
            language=principal.language,
            time_zone=principal.time_zone,
            report_count=0,
            created_at=now,
            deliveries=WantedDeliveries(
                wishes=wishes,
                schedule_id=order.schedule_id,
                is_trial=all(wish.trial is not None for wish in wishes),
                books=book_versions(books),
            )
            if wishes
            else None,
            delivery_state=DeliveryStage.WANTED if wishes else DeliveryStage.NONE,
        )


def _as_asked(order: BatchOrder) -> dict[str, Any]:
    """For its fingerprint: what came to orders later adds nothing while it is not used, so that keys of before hold."""
    plain: dict[str, Any] = msgspec.to_builtins(order)
    return {name: value for name, value in plain.items() if value or name not in ("deliveries", "schedule_id")}


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
