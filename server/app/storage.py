"""What lies in the data directory: the database, files, the room that is left; and who on the machine may see it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from server.app.engines import open_database
from server.app.resources import meanwhile, resource
from server.errors import StorageFull
from server.http import keys
from server.operations.room_watch import RoomWatch
from server.operations.usage import UsageOperations
from server.realtime.history import History
from server.settings import Settings
from server.storage import privacy
from server.storage.blobs import Blobs
from server.storage.quotas import Quota, Quotas, Stored
from server.storage.reserve import Reserve
from server.storage.room import Room, Space

_LOG = logging.getLogger("jindu.storage")
_CUT_AGAIN_SECONDS = 5.0
_SWEEP_SECONDS = 600.0
_LEFT_SECONDS = 6 * 3600.0  # nothing that is being written rests for so long


def add_storage(app: web.Application) -> None:
    """The data directory, and what is kept in it."""
    settings = app[keys.SETTINGS]
    reserve = Reserve(settings.data / "reserve", wanted_bytes=settings.reserve_bytes)
    app[keys.ROOM] = Room(settings.data, min_free_bytes=settings.min_free_bytes, reserve=reserve)
    app[keys.DATABASE] = open_database(settings, reserve=reserve)
    app[keys.BLOBS] = Blobs(settings.data / "blobs")
    app[keys.QUOTAS] = _quotas(settings)
    app[keys.USAGE] = UsageOperations(database=app[keys.DATABASE], quotas=app[keys.QUOTAS])
    app[keys.STATISTICS]["storage"] = app[keys.ROOM].statistics
    app.cleanup_ctx.append(resource(lambda: _open_storage(app, reserve)))


def add_room_watch(app: web.Application) -> None:
    """Once there is somebody to tell, and a way to."""
    watch = RoomWatch(room=app[keys.ROOM], database=app[keys.DATABASE], live=app[keys.LIVE])
    app.cleanup_ctx.append(resource(lambda: meanwhile(watch.run())))


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        {
            Stored.UPLOADS: Quota(per_user=settings.max_upload_bytes_per_user, in_all=settings.max_upload_bytes_in_all),
            Stored.DATASETS: Quota(
                per_user=settings.max_dataset_bytes_per_user, in_all=settings.max_dataset_bytes_in_all
            ),
            Stored.REPORTS: Quota(per_user=settings.max_report_bytes_per_user, in_all=settings.max_report_bytes_in_all),
        }
    )


@asynccontextmanager
async def _open_storage(app: web.Application, reserve: Reserve) -> AsyncIterator[None]:
    data = app[keys.SETTINGS].data
    await asyncio.to_thread(privacy.close_to_others, data)
    await asyncio.to_thread(app[keys.BLOBS].clear_partials)  # first of all: a full disk needs the room to start
    await asyncio.to_thread(reserve.begin)
    await app[keys.DATABASE].migrate()
    is_cut = await app[keys.DATABASE].is_cut()
    await asyncio.to_thread(reserve.take)
    if app[keys.ROOM].state is not Space.OK:
        _LOG.warning(
            "there is little room on the disk (%s bytes are free): new data is refused; "
            "delete datasets, uploads or batches that nobody needs, or make the disk larger",
            app[keys.ROOM].statistics().free_bytes,
            extra={"action": "start"},
        )
    async with _cutting(app[keys.HISTORY], is_cut=is_cut), meanwhile(_sweep(app[keys.BLOBS])):
        yield
    await app[keys.DATABASE].close()


@asynccontextmanager
async def _cutting(history: History, *, is_cut: bool) -> AsyncIterator[None]:
    """What was told last may be lost; on a full disk that can be stored only once there is room."""
    if not is_cut:
        yield
        return
    try:
        await history.cut_all()
    except StorageFull:
        async with meanwhile(_cut_later(history)):
            yield
    else:
        yield


async def _cut_later(history: History) -> None:
    while True:
        await asyncio.sleep(_CUT_AGAIN_SECONDS)
        with suppress(StorageFull):
            await history.cut_all()
            return


async def _sweep(blobs: Blobs) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        with suppress(OSError):
            await asyncio.to_thread(blobs.clear_partials, older_than_seconds=_LEFT_SECONDS)
