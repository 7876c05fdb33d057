"""Views of lists that people keep under a name: which list, and what its address asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.storage.database import Database
from server.storage.tables import saved_views, users

NAME_CHARACTERS = 60
MOST_VIEWS = 50  # of a person in one list: as many as fit above it
ViewQuery = Mapping[str, Sequence[str]]


class ViewedList(StrEnum):
    BATCHES = "batches"
    JOBS = "jobs"


# What the addresses of these lists choose by.
FIELDS = {
    ViewedList.BATCHES: (
        *("by", "q", "template", "state", "report_state", "value"),
        *("created", "from", "to", "whose", "owner"),
    ),
    ViewedList.JOBS: ("q", "state", "kind", "within", "user", "error", "reason", "when", "from", "to"),
}


class SavedView(msgspec.Struct, frozen=True, kw_only=True, rename={"of": "list"}):
    """`query` is that of the list's address: days that count back from today stay so."""

    id: str
    owner_id: str
    owner: str
    of: ViewedList
    name: str
    query: dict[str, list[str]]
    is_shared: bool
    created_at: datetime
    updated_at: datetime


class SavedViewStore:
    """The writing functions take the transaction they belong to."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def seen_by(self, user_id: str, of: ViewedList | None = None) -> Sequence[SavedView]:
        """Their own by name, then those that others share with everybody."""
        view = saved_views.c
        query = _views().where(sa.or_(view.owner_id == user_id, view.is_shared))
        if of is not None:
            query = query.where(view.list == of.value)
        query = query.order_by(view.owner_id != user_id, view.list, view.name, view.id)
        async with self._database.read() as connection:
            return [_view(row) for row in await connection.execute(query)]

    async def get(self, connection: AsyncConnection, view_id: str) -> SavedView | None:
        row = (await connection.execute(_views().where(saved_views.c.id == view_id))).one_or_none()
        return None if row is None else _view(row)

    async def count(self, connection: AsyncConnection, owner_id: str, of: ViewedList) -> int:
        query = sa.select(sa.func.count()).select_from(saved_views)
        mine = query.where(saved_views.c.owner_id == owner_id, saved_views.c.list == of.value)
        return await connection.scalar(mine) or 0

    async def is_taken(
        self, connection: AsyncConnection, owner_id: str, of: ViewedList, name: str, *, but: str = ""
    ) -> bool:
        view = saved_views.c
        others = sa.select(view.id).where(view.owner_id == owner_id, view.list == of.value, view.name == name)
        return await connection.scalar(others.where(view.id != but)) is not None

    async def add(
        self,
        connection: AsyncConnection,
        owner_id: str,
        of: ViewedList,
        name: str,
        query: ViewQuery,
        *,
        is_shared: bool,
    ) -> str:
        """Its id."""
        now, view_id = self._clock(), new_id()
        row = {"id": view_id, "owner_id": owner_id, "list": of.value, "name": name, "query": query}
        await connection.execute(
            sa.insert(saved_views).values(**row, is_shared=is_shared, created_at=now, updated_at=now)
        )
        return view_id

    async def change(self, connection: AsyncConnection, view_id: str, changes: Mapping[str, Any]) -> None:
        changed = sa.update(saved_views).where(saved_views.c.id == view_id)
        await connection.execute(changed.values(**changes, updated_at=self._clock()))

    async def remove(self, connection: AsyncConnection, view_id: str) -> None:
        await connection.execute(sa.delete(saved_views).where(saved_views.c.id == view_id))


def _views() -> sa.Select[Any]:
    return sa.select(saved_views, users.c.name.label("owner")).join(users, users.c.id == saved_views.c.owner_id)


def _view(row: sa.Row[Any]) -> SavedView:
    return msgspec.convert({str(name): value for name, value in row._mapping.items()}, SavedView)
