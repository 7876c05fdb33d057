"""What every backup does, wherever files lie: room for all of it, a sound database, and all rows of one view of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.archive import PIECE_BYTES, ArchiveWriter
from server.care.manifest import FileNote, TableNote, table_member
from server.care.problem import CareRefused
from server.care.row_lines import columns_of, lines_of
from server.care.schema import require_own_schema, unhurried
from server.storage.database import Database
from server.storage.tables import metadata
from server.uploads.file_stores import FileStores

VIEWS = 5  # each is taken again only when a file went within moments of its row
_SQLITE_SIZE = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
_POSTGRESQL_SIZE = "select pg_database_size(current_database())"
_SPARE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupKey:
    """The key of the session cookie, and whether it goes into the archive: one from the settings stays out of it."""

    content: bytes = b""
    is_inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    """`stores`: where files lie that are not in the data directory."""

    database: Database
    data: Path
    target: Path
    key: BackupKey
    min_free_bytes: int
    stores: FileStores | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """All of one moment. `missing` are files that its rows name and that are not there, or not as they were stored."""

    schema: str
    engine: str
    tables: dict[str, TableNote]
    files: dict[str, FileNote]
    missing: list[str]


async def fix_view(connection: AsyncConnection) -> str:
    """Begin what has to see one moment; answers its schema. A damaged database must not become a backup."""
    schema = await require_own_schema(connection)  # from this look on the view is fixed
    await unhurried(connection)
    await _require_sound(connection)
    return schema


async def _require_sound(connection: AsyncConnection) -> None:
    if connection.dialect.name != "sqlite":
        return
    told = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalars().all()
    if told != ["ok"]:
        raise CareRefused(
            "database_damaged",
            f"The database is damaged ({told[0]}); nothing was backed up. Keep the last good backup, and run doctor.",
        )


async def write_tables(writer: ArchiveWriter, connection: AsyncConnection) -> dict[str, TableNote]:
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


async def size_of_database(connection: AsyncConnection) -> int:
    query = _SQLITE_SIZE if connection.dialect.name == "sqlite" else _POSTGRESQL_SIZE
    return int((await connection.exec_driver_sql(query)).scalar_one())


def require_room(order: BackupOrder, target: Path, needed: int) -> None:
    """On the server's own disk it leaves what the server needs to go on."""
    is_same_disk = target.parent.stat().st_dev == order.data.stat().st_dev
    kept, free = order.min_free_bytes if is_same_disk else 0, shutil.disk_usage(target.parent).free
    if free < needed + kept + _SPARE_BYTES:
        raise CareRefused(
            "no_room",
            f"The backup may need {needed:,} bytes, and {target.parent} has {max(0, free - kept):,} for it: write it "
            "to a larger disk, or make room.",
        )
