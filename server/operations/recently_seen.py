"""What somebody opened last, for themselves alone. Noted in memory, and stored a little later for all at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Principal
from server.auth.things import TABLES, ThingKey, ThingSeen, named_things, seen_among
from server.clock import Clock, new_id, utc_now
from server.storage.database import NOT_STORED, Database
from server.storage.repeating import repeat
from server.storage.tables import recently_seen, users

_LOG = logging.getLogger("jindu.recent")
SHOWN = 20
_KEPT = 60  # of a user: some of them they may see no more, or not at present
_MOST_NOTED = 10_000  # that wait to be stored; beyond these looks are forgotten
_STORED_EVERY_SECONDS = 10.0
_AGAIN_AFTER_SECONDS = 60.0
_Look = tuple[str, str, str]  # user, kind, id


class RecentlySeen:
    """Each thing once, with the last time; at most once a minute anew."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        stored_every_seconds: float = _STORED_EVERY_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._every_seconds = stored_every_seconds
        self._noted: dict[_Look, datetime] = {}
        self._lately: dict[_Look, float] = {}

    def note(self, principal: Principal, kind: str, thing_id: str) -> None:
        """Somebody opened its page, which they may see."""
        look, now = (principal.user_id, kind, thing_id), self._monotonic()
        if now - self._lately.get(look, -_AGAIN_AFTER_SECONDS) < _AGAIN_AFTER_SECONDS:
            return
        if len(self._noted) >= _MOST_NOTED:
            return
        self._lately.pop(look, None)
        self._lately[look] = now
        while len(self._lately) > _MOST_NOTED:
            del self._lately[next(iter(self._lately))]
        self._noted[look] = self._clock()

    async def list(self, principal: Principal, *, limit: int = SHOWN) -> Sequence[ThingSeen]:
        """Newest first, of what they may see."""
        principal.require_read()
        noted = {ThingKey(*look[1:]): at for look, at in self._noted.items() if look[0] == principal.user_id}
        mine = sa.select(recently_seen).where(recently_seen.c.user_id == principal.user_id)
        async with self._database.read() as connection:
            stored = named_things(await connection.execute(mine), "at")
            return await seen_among(connection, principal, stored | noted, limit=limit)

    async def run(self) -> None:
        """Store what was noted, until cancelled; then once more."""
        try:
            await repeat(
                self.store,
                every_seconds=self._every_seconds,
                first_after_seconds=self._every_seconds,
                log=_LOG,
                failed="what people opened could not be noted",
                action="recently_seen",
            )
        finally:
            try:
                async with asyncio.timeout(_STORED_EVERY_SECONDS):
                    await self.store()
            except (TimeoutError, *NOT_STORED):
                _LOG.debug("what people opened last could not be noted")

    async def store(self) -> None:
        """In one transaction, what was noted since the last time."""
        noted = dict(self._noted)
        if not noted:
            return
        async with self._database.write() as connection:
            for look in await _still_there(connection, noted):
                await _put(connection, look, noted[look])
            for user_id in {look[0] for look in noted}:
                await _forget_old(connection, user_id)
        # Not before the rows are there: who asks meanwhile sees them from here.
        self._noted = {look: at for look, at in self._noted.items() if noted.get(look) != at}


async def _still_there(connection: AsyncConnection, noted: Collection[_Look]) -> list[_Look]:
    """People and things may be gone by now; nobody else writes meanwhile."""
    there: dict[str, set[str]] = {}
    for name, table in (("user", users), *TABLES.items()):
        ids = {look[0] for look in noted} if name == "user" else {look[2] for look in noted if look[1] == name}
        there[name] = set(await connection.scalars(sa.select(table.c.id).where(table.c.id.in_(ids)))) if ids else set()
    return [look for look in noted if look[0] in there["user"] and look[2] in there[look[1]]]


async def _put(connection: AsyncConnection, look: _Look, at: datetime) -> None:
    user_id, kind, thing_id = look
    column = recently_seen.c[f"{kind}_id"]
    again = sa.update(recently_seen).where(recently_seen.c.user_id == user_id, column == thing_id)
    if not (await connection.execute(again.values(at=at))).rowcount:
        values = {"id": new_id(), "user_id": user_id, column.name: thing_id, "at": at}
        await connection.execute(sa.insert(recently_seen).values(values))


async def _forget_old(connection: AsyncConnection, user_id: str) -> None:
    mine = recently_seen.c.user_id == user_id
    old = sa.select(recently_seen.c.id).where(mine).order_by(recently_seen.c.at.desc()).offset(_KEPT).limit(_MOST_NOTED)
    ids = list(await connection.scalars(old))
    if ids:
        await connection.execute(sa.delete(recently_seen).where(recently_seen.c.id.in_(ids)))
