"""Report templates, batches of reports, and the job that makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.app.datasets import Datasets
from server.app.live import Live
from server.app.resources import meanwhile
from server.app.storage import Storage
from server.app.uploads import Uploads
from server.app.workers import Workers
from server.jobs.kinds import JobKind
from server.reports.batch import BatchReports
from server.reports.batch_store import BatchStore
from server.reports.brand_store import BrandStore
from server.reports.image_library import ImageLibrary
from server.reports.template_store import TemplateStore
from server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    templates: TemplateStore
    batches: BatchStore
    images: ImageLibrary
    brands: BrandStore
    job_kind: JobKind


def build_reports(
    settings: Settings, *, storage: Storage, workers: Workers, uploads: Uploads, datasets: Datasets, live: Live
) -> Reports:
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
    return Reports(
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
        brands=BrandStore(),
        job_kind=job.kind(),
    )


@asynccontextmanager
async def open_reports(reports: Reports) -> AsyncIterator[None]:
    async with meanwhile(reports.images.watch()):
        yield
