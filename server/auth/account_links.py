"""Links that are handed over once: each makes an account, or sets a new password. Only their hashes are kept."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Role
from server.auth.secret_words import hash_of, new_secret
from server.auth.users import User
from server.clock import Clock, new_id, utc_now
from server.storage import tables
from server.storage.database import Database

_TABLE, _USERS = tables.account_links, tables.users


class LinkKind(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """One that can still be used. `made_by` is None for whoever runs the server."""

    id: str
    kind: LinkKind
    user_id: str | None = None  # whose password it sets
    of_password: str = ""
    name: str = ""
    role: Role | None = None
    made_by: str | None
    created_at: datetime
    expires_at: datetime


class AccountLinks:
    """A link dies with its use and its time, with the administrator who made it, or with the password it replaces."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def invite(
        self, connection: AsyncConnection, *, name: str, role: Role, made_by: str | None, lifetime: timedelta
    ) -> tuple[AccountLink, str]:
        """The link and its secret, which is nowhere else."""
        link = self._new(LinkKind.INVITATION, made_by, lifetime, name=name, role=role)
        return link, await _added(connection, link)

    async def reset(
        self, connection: AsyncConnection, user: User, *, made_by: str | None, lifetime: timedelta
    ) -> tuple[AccountLink, str]:
        """The same for a new password of `user`; an older link of theirs ends."""
        await connection.execute(_TABLE.delete().where(_TABLE.c.user_id == user.id))
        of_password = hash_of(user.password_hash)
        link = self._new(LinkKind.RESET, made_by, lifetime, user_id=user.id, of_password=of_password)
        return link, await _added(connection, link)

    async def find(self, kind: LinkKind, secret: str) -> AccountLink | None:
        """None for what never was a link of this kind, or is none any more."""
        statement = self._good().where(_TABLE.c.kind == kind, _TABLE.c.secret_hash == hash_of(secret))
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _link_of(row) if row else None

    async def use(self, connection: AsyncConnection, link: AccountLink) -> bool:
        """False when somebody else was quicker: whoever deletes the row has used the link."""
        used = _TABLE.delete().where(_TABLE.c.id == link.id, _TABLE.c.expires_at > self._clock())
        return (await connection.execute(used)).rowcount == 1

    async def all(self, kind: LinkKind) -> list[AccountLink]:
        """Those that can be used, the newest first."""
        statement = self._good().where(_TABLE.c.kind == kind).order_by(_TABLE.c.created_at.desc(), _TABLE.c.id)
        async with self._database.read() as connection:
            return [_link_of(row) for row in await connection.execute(statement)]

    async def end(self, connection: AsyncConnection, kind: LinkKind, link_id: str) -> AccountLink | None:
        """The link that was ended; None when there was none."""
        ended = _TABLE.delete().where(_TABLE.c.id == link_id, _TABLE.c.kind == kind).returning(*_TABLE.c)
        row = (await connection.execute(ended)).one_or_none()
        return _link_of(row) if row else None

    async def end_expired(self) -> None:
        expired = _TABLE.c.expires_at <= self._clock()
        async with self._database.read() as connection:  # seldom any: nobody's turn to write is taken for nothing
            if not await connection.scalar(sa.select(sa.exists().where(expired))):
                return
        async with self._database.write() as connection:
            await connection.execute(_TABLE.delete().where(expired))

    def _new(self, kind: LinkKind, made_by: str | None, lifetime: timedelta, **values: Any) -> AccountLink:
        now = self._clock()
        return AccountLink(id=new_id(), kind=kind, made_by=made_by, created_at=now, expires_at=now + lifetime, **values)

    def _good(self) -> sa.Select[Any]:
        """In time, and of an administrator who still is one."""
        maker = sa.exists().where(
            _USERS.c.id == _TABLE.c.made_by, _USERS.c.role == Role.ADMIN, _USERS.c.disabled_at.is_(None)
        )
        return sa.select(_TABLE).where(_TABLE.c.expires_at > self._clock(), sa.or_(_TABLE.c.made_by.is_(None), maker))


async def _added(connection: AsyncConnection, link: AccountLink) -> str:
    secret = new_secret()
    values = {each.name: getattr(link, each.name) for each in fields(link)}
    await connection.execute(
        _TABLE.insert().values(**values | {"secret_hash": hash_of(secret), "role": link.role or ""})
    )
    return secret


def _link_of(row: Any) -> AccountLink:
    values = {each.name: getattr(row, each.name) for each in fields(AccountLink)}
    return AccountLink(**values | {"kind": LinkKind(row.kind), "role": Role(row.role) if row.role else None})
