"""Files on their way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from server.app.resources import meanwhile, resource
from server.auth.audit import Audit
from server.clock import utc_now
from server.http import keys
from server.jobs.kinds import JobKind
from server.operations.upload_parts import PartOperations
from server.operations.uploads import UploadLimits, UploadOperations
from server.uploads.arrivals import Arrivals
from server.uploads.expiry import ExpirySweep
from server.uploads.files import UploadStore
from server.uploads.receiving import Receiver
from server.uploads.upload import DataUpload
from views.api.uploads import add_tus_headers


def add_uploads(app: web.Application) -> None:
    """Files on their way in, the job that follows each, and the sweep of those that nobody finishes."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    room, quotas = app[keys.ROOM], app[keys.QUOTAS]
    store, arrivals = UploadStore(database, settings.data / "uploads", quotas=quotas), Arrivals()
    limits = UploadLimits(max_bytes=settings.max_upload_bytes, expiry=timedelta(hours=settings.upload_expiry_hours))
    receiver = Receiver(
        store=store,
        arrivals=arrivals,
        clock=utc_now,
        expiry=limits.expiry,
        room=room,
    )
    upload = DataUpload(database=database, store=store, receiver=receiver, arrivals=arrivals, clock=utc_now)
    app[keys.JOB_KINDS].add(
        JobKind(
            name="file_upload",
            unit="bytes",
            function=upload.upload_data_file,
            heavy=False,
            counts_interruptions=False,
            can_retry=False,  # the bytes are in the browser, not here
        )
    )
    app[keys.UPLOAD_STORE], app[keys.RECEIVER] = store, receiver
    parts = PartOperations(
        database=database,
        store=store,
        arrivals=arrivals,
        runner=app[keys.RUNNER],
        audit=Audit(database),
        room=room,
        max_bytes=limits.max_bytes,
        expiry=limits.expiry,
        clock=utc_now,
    )
    app[keys.UPLOADS] = UploadOperations(
        database=database,
        store=store,
        receiver=receiver,
        parts=parts,
        runner=app[keys.RUNNER],
        audit=Audit(database),
        limits=limits,
        room=room,
    )
    sweep = ExpirySweep(store=store, receiver=receiver, clock=utc_now)
    app.on_response_prepare.append(add_tus_headers)
    app.cleanup_ctx.append(resource(lambda: _open_uploads(sweep)))


@asynccontextmanager
async def _open_uploads(sweep: ExpirySweep) -> AsyncIterator[None]:
    await sweep.open()
    async with meanwhile(sweep.watch()):
        yield
