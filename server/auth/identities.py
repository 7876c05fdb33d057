"""Which accounts belong to whom at a provider of OpenID Connect: by issuer and subject, which nobody can choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock, new_id, utc_now
from server.storage.database import Database
from server.storage.tables import identities

_COLUMNS = identities.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`label` is how the provider called them when it was linked, for people alone."""

    id: str
    user_id: str
    issuer: str
    subject: str
    label: str
    created_at: datetime
    used_at: datetime | None


class IdentityStore:
    """Reads on its own; writes take the caller's transaction, since an audit line goes with them."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def find(self, issuer: str, subject: str) -> Identity | None:
        found = await self._where(_COLUMNS.issuer == issuer, _COLUMNS.subject == subject)
        return found[0] if found else None

    async def of_user(self, user_id: str) -> Sequence[Identity]:
        return await self._where(_COLUMNS.user_id == user_id)

    async def add(
        self, connection: AsyncConnection, *, user_id: str, issuer: str, subject: str, label: str
    ) -> str | None:
        """Its id; None when somebody is linked to it already."""
        identity_id = new_id()
        row = {"user_id": user_id, "issuer": issuer, "subject": subject, "label": label[:200]}
        try:
            await connection.execute(identities.insert().values(id=identity_id, created_at=self._clock(), **row))
        except IntegrityError:
            return None
        return identity_id

    async def use(self, connection: AsyncConnection, identity_id: str) -> None:
        await connection.execute(identities.update().where(_COLUMNS.id == identity_id).values(used_at=self._clock()))

    async def delete(self, connection: AsyncConnection, identity_id: str, *, user_id: str) -> bool:
        gone = identities.delete().where(_COLUMNS.id == identity_id, _COLUMNS.user_id == user_id)
        return (await connection.execute(gone)).rowcount == 1

    async def _where(self, *conditions: sa.ColumnElement[bool]) -> Sequence[Identity]:
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(identities).where(*conditions).order_by(_COLUMNS.id))
            return [Identity(**{name: getattr(row, name) for name in Identity.__slots__}) for row in rows]
