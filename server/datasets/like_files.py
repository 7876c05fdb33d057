"""Which dataset a file is like: one with the same names of columns, or that was made from a file of such a name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.catalog_rows import IS_CURRENT
from server.datasets.corrections import stem_of
from server.storage.tables import dataset_versions, datasets

_NAMES_AT_ONCE = 2_000  # of columns: some hundred kilobytes that are decoded in one piece
_FILES_AT_ONCE = 500


async def with_columns(connection: AsyncConnection, owner_id: str, names: Set[str]) -> str | None:
    """The dataset changed last whose columns have these names in its file."""
    alike = func.json_array_length(dataset_versions.c.columns) == len(names)
    query = _current(owner_id, dataset_versions.c.columns).where(alike)
    async for name, columns in _newest(connection, query, max(1, _NAMES_AT_ONCE // max(1, len(names)))):
        if {column.get("source") or column["name"] for column in columns} == names:
            return name
    return None


async def of_file(connection: AsyncConnection, owner_id: str, stem: str) -> str | None:
    """The dataset changed last that was made from a file of this stem."""
    query = _current(owner_id, dataset_versions.c.source["name"])
    async for name, file_name in _newest(connection, query, _FILES_AT_ONCE):
        if stem_of(str(file_name or "")) == stem:
            return name
    return None


def _current(owner_id: str, what: Any) -> Select[Any]:
    wanted = select(datasets.c.updated_at, datasets.c.name, what).join(dataset_versions, IS_CURRENT)
    return wanted.where(datasets.c.owner_id == owner_id).order_by(datasets.c.updated_at.desc(), datasets.c.name)


async def _newest(connection: AsyncConnection, query: Select[Any], at_once: int) -> AsyncIterator[tuple[str, Any]]:
    """All of them, in pieces."""
    last: tuple[datetime, str] | None = None
    while True:
        piece = query.limit(at_once)
        if last is not None:
            at, name = datasets.c.updated_at, datasets.c.name
            piece = piece.where(or_(at < last[0], and_(at == last[0], name > last[1])))
        rows = (await connection.execute(piece)).all()
        for row in rows:
            yield row[1], row[2]
        if len(rows) < at_once:
            return
        last = rows[-1][0], rows[-1][1]
