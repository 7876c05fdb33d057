"""Copies all rows of one database into another, empty one, on whichever engines they are: all of them, or none.

Both are read in the end, in one order and one way to write a value, and their checksums have to be equal before the
target keeps anything. Clients go on where they were, since streams come along with their epochs and offsets: so the
source is marked as left, and should somebody serve it once more, its streams begin anew there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.care.fit import FitForPostgresql
from server.care.problem import CareRefused
from server.care.row_lines import adding, batches_of, columns_of, count_on, line_teller
from server.care.schema import count_of, require_empty, unhurried
from server.care.telling import FarTelling, Say
from server.care.unserved import require_unserved
from server.errors import ConfigurationError, JinduError
from server.realtime.history import History
from server.storage.database import Database
from server.storage.migrating import newest_revision
from server.storage.tables import metadata

Row = Sequence[Any]
Fitting = Callable[[Row], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSum:
    """`sha256` is of all values of all rows: equal on two engines when they hold the same."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedDatabase:
    tables: dict[str, TableSum]
    seconds: float

    @property
    def row_count(self) -> int:
        return sum(each.rows for each in self.tables.values())


async def copy_database(
    source: Database, target: Database, *, replaces_nul: bool = False, say: Say = lambda _: None
) -> CopiedDatabase:
    """Raises `CareRefused` or `ConfigurationError`, and then the target is as empty as it was.

    The caller sees to it that no server uses a SQLite file of the two; nodes on PostgreSQL are found here.
    """
    began = time.monotonic()
    await source.require_newest()
    if source.place == target.place:
        raise CareRefused("same_database", f"Both are {source.place}: name another one to copy to.")
    async with _failures_named(source, target):
        await require_unserved(source)
        await require_empty(target, newest_revision())
        await target.migrate()
        await require_unserved(target)
        if await source.is_cut():  # as its next start would have found: a copy must not cover it up
            await History(source).cut_all()
        async with source.write() as turn, target.write() as filled:  # nobody else writes meanwhile
            await unhurried(turn)
            await unhurried(filled)
            sums = await _copy_all(source, filled, replaces_nul=replaces_nul, say=say)
            say("comparing both")
            await _require_equal(sums, filled)
            if filled.dialect.name == "postgresql":  # else its first queries are planned as for empty tables
                await filled.exec_driver_sql("ANALYZE " + ", ".join(f'"{name}"' for name in sums))
        await target.is_cut()  # from now on it answers for what it has
        await source.leave()
    return CopiedDatabase(tables=sums, seconds=time.monotonic() - began)


async def _copy_all(source: Database, target: AsyncConnection, *, replaces_nul: bool, say: Say) -> dict[str, TableSum]:
    sums = {}
    async with source.read() as rows:
        await unhurried(rows)
        total = sum([await count_of(rows, table.name) for table in metadata.sorted_tables])
        say(f"copying {total:,} rows")
        copying = FarTelling(say, "copied", total, unit="rows")
        for table in metadata.sorted_tables:
            fitting: Fitting = lambda row: row  # noqa: E731
            if target.dialect.name == "postgresql":
                fitting = FitForPostgresql(table, replaces_nul=replaces_nul)
            sums[table.name] = await _copy_table(rows, target, table, fitting, copying)
    await count_on(target, sums)
    return sums


async def _copy_table(
    source: AsyncConnection, target: AsyncConnection, table: sa.Table, fitting: Fitting, copying: FarTelling
) -> TableSum:
    """Answers what was read from the source."""
    columns, summing = columns_of(table), _Summing(table)
    async with adding(target, table.name, columns) as add:
        async for batch in batches_of(source, table):
            rows = [fitting(row) for row in batch]
            summing.add(rows)
            await add(rows)
            copying.add(len(rows))
    return summing.result()


async def _require_equal(sums: dict[str, TableSum], target: AsyncConnection) -> None:
    for table in metadata.sorted_tables:
        summing = _Summing(table)
        async for rows in batches_of(target, table):
            summing.add(rows)
        if (found := summing.result()) != (wanted := sums[table.name]):
            raise CareRefused(
                "copy_differs",
                f"{table.name} was read with {wanted.rows:,} rows and sum {wanted.sha256[:12]}…, and stands in "
                f"{target.dialect.name} with {found.rows:,} and {found.sha256[:12]}…; nothing was kept. Please report "
                "it.",
            )


class _Summing:
    def __init__(self, table: sa.Table) -> None:
        self._tell = line_teller(columns_of(table))
        self._hash = hashlib.sha256()
        self._rows = 0

    def add(self, rows: Sequence[Row]) -> None:
        self._hash.update(b"".join(map(self._tell, rows)))
        self._rows += len(rows)

    def result(self) -> TableSum:
        return TableSum(rows=self._rows, sha256=self._hash.hexdigest())


@asynccontextmanager
async def _failures_named(source: Database, target: Database) -> AsyncIterator[None]:
    try:
        yield
    except DBAPIError as error:
        told = " – ".join(str(error.orig).strip().splitlines())
        raise CareRefused(
            "copy_failed", f"{source.place} could not be copied to {target.place}; nothing was kept: {told}"
        ) from error
    except ConfigurationError:
        raise
    except JinduError as error:
        cause = f" ({error.__cause__.args[0]})" if error.__cause__ and error.__cause__.args else ""
        raise CareRefused(error.specific_code, f"{error.text}{cause} Nothing was kept.") from error
