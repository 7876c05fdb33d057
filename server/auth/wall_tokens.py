"""Credentials of screens on walls: they show figures, may do nothing, and end only when somebody takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.secret_words import hash_of, new_secret
from server.clock import new_id
from server.storage.database import Database
from server.storage.tables import wall_tokens

PREFIX = "jindu_wall_"
_TOUCH_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WallToken:
    """`shows_names`: also titles of jobs and whose they are."""

    id: str
    name: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    shows_names: bool


_COLUMNS = [wall_tokens.c[name] for name in WallToken.__slots__]


async def add_wall_token(
    connection: AsyncConnection, *, name: str, created_by: str, shows_names: bool, now: datetime
) -> tuple[WallToken, str]:
    """The token and its secret, which is shown once."""
    secret = new_secret(PREFIX)
    token = WallToken(
        id=new_id(), name=name, created_by=created_by, created_at=now, last_used_at=None, shows_names=shows_names
    )
    await connection.execute(
        insert(wall_tokens).values(
            id=token.id,
            secret_hash=hash_of(secret),
            name=name,
            created_by=created_by,
            created_at=now,
            shows_names=shows_names,
        )
    )
    return token, secret


async def count_wall_tokens(connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.count()).select_from(wall_tokens)) or 0


async def all_wall_tokens(connection: AsyncConnection) -> Sequence[WallToken]:
    rows = await connection.execute(select(*_COLUMNS).order_by(wall_tokens.c.id))
    return [WallToken(**row._mapping) for row in rows]


async def remove_wall_token(connection: AsyncConnection, token_id: str) -> str | None:
    """The name of the one that is gone."""
    name = await connection.scalar(select(wall_tokens.c.name).where(wall_tokens.c.id == token_id))
    await connection.execute(delete(wall_tokens).where(wall_tokens.c.id == token_id))
    return name


async def use_wall_token(database: Database, secret: str, now: datetime) -> WallToken | None:
    """None for one that is not known, or was taken back."""
    if not secret.startswith(PREFIX):
        return None
    async with database.read() as connection:
        query = select(*_COLUMNS).where(wall_tokens.c.secret_hash == hash_of(secret))
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    token = WallToken(**row._mapping)
    if token.last_used_at is None or not timedelta() <= now - token.last_used_at < _TOUCH_AFTER:
        async with database.write(shared=True) as connection:
            await connection.execute(update(wall_tokens).where(wall_tokens.c.id == token.id).values(last_used_at=now))
    return token
