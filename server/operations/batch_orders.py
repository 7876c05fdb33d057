"""What people order: of which reports a batch will be, from which template and data, or what is wrong with that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id, utc_now
from server.datasets.dataset import Version
from server.delivery.wishes import DeliveryStage, DeliveryWish, WantedDeliveries, books_of, columns_of
from server.errors import Conflict
from server.jobs.job import Job, Priority, State
from server.jobs.keys import Asked, prioritized
from server.jobs.runner import JobRunner
from server.operations.batches import BatchOperations, BatchStart
from server.operations.data_reading import DataReading
from server.operations.delivery_checks import (
    DeliveryChecks,
    book_versions,
    parameters_named,
    require_books,
    require_columns,
)
from server.operations.templates import TemplateOperations
from server.reports.as_of import moment_of
from server.reports.batch import KIND
from server.reports.batch_orders import BatchOrder, asked_parameters, formats_of
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch, BatchHead
from server.reports.brand_store import BrandStore
from server.reports.image_library import ImageLibrary
from server.reports.requests import expand_request, used_datasets
from server.reports.template_store import StoredTemplate
from server.reports.work import Expansion, ExpansionRequest, OrderPlan, OrderRequest, plan_expansion, plan_order
from server.storage.blob_store import BlobStore

_NAME_CHARACTERS = 300  # the column's width


class BatchOrderOperations:
    """Whoever orders needs the rights to what it is made from; the batch is theirs."""

    def __init__(
        self,
        *,
        batches: BatchOperations,
        store: BatchStore,
        templates: TemplateOperations,
        reading: DataReading,
        runner: JobRunner,
        blobs: BlobStore,
        images: ImageLibrary,
        brands: BrandStore,
        audit: Audit,
        deliveries: DeliveryChecks,
        max_reports: int,
        clock: Clock = utc_now,
    ) -> None:
        self._batches = batches
        self._store = store
        self._templates = templates
        self._reading = reading
        self._runner = runner
        self._blobs = blobs
        self._images = images
        self._brands = brands
        self._audit = audit
        self._deliveries = deliveries
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

    async def reorder(self, principal: Principal, batch_id: str, *, idempotency_key: str | None = None) -> BatchStart:
        """A new batch of the reports that failed, from the template and data as they are now.

        Raises `Conflict` when none failed.
        """
        principal.require_write()
        batch = await self._batches.get(principal, batch_id)
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


def _as_asked(order: BatchOrder) -> dict[str, Any]:
    """For its fingerprint: what came to orders later adds nothing while it is not used, so that keys of before hold."""
    plain: dict[str, Any] = msgspec.to_builtins(order)
    return {name: value for name, value in plain.items() if value or name not in ("deliveries", "schedule_id")}
