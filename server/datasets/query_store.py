"""Queries that people keep by name, and the last ones that each has run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.errors import Conflict, NotFound
from server.storage.database import Database
from server.storage.pages import Listing, page_of, size_of
from server.storage.searching import holds, searched
from server.storage.tables import query_runs, saved_queries

MOST_RUNS = 100
NAME_CHARACTERS = 100
DESCRIPTION_CHARACTERS = 1000
_MISSING = "There is no such query."


class SavedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query with a name of its owner."""

    id: str
    name: str
    description: str
    sql: str
    created_at: datetime
    updated_at: datetime


class QueryRun(msgspec.Struct, frozen=True, kw_only=True):
    """One that was run: `rows` is None when it failed, `truncated` when there were more."""

    id: str
    sql: str
    at: datetime
    rows: int | None
    truncated: bool
    seconds: float


class QueryChange(msgspec.Struct, frozen=True, kw_only=True):
    """None leaves a thing as it is."""

    name: str | None = None
    description: str | None = None
    sql: str | None = None


class QueryStore:
    """What is of one owner is found by nobody else."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def list(
        self, owner_id: str, *, q: str = "", limit: int = 50, cursor: str | None = None
    ) -> Listing[SavedQuery]:
        """By name; `q` is looked for in names, descriptions and SQL."""
        table = saved_queries.c
        texts = func.lower(table.name + "\n" + table.description + "\n" + table.sql)
        mine = [table.owner_id == owner_id, *(holds(texts, word) for word in searched(q.lower()))]
        sizes = select(table.name, size_of(table.sql, table.description)).where(*mine)
        if cursor is not None:
            sizes = sizes.where(table.name > cursor)
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(saved_queries).where(*mine)) or 0
            found = await connection.execute(sizes.order_by(table.name).limit(limit + 1))
            names, has_more = page_of([(row[0], row[1]) for row in found], limit=limit)
            page = _saved().where(table.owner_id == owner_id, table.name.in_(names)).order_by(table.name)
            items = [SavedQuery(**row) for row in (await connection.execute(page)).mappings()]
        return Listing(items=items, total=total, next_cursor=names[-1] if has_more else None)

    async def get(self, owner_id: str, query_id: str) -> SavedQuery:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            return await _found(connection, owner_id, query_id)

    async def add(self, connection: AsyncConnection, owner_id: str, *, name: str, description: str, sql: str) -> str:
        """Its id. Raises `Conflict` for a name that is taken."""
        now, query_id = self._clock(), new_id()
        await _require_free(connection, owner_id, name)
        row = {"id": query_id, "owner_id": owner_id, "name": name, "description": description, "sql": sql}
        try:
            await connection.execute(insert(saved_queries).values(**row, created_at=now, updated_at=now))
        except IntegrityError:
            raise _taken(name) from None
        return query_id

    async def change(self, connection: AsyncConnection, owner_id: str, query_id: str, change: QueryChange) -> str:
        """What it is called now. Raises `NotFound`, or `Conflict` for a name that is taken."""
        before = await _found(connection, owner_id, query_id)
        if change.name is not None and change.name != before.name:
            await _require_free(connection, owner_id, change.name)
        values = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        try:
            await connection.execute(
                update(saved_queries)
                .where(saved_queries.c.id == query_id, saved_queries.c.owner_id == owner_id)
                .values(**values, updated_at=self._clock())
            )
        except IntegrityError:
            raise _taken(change.name or before.name) from None
        return change.name or before.name

    async def delete(self, connection: AsyncConnection, owner_id: str, query_id: str) -> SavedQuery:
        """What was deleted. Raises `NotFound`."""
        found = await _found(connection, owner_id, query_id)
        await connection.execute(
            delete(saved_queries).where(saved_queries.c.id == query_id, saved_queries.c.owner_id == owner_id)
        )
        return found

    async def naming(self, owner_id: str, text: str) -> dict[str, str]:
        """SQL by name of the queries in which `text` stands somewhere."""
        query = select(saved_queries.c.name, saved_queries.c.sql).where(
            saved_queries.c.owner_id == owner_id, holds(func.lower(saved_queries.c.sql), text)
        )
        async with self._database.read() as connection:
            return {row.name: row.sql for row in await connection.execute(query.order_by(saved_queries.c.name))}

    async def remember(
        self, connection: AsyncConnection, owner_id: str, sql: str, *, rows: int | None, truncated: bool, seconds: float
    ) -> None:
        """The newest of its owner's runs; an older run of the same text goes, and what is beyond the last hundred."""
        mine = query_runs.c.owner_id == owner_id
        await connection.execute(delete(query_runs).where(mine, query_runs.c.sql == sql))
        await connection.execute(
            insert(query_runs).values(
                id=new_id(),
                owner_id=owner_id,
                sql=sql,
                at=self._clock(),
                rows=rows,
                truncated=truncated,
                seconds=seconds,
            )
        )
        newest = select(query_runs.c.id).where(mine).order_by(query_runs.c.at.desc(), query_runs.c.id.desc())
        kept = newest.limit(MOST_RUNS).subquery()
        await connection.execute(delete(query_runs).where(mine, query_runs.c.id.not_in(select(kept.c.id))))

    async def runs(self, owner_id: str) -> Sequence[QueryRun]:
        """The newest first."""
        query = select(*_RUN).where(query_runs.c.owner_id == owner_id)
        newest = query.order_by(query_runs.c.at.desc(), query_runs.c.id.desc()).limit(MOST_RUNS)
        async with self._database.read() as connection:
            return [QueryRun(**row) for row in (await connection.execute(newest)).mappings()]

    async def forget_runs(self, connection: AsyncConnection, owner_id: str) -> None:
        await connection.execute(delete(query_runs).where(query_runs.c.owner_id == owner_id))


_RUN = tuple(query_runs.c[name] for name in QueryRun.__struct_fields__)


def _saved() -> Any:
    return select(*(saved_queries.c[name] for name in SavedQuery.__struct_fields__))


async def _found(connection: AsyncConnection, owner_id: str, query_id: str) -> SavedQuery:
    wanted = _saved().where(saved_queries.c.id == query_id, saved_queries.c.owner_id == owner_id)
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(_MISSING)
    return SavedQuery(**row)


async def _require_free(connection: AsyncConnection, owner_id: str, name: str) -> None:
    taken = select(saved_queries.c.id).where(saved_queries.c.owner_id == owner_id, saved_queries.c.name == name)
    if await connection.scalar(taken) is not None:
        raise _taken(name)


def _taken(name: str) -> Conflict:
    return Conflict("You have a query named “{name}” already; choose another name.", name=name)
