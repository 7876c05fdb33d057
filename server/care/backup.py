"""Makes a backup beside a server that runs: one view of the database first, then the files that it names.

Why no file is missing from it that a row in it names: files are published before their rows are stored and deleted
after these have gone. Every file gets a second name before the view begins and once more when it has begun, so that
deleting one later takes nothing from the backup. What came and went between the two is looked for, and if there was
some, the view is taken again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from server import __version__
from server.care.archive import PIECE_BYTES, ArchiveWriter, is_place, key_id
from server.care.frozen_files import FrozenFiles, frozen
from server.care.manifest import FORMAT, KEY, FileNote, KeyNote, Manifest, TableNote, table_member
from server.care.named_files import UPLOADS, NamedFiles, named_files
from server.care.problem import CareRefused
from server.care.row_lines import columns_of, lines_of
from server.care.schema import require_own_schema, unhurried
from server.care.telling import FarTelling, Say
from server.care.verifying import verify
from server.clock import new_id, rfc3339, utc_now
from server.errors import JinduError
from server.storage.database import Database
from server.storage.tables import metadata

_VIEWS = 5  # each is taken again only when a file went within milliseconds of its row
_SQLITE_SIZE = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
_SPARE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupKey:
    """The key of the session cookie, and whether it goes into the archive: one from the settings stays out of it."""

    content: bytes = b""
    is_inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    database: Database
    data: Path
    target: Path
    key: BackupKey
    min_free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBackup:
    path: Path
    bytes: int
    manifest: Manifest
    seconds: float


async def make_backup(order: BackupOrder, *, say: Say = lambda _: None) -> MadeBackup:
    """Verified before it has its name. Raises `CareRefused`, and then there is none."""
    began, now = time.monotonic(), utc_now()
    target = _target(order.target, now)
    with frozen(order.data) as files, _new_file(target) as (path, stream):
        with _disk_watched(target), _database_watched(), ArchiveWriter(stream, made_at=now) as writer:
            async with _view(order, files) as (connection, schema, named):
                _require_room(order, target, await _size_of(connection) + _size_of_files(files, named))
                say(f"reading the database (schema {schema})")
                tables = await _write_tables(writer, connection)
                engine = connection.dialect.name
            say(f"copying {len(files.places)} files")
            copying = FarTelling(say, "copied", _size_of_files(files, named))
            copied, missing = _write_files(writer, files, named, copying)
            writer.finish(
                Manifest(
                    format=FORMAT,
                    program=__version__,
                    schema=schema,
                    engine=engine,
                    made_at=rfc3339(now),
                    key=_write_key(writer, order.key),
                    tables=tables,
                    files=copied,
                    missing=missing,
                )
            )
            stream.flush()
            os.fsync(stream.fileno())
        say("reading it again")
        manifest = verify(path)
    return MadeBackup(path=target, bytes=target.stat().st_size, manifest=manifest, seconds=time.monotonic() - began)


def _target(given: Path, now: datetime) -> Path:
    """In a directory it is called by its time."""
    target = given / f"jindu-{now:%Y-%m-%dT%H%M%SZ}.zip" if given.is_dir() else given
    if target.exists():
        raise CareRefused("file_exists", f"There is a file {target} already; name another one.")
    if not target.parent.is_dir():
        raise CareRefused("no_directory", f"There is no directory {target.parent} to write the backup to.")
    return target


@contextmanager
def _new_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file beside the target, for us alone; it gets the target's name when the block has ended well."""
    path = target.with_name(f".{target.name}.{new_id()}.partial")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CareRefused("not_writable", f"{target.parent} cannot be written to: {error.strerror}.") from None
    stream = os.fdopen(descriptor, "w+b")
    try:
        yield path, stream
        stream.close()
        _give_name(path, target)
    finally:
        with suppress(OSError):  # what a full disk has not taken before it does not take now
            stream.close()
        path.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _give_name(path: Path, target: Path) -> None:
    """Not over a file that somebody else has put there meanwhile."""
    try:
        os.link(path, target)
    except FileExistsError:
        raise CareRefused("file_exists", f"There is a file {target} by now; name another one.") from None
    except OSError:  # no second names here
        path.replace(target)


@asynccontextmanager
async def _view(order: BackupOrder, files: FrozenFiles) -> AsyncIterator[tuple[AsyncConnection, str, NamedFiles]]:
    """A view of the database in which every file that a row names has its second name, unless it is lost."""
    for attempt in range(_VIEWS):
        files.take()
        async with order.database.read() as connection:
            schema = await require_own_schema(connection)  # from this look on the view is fixed
            await unhurried(connection)
            await _require_sound(connection)
            files.take()
            named = await named_files(connection)
            if attempt == _VIEWS - 1 or not named.required.keys() - files.places:
                yield connection, schema, named
                return


async def _require_sound(connection: AsyncConnection) -> None:
    """A damaged database must not become a backup that looks like one."""
    if connection.dialect.name != "sqlite":
        return
    told = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalars().all()
    if told != ["ok"]:
        raise CareRefused(
            "database_damaged",
            f"The database is damaged ({told[0]}); nothing was backed up. Keep the last good backup, and run doctor.",
        )


async def _write_tables(writer: ArchiveWriter, connection: AsyncConnection) -> dict[str, TableNote]:
    notes = {}
    for table in metadata.sorted_tables:
        rows, waiting = 0, bytearray()
        with writer.member(table_member(table.name), is_packed=True) as member:
            async for line in lines_of(connection, table):
                rows += 1
                waiting += line
                if len(waiting) >= PIECE_BYTES:
                    member.write(bytes(waiting))
                    waiting.clear()
            member.write(bytes(waiting))
        notes[table.name] = TableNote(
            rows=rows, columns=columns_of(table), bytes=member.note.bytes, sha256=member.note.sha256
        )
    return notes


def _write_files(
    writer: ArchiveWriter, files: FrozenFiles, named: NamedFiles, copying: FarTelling
) -> tuple[dict[str, FileNote], list[str]]:
    """What was copied, and what rows name that is not there, or not all of it."""
    notes: dict[str, FileNote] = {}
    missing = set(named.required) - files.places
    for place in sorted(_wanted(files, named)):
        known = named.required.get(place)
        with suppress(FileNotFoundError), files.path(place).open("rb") as source:
            with writer.member(place) as member:
                for piece in _pieces(source, known.at_least if place.startswith(f"{UPLOADS}/") and known else None):
                    member.write(piece)
                    copying.add(len(piece))
            notes[place] = member.note
        if known and (place not in notes or notes[place].bytes < known.at_least):
            missing.add(place)
    return notes, sorted(missing)


def _wanted(files: FrozenFiles, named: NamedFiles) -> set[str]:
    """All that was published, also what no row names that we know of; of uploads those that have a row."""
    return {
        place
        for place in files.places
        if is_place(place) and (place in named.required or not place.startswith(f"{UPLOADS}/"))
    }


def _pieces(source: BinaryIO, most: int | None) -> Iterator[bytes]:
    """Of an upload only what was acknowledged: the rest may be written over at this moment."""
    left = most
    while left is None or left > 0:
        piece = source.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def _write_key(writer: ArchiveWriter, key: BackupKey) -> KeyNote:
    if key.is_inside:
        with writer.member(KEY) as member:
            member.write(key.content)
    return KeyNote(is_inside=key.is_inside, id=key_id(key.content) if key.content else "")


async def _size_of(connection: AsyncConnection) -> int:
    if connection.dialect.name == "sqlite":
        return int((await connection.exec_driver_sql(_SQLITE_SIZE)).scalar_one())
    return int((await connection.exec_driver_sql("select pg_database_size(current_database())")).scalar_one())


def _size_of_files(files: FrozenFiles, named: NamedFiles) -> int:
    size = 0
    for place in _wanted(files, named):
        with suppress(FileNotFoundError):
            size += files.path(place).stat().st_size
    return size


def _require_room(order: BackupOrder, target: Path, needed: int) -> None:
    """On the server's own disk it leaves what the server needs to go on."""
    is_same_disk = target.parent.stat().st_dev == order.data.stat().st_dev
    kept, free = order.min_free_bytes if is_same_disk else 0, shutil.disk_usage(target.parent).free
    if free < needed + kept + _SPARE_BYTES:
        raise CareRefused(
            "no_room",
            f"The backup may need {needed:,} bytes, and {target.parent} has {max(0, free - kept):,} for it: write it "
            "to a larger disk, or make room.",
        )


@contextmanager
def _disk_watched(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or target
        raise CareRefused("write_failed", f"The backup could not be made: {error.strerror} ({where}).") from error


@contextmanager
def _database_watched() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise CareRefused("database_unreadable", f"The database cannot be read: {error.orig}.") from error
    except JinduError as error:
        raise CareRefused(error.specific_code, f"The database cannot be read: {error.text}") from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
