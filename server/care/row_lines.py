"""Rows of a table as lines of JSON, and back: the same on every engine, and of any version of the tables."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.manifest import FieldKind
from server.storage.tables import UtcDateTime

RowColumns = Sequence[tuple[str, FieldKind]]
AddRows = Callable[[Sequence[Sequence[Any]]], Awaitable[None]]
_AT_ONCE = 1_000
_READ_AT_ONCE = 200  # each may be of a megabyte
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
    tell = line_teller(columns_of(table))
    async for rows in batches_of(connection, table):
        for values in rows:
            yield tell(values)


async def batches_of(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """The rows, some at a time, each as its values in the order of `columns_of`: as `add_rows` takes them."""
    # JSON as the text it is stored as: SQL's NULL and JSON's null are two things.
    wanted = [sa.cast(column, sa.Text) if _kind(column.type) == "json" else column for column in table.columns]
    # In an order of their own: PostgreSQL puts a row wherever there is room, so two copies would differ.
    query = sa.select(*wanted).order_by(*table.primary_key.columns)
    async with connection.stream(query.execution_options(yield_per=_READ_AT_ONCE)) as found:
        async for rows in found.partitions():
            yield rows


def line_teller(columns: RowColumns) -> Callable[[Sequence[Any]], bytes]:
    """What makes a row's line, which is the same on every engine."""
    odd = [(place, _TOLD[kind]) for place, (_, kind) in enumerate(columns) if kind in _TOLD]

    def tell(row: Sequence[Any]) -> bytes:
        values = list(row)
        for place, told in odd:
            if values[place] is not None:
                values[place] = told(values[place])
        return _encode(values).encode() + b"\n"

    return tell


def values_of(line: bytes, columns: RowColumns) -> list[Any]:
    """Raises `ValueError` for what is no such line."""
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(f"a row has not {len(columns)} values")
    return [_meant(value, kind) for value, (_, kind) in zip(values, columns, strict=True)]


async def add_rows(connection: AsyncConnection, name: str, columns: RowColumns, rows: Iterable[list[Any]]) -> None:
    """Into a table that has these columns, whatever `storage.tables` calls it by now."""
    rest = iter(rows)
    async with adding(connection, name, columns) as add:
        while some := list(islice(rest, _AT_ONCE)):
            await add(some)


@asynccontextmanager
async def adding(connection: AsyncConnection, name: str, columns: RowColumns) -> AsyncIterator[AddRows]:
    """Yields what adds some more rows. One table at a time: PostgreSQL takes nothing else meanwhile."""
    if connection.dialect.name == "postgresql":
        async with _copying_in(connection, name, columns) as add:
            yield add
        return
    table = sa.table(name, *(sa.column(column, _TYPES[kind]) for column, kind in columns))
    named = [f"v{number}" for number in range(len(columns))]
    places = [sa.bindparam(each, type_=_TYPES[kind]) for each, (_, kind) in zip(named, columns, strict=True)]
    statement = sa.insert(table).values(dict(zip((column for column, _ in columns), places, strict=True)))

    async def insert(rows: Sequence[Sequence[Any]]) -> None:
        await connection.execute(statement, [dict(zip(named, row, strict=True)) for row in rows])

    yield insert


@asynccontextmanager
async def _copying_in(connection: AsyncConnection, name: str, columns: RowColumns) -> AsyncIterator[AddRows]:
    """PostgreSQL's own way for many rows takes a tenth of the time; SQLAlchemy has none for it."""
    quoted = connection.dialect.identifier_preparer.quote
    driver: Any = (await connection.get_raw_connection()).driver_connection
    into = f"COPY {quoted(name)} ({', '.join(quoted(column) for column, _ in columns)}) FROM STDIN"
    try:
        async with driver.cursor() as cursor, cursor.copy(into) as copy:

            async def write(rows: Sequence[Sequence[Any]]) -> None:
                for row in rows:
                    await copy.write_row(row)

            yield write
    except connection.dialect.loaded_dbapi.Error as error:  # as SQLAlchemy would tell it
        raise sa.exc.DBAPIError.instance(into, None, error, connection.dialect.loaded_dbapi.Error) from error


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
