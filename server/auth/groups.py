"""Groups of people, to whom things can be granted: who is in which, and the tables they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.users import name_key
from server.clock import Clock, new_id, utc_now
from server.errors import Conflict, NotFound
from server.storage.database import Database
from server.storage.rows import insert_or_get, lock
from server.storage.tables import group_members, groups, users

_MISSING = "There is no group named “{name}”."
_TAKEN = "There is already a group named “{name}”; choose another name."


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """`members` are names of users, in order."""

    id: str
    name: str
    created_at: datetime
    members: list[str] = []


class GroupStore:
    """Reads on its own; writes take the caller's transaction."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[Group]:
        """By name."""
        async with self._database.read() as connection:
            return await self._groups(connection)

    async def get(self, name: str) -> Group:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            return await self._found(connection, name)

    async def found(self, connection: AsyncConnection, name: str) -> Group:
        """In the transaction that changes it, in which it stays. Raises `NotFound`."""
        await connection.execute(lock(sa.select(groups.c.id).where(groups.c.name_key == name_key(name))))
        return await self._found(connection, name)

    async def _found(self, connection: AsyncConnection, name: str) -> Group:
        is_meant = groups.c.name_key == name_key(name)
        for group in await self._groups(connection, is_meant):
            return group
        raise NotFound(_MISSING, name=name)

    async def add(self, connection: AsyncConnection, name: str) -> str:
        """Its id. Raises `Conflict` for a name that is taken."""
        row: dict[str, Any] = {"id": new_id(), "name": name, "name_key": name_key(name), "created_at": self._clock()}
        stored, is_new = await insert_or_get(connection, groups, row, key=("name_key",))
        if not is_new:
            raise Conflict(_TAKEN, name=name)
        return str(stored.id)

    async def rename(self, connection: AsyncConnection, group: Group, name: str) -> None:
        """Raises `Conflict` for a name that is taken."""
        key = name_key(name)
        others = sa.select(groups.c.id).where(groups.c.name_key == key, groups.c.id != group.id)
        if await connection.scalar(others) is not None:
            raise Conflict(_TAKEN, name=name)
        renamed = sa.update(groups).where(groups.c.id == group.id).values(name=name, name_key=key)
        try:
            await connection.execute(renamed)
        except IntegrityError:  # somebody took it at this moment
            raise Conflict(_TAKEN, name=name) from None

    async def set_members(self, connection: AsyncConnection, group_id: str, user_ids: Sequence[str]) -> None:
        await connection.execute(sa.delete(group_members).where(group_members.c.group_id == group_id))
        if user_ids:
            rows = [{"group_id": group_id, "user_id": user_id} for user_id in dict.fromkeys(user_ids)]
            await connection.execute(sa.insert(group_members), rows)

    async def delete(self, connection: AsyncConnection, group: Group) -> None:
        """With what was granted to it."""
        await connection.execute(sa.delete(groups).where(groups.c.id == group.id))

    async def _groups(self, connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Group]:
        found = (
            sa.select(groups.c.id, groups.c.name, groups.c.created_at).where(*conditions).order_by(groups.c.name_key)
        )
        rows = (await connection.execute(found)).all()
        members = (
            sa.select(group_members.c.group_id, users.c.name)
            .join(users, users.c.id == group_members.c.user_id)
            .where(group_members.c.group_id.in_([row.id for row in rows]))
            .order_by(users.c.name_key)
        )
        named: dict[str, list[str]] = {row.id: [] for row in rows}
        for row in await connection.execute(members):
            named[row.group_id].append(row.name)
        return [Group(id=row.id, name=row.name, created_at=row.created_at, members=named[row.id]) for row in rows]
