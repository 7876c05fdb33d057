"""Report templates, batches of reports, and the job that makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.app.datasets import Datasets
from server.app.live import Live
from server.app.storage import Storage
from server.app.uploads import Uploads
from server.app.workers import Workers
from server.jobs.kinds import JobKind
from server.reports.batch import BatchReports
from server.reports.batch_store import BatchStore
from server.reports.images import ImageLibrary
from server.reports.template_store import TemplateStore
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    templates: TemplateStore
    batches: BatchStore
    images: ImageLibrary
    job_kind: JobKind


def build_reports(
    settings: Settings, *, storage: Storage, workers: Workers, uploads: Uploads, datasets: Datasets, live: Live
) -> Reports:
    batches = BatchStore(storage.database)
    job = BatchReports(
        database=storage.database,
        store=batches,
        blobs=storage.blobs,
        announce=live.announcing.publish,
        limits=datasets.query_limits,
        parallel=workers.heavy_slots,
        max_reports=settings.max_reports_per_batch,
        room=storage.room,
        quotas=storage.quotas,
    )
    return Reports(
        templates=TemplateStore(storage.database),
        batches=batches,
        images=ImageLibrary(uploads.store, storage.blobs, workers.interactive, storage.room),
        job_kind=job.kind(),
    )


@asynccontextmanager
async def open_reports(reports: Reports) -> AsyncIterator[None]:
    await reports.images.remove_unused(await reports.batches.image_keys())
    yield
