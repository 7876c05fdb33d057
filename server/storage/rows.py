"""For transactions that read, decide and then write: they say what nobody else may change in between.

On SQLite there is one writer at a time, and these say what is true anyway. On PostgreSQL others may write meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import Row, Select, Table, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection


def lock(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The same query, whose rows nobody else changes or deletes until our transaction ends.

    Whoever holds one of them is waited for, and the row is as they left it. Rows that do not exist are not kept from
    appearing: for those there is `insert_or_get`. Lock several in the order of their ids, else two wait for each other.
    """
    return query.with_for_update()


async def insert_or_get(
    connection: AsyncConnection, table: Table, values: dict[str, Any], *, key: Sequence[str]
) -> tuple[Row[Any], bool]:
    """The row with these values, and True; or else the one that has its unique `key` already, locked, and False."""
    new = _insert(connection, table).values(values).on_conflict_do_nothing(index_elements=key)
    same_key = and_(*(table.c[name] == values[name] for name in key))
    while True:  # again when the one that was in the way was deleted before we could lock it
        row = (await connection.execute(new.returning(*table.c))).one_or_none()
        if row is not None:
            return row, True
        row = (await connection.execute(lock(select(table).where(same_key)))).one_or_none()
        if row is not None:
            return row, False


async def put(connection: AsyncConnection, table: Table, values: dict[str, Any], *, key: Sequence[str]) -> None:
    """The row with this unique `key` is made, or has these values from now on."""
    new = _insert(connection, table).values(values)
    rest = {name: value for name, value in values.items() if name not in key}
    await connection.execute(new.on_conflict_do_update(index_elements=key, set_=rest))


async def insert_missing(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], *, key: Sequence[str]
) -> None:
    """Add those of the rows whose unique `key` nobody has yet."""
    if rows:
        new = _insert(connection, table).on_conflict_do_nothing(index_elements=key)
        await connection.execute(new, rows)


def _insert(connection: AsyncConnection, table: Table) -> Any:
    """Each dialect has its own; the engine has imported ours, and the other one would cost the start 30 ms."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
