"""People with an account: what is known of each, and the table they stand in."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.look_alikes import look_alike
from server.auth.permissions import Role
from server.storage import findable, tables
from server.storage.database import Database
from server.storage.rows import insert_or_get, lock
from server.storage.searching import holds
from server.storage.sounding import is_said

_TABLE = tables.users
_AS_THE_BROWSER_SAYS = ""  # in the column `time_zone`, which knows no NULL
_IS_ADMIN = sa.and_(_TABLE.c.role == Role.ADMIN, _TABLE.c.disabled_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person. `name_key` is the case-folded name: Alice and alice are one person."""

    id: str
    name: str
    role: Role
    password_hash: str = field(repr=False)
    created_at: datetime
    language: str | None = None  # None: as the browser asks
    time_zone: str | None = None  # None: as the browser says
    notifications: dict[str, bool] = field(default_factory=dict)
    disabled_at: datetime | None = None
    seen_at: datetime | None = None
    second_factor_at: datetime | None = None  # since when sign-in asks for one

    @property
    def name_key(self) -> str:
        return name_key(self.name)

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None


class Clash(Enum):
    """What is wrong with a name beside those that others have."""

    TAKEN = auto()
    LOOKS_ALIKE = auto()


def name_key(name: str) -> str:
    """The form in which names are compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def user_of(row: Any) -> User:
    """A row that holds all columns of `users` under their own names."""
    return User(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        password_hash=row.password_hash,
        created_at=row.created_at,
        language=row.language,
        time_zone=row.time_zone or None,
        notifications=row.notifications,
        disabled_at=row.disabled_at,
        seen_at=row.seen_at,
        second_factor_at=row.second_factor_at,
    )


class UserStore:
    """Reads on its own; writes take the caller's transaction, since an audit line goes with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: str) -> User | None:
        return await self._one(_TABLE.c.id == user_id)

    async def by_name(self, name: str) -> User | None:
        return await self._one(_TABLE.c.name_key == name_key(name))

    async def search(self, *, q: str | None, limit: int, after: str | None) -> tuple[list[User], int]:
        """Users in order of their names, from the name key `after` on, and how many match in all."""
        said = is_said(tables.findables.c.user_id == _TABLE.c.id, q.casefold()) if q else sa.true()
        wanted = sa.or_(holds(_TABLE.c.name_key, name_key(q)), said) if q else said
        page = sa.select(_TABLE).where(wanted).order_by(_TABLE.c.name_key).limit(limit)
        if after is not None:
            page = page.where(_TABLE.c.name_key > after)
        async with self._database.read() as connection:
            rows = (await connection.execute(page)).all()
            total = await connection.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(wanted))
        return [user_of(row) for row in rows], total or 0

    async def names(self, user_ids: Collection[str]) -> dict[str, str]:
        """By id; whoever is gone is left out."""
        wanted = sa.select(_TABLE.c.id, _TABLE.c.name).where(_TABLE.c.id.in_(set(user_ids)))
        async with self._database.read() as connection:
            return {row.id: row.name for row in await connection.execute(wanted)}

    async def has_admin(self) -> bool:
        async with self._database.read() as connection:
            return await self.active_admins(connection) > 0

    async def active_admins(self, connection: AsyncConnection) -> int:
        return await connection.scalar(sa.select(sa.func.count()).where(_IS_ADMIN)) or 0

    async def lock_admins(self, connection: AsyncConnection) -> None:
        """Before one of them loses something: two who demote each other are then one after the other."""
        await connection.execute(lock(sa.select(_TABLE.c.id).where(_IS_ADMIN).order_by(_TABLE.c.id)))

    async def clash(self, connection: AsyncConnection, name: str, *, but: str | None = None) -> Clash | None:
        """Why nobody else (than the user with the id `but`) may be called so.

        Asked in the transaction that writes, which is the only one: a name that looks alike may be anybody's.
        """
        others = sa.select(_TABLE.c.name).where(_TABLE.c.id != (but or ""))
        if await connection.scalar(others.where(_TABLE.c.name_key == name_key(name))) is not None:
            return Clash.TAKEN
        names = list(await connection.scalars(others))
        is_confusing = await asyncio.to_thread(lambda: any(look_alike(name, each) for each in names))
        return Clash.LOOKS_ALIKE if is_confusing else None

    async def add(self, connection: AsyncConnection, user: User) -> Clash | None:
        """Nothing is added when the name clashes with another."""
        clash = await self.clash(connection, user.name)
        if clash is not None:
            return clash
        row = {
            "id": user.id,
            "name": user.name,
            "name_key": user.name_key,
            "password_hash": user.password_hash,
            "role": user.role,
            "language": user.language,
            "time_zone": user.time_zone or _AS_THE_BROWSER_SAYS,
            "notifications": user.notifications,
            "created_at": user.created_at,
        }
        _, is_new = await insert_or_get(connection, _TABLE, row, key=("name_key",))
        if not is_new:
            return Clash.TAKEN
        await findable.put(connection, [findable.of_user(user.id, user.name)])
        return None

    async def change(self, connection: AsyncConnection, user_id: str, **values: Any) -> None:
        """Set columns of `users` by their names."""
        if "time_zone" in values:
            values["time_zone"] = values["time_zone"] or _AS_THE_BROWSER_SAYS
        await connection.execute(_TABLE.update().where(_TABLE.c.id == user_id).values(**values))
        if "name" in values:
            await findable.replace(connection, findable.of_user(user_id, values["name"]))

    async def replace_password(self, connection: AsyncConnection, user: User, new_hash: str) -> bool:
        """False when `user` has another one by now, or was disabled."""
        same = _TABLE.update().where(
            _TABLE.c.id == user.id, _TABLE.c.password_hash == user.password_hash, _TABLE.c.disabled_at.is_(None)
        )
        return (await connection.execute(same.values(password_hash=new_hash))).rowcount == 1

    async def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(_TABLE).where(condition))).one_or_none()
        return user_of(row) if row else None
