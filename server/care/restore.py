"""Makes data of a backup again: in a folder beside, checked while it is unpacked, and only then in its place."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.archive import ArchiveReader, key_id
from server.care.file_marks import forget_marks
from server.care.manifest import KEY, Manifest
from server.care.problem import CareRefused, damaged
from server.care.restoring_files import failures_named, write_file
from server.care.restoring_store import StorePlacing, bytes_on_the_way
from server.care.row_lines import add_rows, count_on
from server.care.schema import count_of, require_empty, unhurried
from server.care.swapping import require_free, staging, swap_in, sync_directory
from server.care.telling import FarTelling, Say
from server.care.unserved import require_unserved
from server.clock import utc_now
from server.deliveries.bouncing import leave_mailbox_alone
from server.deliveries.store import hold_deliveries
from server.delivery.outbox import forget_pushes
from server.delivery.push import hold_pushes
from server.monitoring.uptime import end_with_backup
from server.realtime.history import History
from server.schedules.restored import hold_restored
from server.storage.database import Database
from server.storage.living_nodes import forget_nodes_of_backup
from server.storage.migrating import newest_revision
from server.storage.one_server import held
from server.storage.privacy import make_directory
from server.storage.scratch import Scratch
from server.uploads.file_stores import FileStores

OpenIn = Callable[[Path], Database]
StoresIn = Callable[[Path], FileStores]
_SPARE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """`open_in` opens the database that belongs to a data directory: one in it, or one elsewhere; `stores_in` where
    files lie that are not in the directory, with what it needs below it.

    `given_key` is that of the settings, empty if the server keeps its own; `new_key` allows for another than before.
    """

    archive: Path
    data: Path
    open_in: OpenIn
    stores_in: StoresIn | None = None
    replace: bool = False
    given_key: str = ""
    new_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """`schema` is that of the tables now; `aside` is where what was there before lies."""

    manifest: Manifest
    schema: str
    aside: Path | None
    seconds: float


async def restore(order: RestoreOrder, *, say: Say = lambda _: None) -> Restored:
    """Raises `CareRefused` or `ConfigurationError` (a server runs there); what is there then stays as it is."""
    began = time.monotonic()
    with ArchiveReader(order.archive) as archive:
        _require_known_schema(archive.manifest)
        _require_key(archive.manifest, order)
        require_free(order.data, replace=order.replace)
        make_directory(order.data)
        _require_room(archive.manifest, order.data, has_files=order.stores_in is None)
        with held(order.data), staging(order.data) as folder:
            await _require_ready(order.open_in, folder, archive.manifest)
            await _restore_into(folder, archive, order, say)
            aside = swap_in(order.data, folder, utc_now())
    return Restored(manifest=archive.manifest, schema=newest_revision(), aside=aside, seconds=time.monotonic() - began)


async def prove(archive_path: Path, *, scratch: Path, open_in: OpenIn, say: Say = lambda _: None) -> Restored:
    """A whole restore into a folder of `scratch` that is deleted in the end, whatever came of it."""
    began = time.monotonic()
    with ArchiveReader(archive_path) as archive:
        _require_known_schema(archive.manifest)
        _require_room(archive.manifest, scratch)
        with TemporaryDirectory(prefix="jindu-prove-", dir=scratch) as folder:
            unpack_files(archive, Path(folder), say=say)
            await fill(archive, Path(folder), open_in, say=say)
    return Restored(manifest=archive.manifest, schema=newest_revision(), aside=None, seconds=time.monotonic() - began)


async def _restore_into(folder: Path, archive: ArchiveReader, order: RestoreOrder, say: Say) -> None:
    if order.stores_in is None:
        unpack_files(archive, folder, say=say)
        await fill(archive, folder, order.open_in, has_key=not order.new_key, say=say)
        return
    with failures_named():
        placing = StorePlacing(archive, order.stores_in(folder), Scratch(folder / "scratch"), say)
        await placing.look(replace=order.replace)
        async with placing.placed():
            await fill(archive, folder, order.open_in, has_key=not order.new_key, say=say)


def unpack_files(archive: ArchiveReader, folder: Path, *, say: Say) -> None:
    """Each byte checked on the way; files first, since a bad one costs nothing."""
    with failures_named():
        say(f"unpacking {len(archive.manifest.files)} files")
        for kind in ("blobs", "uploads"):
            make_directory(folder / kind)
        unpacking = FarTelling(say, "unpacked", archive.manifest.file_bytes)
        for name, note in archive.manifest.files.items():
            write_file(folder / name, archive.file(name))
            unpacking.add(note.bytes)


async def fill(archive: ArchiveReader, folder: Path, open_in: OpenIn, *, say: Say, has_key: bool = True) -> None:
    """The rest: the key, and every row."""
    with failures_named():
        if (key := archive.key()) is not None and has_key:
            write_file(folder / KEY, iter([key]))
        _sync_directories(folder)
        say(f"restoring {archive.manifest.row_count} rows")
        database = open_in(folder)
        try:
            await _fill_database(archive, database)
        finally:
            await database.close()
        (folder / "jindu.db.mark").unlink(missing_ok=True)  # so that the next start knows that it was put back, too


async def _require_ready(open_in: OpenIn, folder: Path, manifest: Manifest) -> None:
    """Before the files, which may take hours."""
    with failures_named():
        database = open_in(folder)
        try:
            await _require_for_us(database, manifest)
        finally:
            await database.close()


async def _require_for_us(database: Database, manifest: Manifest) -> None:
    await require_unserved(database)
    await require_empty(database, manifest.schema)


async def _fill_database(archive: ArchiveReader, database: Database) -> None:
    manifest = archive.manifest
    await _require_for_us(database, manifest)
    await database.migrate(None if manifest.schema == newest_revision() else manifest.schema)
    async with database.write() as connection:
        await unhurried(connection)
        for name, note in manifest.tables.items():
            await add_rows(connection, name, note.columns, archive.rows(name))
        await count_on(connection, manifest.tables)
        await _require_counts(connection, manifest)
    await database.migrate()
    async with database.write() as connection:
        await end_with_backup(connection, _made_at(manifest))
        await forget_nodes_of_backup(connection, _made_at(manifest))
        await forget_marks(connection)
        await hold_restored(connection)
        await hold_deliveries(connection)
        await leave_mailbox_alone(connection, utc_now())
        await hold_pushes(connection, utc_now())
        await forget_pushes(connection)
    await History(database).cut_all()
    async with database.read() as connection:
        await _require_sound(connection)


def _made_at(manifest: Manifest) -> datetime:
    try:
        return datetime.fromisoformat(manifest.made_at).astimezone(UTC)
    except ValueError:
        raise damaged(f"it was made at {manifest.made_at}, which is no time") from None


async def _require_counts(connection: AsyncConnection, manifest: Manifest) -> None:
    for name, note in manifest.tables.items():
        if (count := await count_of(connection, name)) != note.rows:
            raise damaged(f"{note.rows} rows of {name} became {count}")


async def _require_sound(connection: AsyncConnection) -> None:
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL has checked each reference as it came
    told = (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalars().all()
    if told != ["ok"] or (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first() is not None:
        raise damaged("its rows do not make a sound database")


def _require_known_schema(manifest: Manifest) -> None:
    known = newest_revision()
    if manifest.schema > known:
        raise CareRefused(
            "schema_too_new",
            f"The backup has schema {manifest.schema}, made by version {manifest.program}; this program knows schemas "
            f"up to {known}. Install version {manifest.program} or newer.",
        )


def _require_key(manifest: Manifest, order: RestoreOrder) -> None:
    """Fails closed: everybody who is signed in would be signed out without anybody having meant it."""
    if order.new_key or not manifest.key.id:
        return
    if order.given_key and key_id(order.given_key.encode()) == manifest.key.id:
        return
    if not order.given_key and manifest.key.is_inside:
        return
    have = "JINDU_SECRET_KEY is another one" if order.given_key else "it is not in the backup"
    raise CareRefused(
        "key_missing",
        f"The secret key {manifest.key.id} is needed and {have}. Give it in JINDU_SECRET_KEY_FILE, or begin with a new "
        "one with --new-key: then everybody signs in again, and nothing else is lost.",
    )


def _require_room(manifest: Manifest, directory: Path, *, has_files: bool = True) -> None:
    files = manifest.file_bytes if has_files else bytes_on_the_way(manifest)
    needed, free = files + manifest.rows_bytes + _SPARE_BYTES, shutil.disk_usage(directory).free
    if free < needed:
        raise CareRefused(
            "no_room", f"About {needed:,} bytes are needed, and {directory} has {free:,} free: make room."
        )


def _sync_directories(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        sync_directory(Path(parent))
