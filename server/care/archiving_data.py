"""Rows and the files of a data directory into an archive, beside a server that runs: one view of the rows first.

Why no file is missing from it that a row in it names: files are published before their rows are stored and deleted
after these have gone. Every file gets a second name before the view begins and once more when it has begun, so that
deleting one later takes nothing from the backup. What came and went between the two is looked for, and if there was
some, the view is taken again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.archive import PIECE_BYTES, ArchiveWriter, is_place
from server.care.archiving import (
    VIEWS,
    Archived,
    BackupOrder,
    fix_view,
    require_room,
    size_of_database,
    write_tables,
)
from server.care.frozen_files import FrozenFiles, frozen
from server.care.manifest import FileNote
from server.care.named_files import UPLOADS, NamedFiles, named_files
from server.care.telling import FarTelling, Say


async def archive_data(order: BackupOrder, writer: ArchiveWriter, target: Path, say: Say) -> Archived:
    with frozen(order.data) as files:
        async with _view(order, files) as (connection, schema, named):
            require_room(order, target, await size_of_database(connection) + _size_of_files(files, named))
            say(f"reading the database (schema {schema})")
            tables = await write_tables(writer, connection)
            engine = connection.dialect.name
        say(f"copying {len(files.places)} files")
        copying = FarTelling(say, "copied", _size_of_files(files, named))
        copied, missing = _write_files(writer, files, named, copying)
    return Archived(schema=schema, engine=engine, tables=tables, files=copied, missing=missing)


@asynccontextmanager
async def _view(order: BackupOrder, files: FrozenFiles) -> AsyncIterator[tuple[AsyncConnection, str, NamedFiles]]:
    """A view of the database in which every file that a row names has its second name, unless it is lost."""
    for attempt in range(VIEWS):
        files.take()
        async with order.database.read() as connection:
            schema = await fix_view(connection)
            files.take()
            named = await named_files(connection)
            if attempt == VIEWS - 1 or not named.required.keys() - files.places:
                yield connection, schema, named
                return


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


def _size_of_files(files: FrozenFiles, named: NamedFiles) -> int:
    size = 0
    for place in _wanted(files, named):
        with suppress(FileNotFoundError):
            size += files.path(place).stat().st_size
    return size
