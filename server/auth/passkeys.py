"""Passkeys: keys in somebody's device or password manager that sign them in, by the rules of WebAuthn."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.storage import tables
from server.storage.database import Database
from server.storage.rows import insert_or_get

_TABLE = tables.passkeys


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """What a device has proved to hold; `credential_id` is base64url."""

    credential_id: str
    public_key: bytes
    sign_count: int
    is_synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    id: str
    user_id: str
    credential_id: str
    public_key: bytes
    sign_count: int
    name: str
    is_synced: bool  # it is in several devices, by whoever makes them
    created_at: datetime
    last_used_at: datetime | None


class PasskeyStore:
    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def of_user(self, user_id: str) -> list[Passkey]:
        """The oldest first."""
        statement = sa.select(_TABLE).where(_TABLE.c.user_id == user_id).order_by(_TABLE.c.created_at, _TABLE.c.id)
        async with self._database.read() as connection:
            return [_passkey_of(row) for row in await connection.execute(statement)]

    async def by_credential(self, credential_id: str) -> Passkey | None:
        async with self._database.read() as connection:
            statement = sa.select(_TABLE).where(_TABLE.c.credential_id == credential_id)
            row = (await connection.execute(statement)).one_or_none()
        return _passkey_of(row) if row else None

    async def add(self, connection: AsyncConnection, user_id: str, name: str, new: NewPasskey) -> Passkey | None:
        """None when it is known already, whosever it is."""
        values = {each.name: getattr(new, each.name) for each in fields(new)}
        row = {"id": new_id(), "user_id": user_id, "name": name, "created_at": self._clock(), **values}
        found, is_new = await insert_or_get(connection, _TABLE, row, key=("credential_id",))
        return _passkey_of(found) if is_new else None

    async def use(self, passkey: Passkey, *, sign_count: int, asked_at: datetime) -> bool:
        """False when it was used since it was asked to sign: each answer is good once."""
        unused = sa.or_(_TABLE.c.last_used_at.is_(None), _TABLE.c.last_used_at < asked_at)
        used = _TABLE.update().where(_TABLE.c.id == passkey.id, unused)
        async with self._database.write() as connection:
            changed = await connection.execute(used.values(last_used_at=self._clock(), sign_count=sign_count))
        return changed.rowcount == 1

    async def rename(self, connection: AsyncConnection, passkey_id: str, name: str, *, user_id: str) -> bool:
        """False when that user has no such passkey."""
        mine = _TABLE.update().where(_TABLE.c.id == passkey_id, _TABLE.c.user_id == user_id)
        return (await connection.execute(mine.values(name=name))).rowcount == 1

    async def remove(self, connection: AsyncConnection, passkey_id: str, *, user_id: str) -> str | None:
        """Its name; None when that user has no such passkey."""
        mine = _TABLE.delete().where(_TABLE.c.id == passkey_id, _TABLE.c.user_id == user_id)
        name: str | None = await connection.scalar(mine.returning(_TABLE.c.name))
        return name


def _passkey_of(row: Any) -> Passkey:
    return Passkey(**{each.name: getattr(row, each.name) for each in fields(Passkey)})
