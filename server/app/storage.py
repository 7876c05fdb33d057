"""What lies in the data directory: the database, files, the room that is left; and who on the machine may see it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from socket import gethostname

from server.app.engines import open_database, open_files
from server.app.resources import meanwhile
from server.errors import StorageFull
from server.realtime.history import History
from server.settings import Settings
from server.storage import privacy
from server.storage.blob_store import BlobStore
from server.storage.database import NODE, Database
from server.storage.growth import Growth
from server.storage.quotas import Quota, Quotas, Stored
from server.storage.reserve import Reserve
from server.storage.room import Room, Space
from server.storage.scratch import Scratch
from server.storage.stored_bytes import StoredBytes
from server.uploads.file_stores import FileStores

_LOG = logging.getLogger("jindu.storage")
_CUT_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageParts:
    database: Database
    blobs: BlobStore
    files: FileStores
    scratch: Scratch
    reserve: Reserve
    room: Room
    quotas: Quotas
    growth: Growth
    stored_bytes: StoredBytes


def build_storage(settings: Settings, *, wrap: Callable[[Database], Database]) -> StorageParts:
    """The data directory, and what is kept in it; `wrap` puts around the database what looks on."""
    data = settings.data
    # It is the database that needs it, if that is here: what people do on a full disk must still be stored.
    wanted_bytes = 0 if settings.database_url else settings.reserve_bytes
    reserve = Reserve(data / "reserve", wanted_bytes=wanted_bytes)
    database = wrap(open_database(settings, reserve=reserve, name=f"{NODE}{gethostname()}:{_place(settings)}"))
    quotas = _quotas(settings)
    files = open_files(settings)
    return StorageParts(
        database=database,
        blobs=files.blobs,
        files=files,
        scratch=Scratch(data / "blobs" / "partial"),
        reserve=reserve,
        room=Room(data, min_free_bytes=settings.min_free_bytes, reserve=reserve),
        quotas=quotas,
        growth=Growth(bytes_per_day=settings.max_database_growth_per_user),
        stored_bytes=StoredBytes(database=database, quotas=quotas),
    )


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


def _place(settings: Settings) -> str:
    """On its machine."""
    if settings.role == "worker":
        return settings.node or f"worker{settings.worker_port or ''}"
    return str(settings.port)


@asynccontextmanager
async def open_storage(settings: Settings, storage: StorageParts) -> AsyncIterator[bool]:
    """Yields whether the database may not be what the last process left."""
    await asyncio.to_thread(privacy.close_to_others, settings.data)
    await asyncio.to_thread(storage.scratch.sweep)  # first of all: a full disk needs the room to start
    await asyncio.to_thread(storage.reserve.begin)
    async with _open_database(settings, storage.database) as is_cut:
        await asyncio.to_thread(storage.reserve.take)
        _warn_of_little_room(storage.room)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(meanwhile(storage.scratch.watch()))
            await stack.enter_async_context(meanwhile(storage.stored_bytes.run()))
            if storage.files.watch is not None:
                await stack.enter_async_context(meanwhile(storage.files.watch()))
            if storage.files.leftovers is not None:
                await stack.enter_async_context(meanwhile(storage.files.leftovers.watch()))
            yield is_cut


@asynccontextmanager
async def _open_database(settings: Settings, database: Database) -> AsyncIterator[bool]:
    try:
        await (database.migrate() if settings.upgrade_at_start else database.require_newest())
        yield await database.is_cut()
    finally:
        await database.close()


def _warn_of_little_room(room: Room) -> None:
    if room.state is not Space.OK:
        _LOG.warning(
            "there is little room on the disk (%s bytes are free): new data is refused; "
            "delete datasets, uploads or batches that nobody needs, or make the disk larger",
            room.statistics().free_bytes,
            extra={"action": "start"},
        )


@asynccontextmanager
async def open_history(history: History, *, is_cut: bool) -> AsyncIterator[None]:
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
