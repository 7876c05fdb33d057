"""A data directory with rows in every table and a file of every kind, as no server has made it: in milliseconds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from server.app.engines import open_database
from server.care.archiving import BackupKey, BackupOrder
from server.care.backup import MadeBackup, make_backup
from server.care.restore import RestoreOrder
from server.deliveries.bouncing import LEFT_ALONE
from server.settings import Settings
from server.storage.database import Database
from server.storage.privacy import make_directory
from server.storage.tables import UtcDateTime, metadata

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
_ANEW = frozenset({"epoch", "held_at"})  # columns that restoring writes
KEY = b"bXkga2V5IGlzIG15IGNhc3RsZSwgYXMgdGhleSBzYXk="
TEXTS = ("", "华东 – “quoted”\nnext line\ttab", "it's 'one' \\ back\\slash")
JSON_TEXTS = ('{"a":1,"b":[null,1.5,"é"]}', "null", "123456789012345678901234567890")
PARQUET, REJECTS, REPORT, PICTURE, UPLOAD, HALF = (
    b"PAR1rowsPAR1",
    b'{"row":2}\n',
    b"%PDF-",
    b"\x89PNG",
    b"a,b\n1,2\n",
    b"12345",
)


@dataclass(frozen=True, slots=True)
class MadeUpData:
    path: Path

    def database(self) -> Database:
        return open_database(Settings(data=self.path))

    def order(self, target: Path, **more: Any) -> BackupOrder:
        given = {"key": BackupKey(content=KEY, is_inside=True), "min_free_bytes": 0} | more
        return BackupOrder(database=self.database(), data=self.path, target=target, **given)

    async def backed_up(self, target: Path, **more: Any) -> MadeBackup:
        order = self.order(target, **more)
        try:
            return await make_backup(order)
        finally:
            await order.database.close()

    def execute(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path / "jindu.db")) as connection, connection:
            connection.execute(statement, values)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Of every table, exactly as they are stored, with the type of each value."""
        with closing(sqlite3.connect(self.path / "jindu.db")) as connection:
            found = {}
            for table in metadata.sorted_tables:
                columns = ", ".join(f'"{c.name}", typeof("{c.name}")' for c in table.columns if c.name not in _ANEW)
                found[table.name] = connection.execute(f'SELECT {columns} FROM "{table.name}" ORDER BY 1, 3').fetchall()
            found["leases"] = [row for row in found["leases"] if row[0] != LEFT_ALONE]  # what a restore notes itself
            return found

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for kind in ("blobs", "uploads")
            for path in (self.path / kind).rglob("*")
            if path.is_file()
        }


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def restoring(archive: Path, data: Path, **more: Any) -> RestoreOrder:
    return RestoreOrder(archive=archive, data=data, open_in=lambda folder: open_database(Settings(data=folder)), **more)


async def make_data(path: Path) -> MadeUpData:
    made = MadeUpData(path)
    make_directory(path)
    database = made.database()
    await database.migrate()
    async with database.write() as connection:
        for table in metadata.sorted_tables:
            for number in range(2):
                columns = {column.name: _value(table, column, number) for column in table.columns}
                names = ", ".join(f'"{name}"' for name in columns)
                places = ", ".join(f":{name}" for name in columns)
                await connection.execute(sa.text(f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'), columns)
    await database.close()
    _add_files(made)
    return made


def _value(table: sa.Table, column: sa.Column[Any], number: int) -> Any:
    """As it is stored; keys fit together, texts and JSON are as odd as they may be."""
    if column.foreign_keys and isinstance(column.type, sa.Integer):
        return number + 1
    if column.foreign_keys or (column.name == "id" and isinstance(column.type, sa.String)):
        return f"{number}" * 26
    if (table.name, column.name) in _SAID:
        return _SAID[table.name, column.name][number]
    if isinstance(column.type, UtcDateTime):
        return None if column.nullable and number else NOW.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(column.type, sa.JSON):
        return None if column.nullable and number else JSON_TEXTS[number if column.nullable else 0]
    if isinstance(column.type, sa.LargeBinary):
        return bytes(range(256))
    if isinstance(column.type, sa.Boolean):
        return number
    if isinstance(column.type, sa.Double):
        return 0.1 + number
    if isinstance(column.type, sa.Integer | sa.BigInteger):
        return 2**53 + number if column.name in ("offset", "revision") and table.name != "uploads" else number + 1
    return f"{number}{TEXTS[1 + number]}"[: getattr(column.type, "length", None) or 100]


_DATASET, _SHA = "d" * 26, hashlib.sha256
_ARTIFACT = {"blob": "reports/0/r.pdf", "size": len(REPORT), "sha256": _SHA(REPORT).hexdigest()}
_LOGO = {"logo": {"blob": f"images/{_SHA(PICTURE).hexdigest()}"}}
_SAID: dict[tuple[str, str], tuple[Any, Any]] = {
    ("dataset_versions", "files"): (json.dumps([f"datasets/{_DATASET}/data.parquet"]), "[]"),
    ("dataset_versions", "job_id"): (_DATASET, None),
    ("dataset_versions", "rejected_count"): (1, 0),
    ("dataset_versions", "rejects_bytes"): (len(REJECTS), None),
    ("reports", "artifacts"): (json.dumps([_ARTIFACT]), "[]"),
    ("batches", "images"): (json.dumps({"logo": _LOGO["logo"]["blob"]}), "{}"),
    ("batches", "brand"): (json.dumps(_LOGO), "{}"),
    ("batches", "dataset_versions"): (json.dumps({"x": {"files": ["datasets/gone/data.parquet"]}}), "{}"),
    ("brands", "brand"): (json.dumps(_LOGO), "{}"),
    ("jobs", "detail"): ('{"rejects_bytes": 0}', "{}"),
    ("uploads", "offset"): (len(UPLOAD), len(HALF)),
    ("uploads", "size"): (len(UPLOAD), 10),
    ("uploads", "sha256"): (_SHA(UPLOAD).hexdigest(), None),
    ("uploads", "concat"): (None, None),
}


def _add_files(made: MadeUpData) -> None:
    for place, content in {
        f"blobs/datasets/{_DATASET}/data.parquet": PARQUET,
        f"blobs/imports/{_DATASET}/rejects.jsonl": REJECTS,
        "blobs/reports/0/r.pdf": REPORT,
        f"blobs/{_LOGO['logo']['blob']}": PICTURE,
        f"uploads/{'0' * 26}": UPLOAD,
        f"uploads/{'1' * 26}": HALF,
        "secret.key": KEY,
    }.items():
        (made.path / place).parent.mkdir(parents=True, exist_ok=True)
        (made.path / place).write_bytes(content)
