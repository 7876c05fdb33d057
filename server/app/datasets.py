"""The catalogue of datasets, and what is done with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from server.app.jobs import shared_workers
from server.app.resources import resource
from server.auth.audit import Audit
from server.datasets.catalog import Catalog
from server.datasets.importing import DataImport
from server.datasets.query import QueryLimits
from server.datasets.schema import FileLimits
from server.http import keys
from server.jobs.kinds import JobKind
from server.jobs.shared_workers import SharedWorkers
from server.operations.datasets import DatasetOperations
from server.operations.imports import ImportOperations
from server.operations.queries import QueryOperations
from server.storage.quotas import Stored

_EXPORT_PATIENCE_SECONDS = 300.0  # who exports a million rows has some; a browser waits as long for its first byte


def add_datasets(app: web.Application) -> None:
    """The catalogue of datasets, and what people do with it: import, look, query, export."""
    settings, database, blobs = app[keys.SETTINGS], app[keys.DATABASE], app[keys.BLOBS]
    catalog = Catalog(database, blobs, announce=app[keys.ANNOUNCING].publish)
    # Exports of their own: one may take minutes, and neither a page nor a job should wait for it.
    exports = shared_workers(
        settings, size=settings.export_workers, per_user=1, niceness=10, patience_seconds=_EXPORT_PATIENCE_SECONDS
    )
    limits = QueryLimits(seconds=settings.query_seconds, rows=settings.query_rows)
    audit, workers = Audit(database), app[keys.INTERACTIVE]
    data_import = DataImport(
        uploads=app[keys.UPLOAD_STORE],
        catalog=catalog,
        blobs=blobs,
        database=database,
        limits=FileLimits.from_settings(settings),
        room=app[keys.ROOM],
        quotas=app[keys.QUOTAS],
    )
    app[keys.JOB_KINDS].add(
        JobKind(name="data_import", unit="rows", function=data_import.process_data_import, stores=Stored.DATASETS)
    )
    app[keys.CATALOG] = catalog
    app[keys.DATASETS] = DatasetOperations(
        database=database,
        catalog=catalog,
        workers=workers,
        exports=exports,
        blobs=blobs,
        audit=audit,
        limits=limits,
        answer_bytes=settings.max_answer_bytes,
        room=app[keys.ROOM],
    )
    app[keys.IMPORTS] = ImportOperations(
        runner=app[keys.RUNNER],
        jobs=app[keys.JOBS],
        uploads=app[keys.UPLOAD_STORE],
        catalog=catalog,
        workers=workers,
        blobs=blobs,
        audit=audit,
        limits=FileLimits.from_settings(settings),
        reject_limit=settings.reject_limit,
    )
    app[keys.QUERIES] = QueryOperations(
        catalog=catalog,
        workers=workers,
        blobs=blobs,
        limits=limits,
        answer_bytes=settings.max_answer_bytes,
        room=app[keys.ROOM],
    )
    app[keys.STATISTICS]["exports"] = exports.statistics
    app.cleanup_ctx.append(resource(lambda: _open_exports(exports)))


@asynccontextmanager
async def _open_exports(exports: SharedWorkers) -> AsyncIterator[None]:
    yield
    await exports.close()
