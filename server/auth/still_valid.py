"""Whether what live connections rest on still stands in the rows: for what ended without our being told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.clock import utc_now
from server.storage.database import Database
from server.storage.tables import sessions, tokens, users

_AT_ONCE = 500


class StillValid:
    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def of(self, principals: Collection[Principal]) -> dict[Principal, Validity]:
        """Of those who are not what they were."""
        found: dict[Principal, Validity] = {}
        everybody = list(principals)
        for start in range(0, len(everybody), _AT_ONCE):
            some = everybody[start : start + _AT_ONCE]
            async with self._database.read() as connection:
                found |= await self._of_some(connection, some)
        return found

    async def _of_some(self, connection: AsyncConnection, some: Collection[Principal]) -> dict[Principal, Validity]:
        now = self._clock()
        query = sa.select(users.c.id, users.c.role).where(
            users.c.id.in_({each.user_id for each in some}), users.c.disabled_at.is_(None)
        )
        roles = {row.id: row.role for row in await connection.execute(query)}
        alive = {
            *await _living(connection, sessions, (each.session_id for each in some), sessions.c.expires_at > now),
            *await _living(
                connection,
                tokens,
                (each.token_id for each in some),
                sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now),
            ),
        }
        standings = {each: _standing(each, roles, alive) for each in some}
        return {each: standing for each, standing in standings.items() if standing is not Validity.GOOD}


def _standing(principal: Principal, roles: dict[str, str], alive: set[str]) -> Validity:
    rests_on = {principal.session_id, principal.token_id} - {None}
    if principal.user_id not in roles or not rests_on <= alive:
        return Validity.ENDED
    return Validity.GOOD if roles[principal.user_id] == principal.role else Validity.CHANGED


async def _living(
    connection: AsyncConnection, table: sa.Table, ids: Iterable[str | None], lives: sa.ColumnElement[bool]
) -> set[str]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return set()
    return set(await connection.scalars(sa.select(table.c.id).where(table.c.id.in_(wanted), lives)))
