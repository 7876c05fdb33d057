"""Templates and batches of reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from server.app.places import ROOT
from server.app.resources import meanwhile, resource
from server.auth.audit import Audit
from server.datasets.query import QueryLimits
from server.http import keys
from server.jobs.kinds import JobKind
from server.jobs.workers import processor_count
from server.operations.batches import KIND as BATCH_REPORT
from server.operations.batches import BatchOperations
from server.operations.retention import Retention
from server.operations.samples import SampleOperations
from server.operations.templates import TemplateOperations
from server.reports.batch import BatchReports
from server.reports.batch_store import BatchStore
from server.reports.images import ImageLibrary
from server.reports.template_store import TemplateStore
from server.storage.quotas import Stored


def add_reports(app: web.Application) -> None:
    """Report templates, batches of reports, and the job that makes them."""
    settings, database, blobs = app[keys.SETTINGS], app[keys.DATABASE], app[keys.BLOBS]
    limits = QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows)
    templates, batches, audit = TemplateStore(database), BatchStore(database), Audit(database)
    job = BatchReports(
        database=database,
        store=batches,
        blobs=blobs,
        announce=app[keys.ANNOUNCING].publish,
        limits=limits,
        parallel=settings.workers or processor_count(),
        max_reports=settings.max_reports_per_batch,
        room=app[keys.ROOM],
        quotas=app[keys.QUOTAS],
    )
    app[keys.JOB_KINDS].add(
        JobKind(name=BATCH_REPORT, unit="reports", function=job.process_batch_reports, stores=Stored.REPORTS)
    )
    images = ImageLibrary(app[keys.UPLOAD_STORE], blobs, app[keys.INTERACTIVE], app[keys.ROOM])
    app.cleanup_ctx.append(resource(lambda: _open_images(images, batches)))
    retention = Retention(
        database=database,
        store=batches,
        blobs=blobs,
        receiver=app[keys.RECEIVER],
        report_days=settings.report_retention_days,
        upload_days=settings.upload_retention_days,
    )
    app.cleanup_ctx.append(resource(lambda: meanwhile(retention.run())))
    app[keys.TEMPLATES] = TemplateOperations(
        database=database,
        store=templates,
        catalog=app[keys.CATALOG],
        workers=app[keys.INTERACTIVE],
        blobs=blobs,
        images=images,
        audit=audit,
        limits=limits,
        room=app[keys.ROOM],
        samples=ROOT / "examples" / "templates",
    )
    app[keys.BATCHES] = BatchOperations(
        database=database,
        store=batches,
        templates=templates,
        catalog=app[keys.CATALOG],
        runner=app[keys.RUNNER],
        jobs=app[keys.JOB_TABLE],
        job_store=app[keys.JOB_STORE],
        workers=app[keys.INTERACTIVE],
        blobs=blobs,
        images=images,
        audit=audit,
        limits=limits,
        max_reports=settings.max_reports_per_batch,
    )
    app[keys.SAMPLES] = SampleOperations(
        uploads=app[keys.UPLOADS], templates=app[keys.TEMPLATES], sample=ROOT / "examples" / "orders.csv"
    )


@asynccontextmanager
async def _open_images(images: ImageLibrary, batches: BatchStore) -> AsyncIterator[None]:
    await images.remove_unused(await batches.image_keys())
    yield
