"""Report templates, batches of reports, and the job that makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.app.datasets import DatasetParts
from server.app.live import LiveParts
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.app.uploads import UploadParts
from server.app.workers import WorkerParts
from server.jobs.kinds import JobKind
from server.reports.batch import BatchReports
from server.reports.batch_store import BatchStore
from server.reports.image_library import ImageLibrary
from server.reports.template_store import TemplateStore
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParts:
    templates: TemplateStore
    batches: BatchStore
    images: ImageLibrary
    job_kind: JobKind


def build_reports(
    settings: Settings,
    *,
    storage: StorageParts,
    workers: WorkerParts,
    uploads: UploadParts,
    datasets: DatasetParts,
    live: LiveParts,
) -> ReportParts:
    batches = BatchStore(storage.database)
    job = BatchReports(
        database=storage.database,
        store=batches,
        blobs=storage.blobs,
        scratch=storage.scratch,
        announce=live.announcing.publish,
        limits=datasets.query_limits,
        parallel=workers.heavy_slots,
        max_reports=settings.max_reports_per_batch,
        room=storage.room,
        quotas=storage.quotas,
        report_seconds=settings.report_seconds,
    )
    return ReportParts(
        templates=TemplateStore(storage.database),
        batches=batches,
        images=ImageLibrary(
            uploads.store,
            uploads.pieces,
            blobs=storage.blobs,
            scratch=storage.scratch,
            workers=workers.interactive,
            room=storage.room,
            used=batches.image_keys,
        ),
        job_kind=job.kind(),
    )


@asynccontextmanager
async def open_reports(reports: ReportParts) -> AsyncIterator[None]:
    async with meanwhile(reports.images.watch()):
        yield
