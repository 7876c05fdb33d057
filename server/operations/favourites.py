"""What somebody marked with a star: theirs alone to know, and as long as they may see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from server.auth.access import marked
from server.auth.permissions import Principal
from server.auth.things import KINDS, ThingSeen, is_open, named_things, seen_among
from server.clock import Clock, new_id, utc_now
from server.errors import InvalidInput, NotFound
from server.storage.database import Database
from server.storage.rows import insert_or_get
from server.storage.tables import favourites

MOST_FAVOURITES = 500  # of one user


class FavouriteOperations:
    """What they may no longer see stays marked and is told of nowhere, until they may again."""

    def __init__(self, *, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def list(self, principal: Principal, *, kind: str = "", limit: int = MOST_FAVOURITES) -> Sequence[ThingSeen]:
        """Newest first."""
        principal.require_read()
        mine = sa.select(favourites).where(favourites.c.user_id == principal.user_id)
        async with self._database.read() as connection:
            wanted = named_things(await connection.execute(mine), "created_at")
            of_kind = {key: at for key, at in wanted.items() if kind in ("", key.kind)}
            return await seen_among(connection, principal, of_kind, limit=limit)

    async def among(self, principal: Principal, kind: str, ids: Collection[str]) -> frozenset[str]:
        """Those of these things, which they see already, that they marked."""
        if not ids:
            return frozenset()
        column = favourites.c[f"{kind}_id"]
        async with self._database.read() as connection:
            return frozenset(await connection.scalars(marked(principal, kind).where(column.in_(ids))))

    async def put(self, principal: Principal, kind: str, thing_id: str) -> None:
        """Mark it, also twice. Raises `NotFound` for what they may not see."""
        principal.require_own_change()
        _require_kind(kind)
        column = f"{kind}_id"
        async with self._database.write() as connection:
            if not await is_open(connection, principal, kind, thing_id):
                raise NotFound
            mine = sa.select(sa.func.count()).where(favourites.c.user_id == principal.user_id)
            if await connection.scalar(mine.where(favourites.c[column] == thing_id)):
                return
            if (await connection.scalar(mine) or 0) >= MOST_FAVOURITES:
                raise InvalidInput(
                    "You have {limit} favourites, the most one may have; take some away.", limit=MOST_FAVOURITES
                )
            values = {"id": new_id(), "user_id": principal.user_id, column: thing_id, "created_at": self._clock()}
            await insert_or_get(connection, favourites, values, key=("user_id", column))

    async def remove(self, principal: Principal, kind: str, thing_id: str) -> None:
        """Also of what is not marked. Raises `NotFound` for what they may not see."""
        principal.require_own_change()
        _require_kind(kind)
        mine = (favourites.c.user_id == principal.user_id, favourites.c[f"{kind}_id"] == thing_id)
        async with self._database.write() as connection:
            if not await is_open(connection, principal, kind, thing_id):
                raise NotFound
            await connection.execute(sa.delete(favourites).where(*mine))


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise NotFound
