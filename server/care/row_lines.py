"""Rows of a table as lines of JSON, and back: the same on every engine, and of any version of the tables."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.manifest import FieldKind
from server.storage.tables import UtcDateTime

RowColumns = Sequence[tuple[str, FieldKind]]
_AT_ONCE = 1_000
_encode = json.JSONEncoder(separators=(",", ":")).encode
_TYPES: dict[FieldKind, Any] = {
    "plain": sa.types.NullType(),
    "json": sa.Text(),
    "moment": UtcDateTime(),
    "bytes": sa.LargeBinary(),
    "truth": sa.Boolean(),
}


def columns_of(table: sa.Table) -> list[tuple[str, FieldKind]]:
    return [(str(column.name), _kind(column.type)) for column in table.columns]


async def lines_of(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[bytes]:
    """Each row, read as it is drawn: a large table is never whole in memory."""
    odd = [(place, _TOLD[kind]) for place, (_, kind) in enumerate(columns_of(table)) if kind in _TOLD]
    # JSON as the text it is stored as: SQL's NULL and JSON's null are two things.
    wanted = [sa.cast(column, sa.Text) if _kind(column.type) == "json" else column for column in table.columns]
    # In an order of their own: PostgreSQL puts a row wherever there is room, so two copies would differ.
    query = sa.select(*wanted).order_by(*table.primary_key.columns)
    async with connection.stream(query.execution_options(yield_per=_AT_ONCE)) as found:
        async for rows in found.partitions():
            for row in rows:
                values = list(row)
                for place, tell in odd:
                    if values[place] is not None:
                        values[place] = tell(values[place])
                yield _encode(values).encode() + b"\n"


def values_of(line: bytes, columns: RowColumns) -> list[Any]:
    """Raises `ValueError` for what is no such line."""
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(f"a row has not {len(columns)} values")
    return [_meant(value, kind) for value, (_, kind) in zip(values, columns, strict=True)]


async def add_rows(connection: AsyncConnection, name: str, columns: RowColumns, rows: Iterable[list[Any]]) -> None:
    """Into a table that has these columns, whatever `storage.tables` calls it by now."""
    table = sa.table(name, *(sa.column(column, _TYPES[kind]) for column, kind in columns))
    places = [_place(number, kind, connection) for number, (_, kind) in enumerate(columns)]
    adding = sa.insert(table).values(dict(zip((column for column, _ in columns), places, strict=True)))
    named = [f"v{number}" for number in range(len(columns))]
    rest = iter(rows)
    while some := [dict(zip(named, row, strict=True)) for row in islice(rest, _AT_ONCE)]:
        await connection.execute(adding, some)


async def count_on(connection: AsyncConnection, tables: Iterable[str]) -> None:
    """PostgreSQL numbers rows by counters of their own, which know nothing of rows that came with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for name in tables:
        found = sa.text("select attname from pg_attribute where attrelid = to_regclass(:name) and attname = 'id'")
        if await connection.scalar(found, {"name": name}) is None:
            continue
        counter = await connection.scalar(sa.text("select pg_get_serial_sequence(:name, 'id')"), {"name": name})
        if counter is not None:
            last = sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(name)).scalar_subquery()
            await connection.execute(sa.select(sa.func.setval(counter, sa.func.coalesce(last, 0) + 1, False)))


def _place(number: int, kind: FieldKind, connection: AsyncConnection) -> Any:
    value = sa.bindparam(f"v{number}", type_=_TYPES[kind])
    # SQLite keeps JSON as the text that it is given; PostgreSQL has to be told that the text is JSON.
    return sa.cast(value, sa.JSON) if kind == "json" and connection.dialect.name == "postgresql" else value


def _kind(of: sa.types.TypeEngine[Any]) -> FieldKind:
    if isinstance(of, UtcDateTime):
        return "moment"
    if isinstance(of, sa.JSON):
        return "json"
    if isinstance(of, sa.LargeBinary):
        return "bytes"
    return "truth" if isinstance(of, sa.Boolean) else "plain"


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


_TOLD: dict[FieldKind, Callable[[Any], str]] = {"moment": _moment, "bytes": _text}


def _meant(value: Any, kind: FieldKind) -> Any:
    if value is None:
        return None
    if kind == "moment":
        return datetime.fromisoformat(value)
    return base64.b64decode(value, validate=True) if kind == "bytes" else value
