"""Files on their way in, the job that follows each, and the sweep of those that nobody finishes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from server.app import engines
from server.app.live import LiveParts, RealtimeParts
from server.app.resources import meanwhile
from server.app.storage import StorageParts
from server.clock import utc_now
from server.jobs.kinds import JobKind
from server.operations.uploads import UploadLimits
from server.settings import Settings
from server.uploads.arrivals import Arrivals, UploadMoved
from server.uploads.elsewhere import Elsewhere
from server.uploads.expiry import ExpirySweep
from server.uploads.fetching import FileFetch
from server.uploads.files import UploadStore
from server.uploads.folders import Folders
from server.uploads.pieces import Pieces
from server.uploads.receiving import Receiver
from server.uploads.upload import DataUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadParts:
    store: UploadStore
    pieces: Pieces
    arrivals: Arrivals
    receiver: Receiver
    sweep: ExpirySweep
    limits: UploadLimits
    job_kinds: Sequence[JobKind]
    folders: Folders
    elsewhere: Mapping[str, Elsewhere]
    fetch: FileFetch


def build_uploads(
    settings: Settings, *, storage: StorageParts, realtime: RealtimeParts, live: LiveParts
) -> UploadParts:
    database, pieces = storage.database, storage.files.pieces
    arrivals = Arrivals(broker=realtime.broker if engines.may_be_many(settings) else None)
    live.delivery.add(UploadMoved, arrivals.heard)
    store = UploadStore(database, quotas=storage.quotas)
    limits = UploadLimits(max_bytes=settings.max_upload_bytes, expiry=timedelta(hours=settings.upload_expiry_hours))
    receiver = Receiver(
        store=store, pieces=pieces, arrivals=arrivals, clock=utc_now, expiry=limits.expiry, room=storage.room
    )
    upload = DataUpload(
        database=database,
        store=store,
        pieces=pieces,
        receiver=receiver,
        arrivals=arrivals,
        clock=utc_now,
        silence=timedelta(minutes=settings.upload_silence_minutes),
        expiry=limits.expiry,
    )
    folders = Folders(
        {
            name.strip(): Path(path.strip())
            for name, _, path in (each.partition("=") for each in settings.import_folders)
        }
    )
    elsewhere: dict[str, Elsewhere] = {"url": engines.ENGINES.addresses(settings), "folder": folders}
    fetch = FileFetch(
        database=database,
        store=store,
        pieces=pieces,
        receiver=receiver,
        elsewhere=elsewhere,
        clock=utc_now,
        expiry=limits.expiry,
        max_bytes=limits.max_bytes,
    )
    return UploadParts(
        store=store,
        pieces=pieces,
        arrivals=arrivals,
        receiver=receiver,
        sweep=ExpirySweep(store=store, pieces=pieces, receiver=receiver, clock=utc_now),
        limits=limits,
        job_kinds=(upload.kind(), fetch.kind()),
        folders=folders,
        elsewhere=elsewhere,
        fetch=fetch,
    )


@asynccontextmanager
async def open_uploads(sweep: ExpirySweep) -> AsyncIterator[None]:
    async with meanwhile(sweep.watch()):
        yield
