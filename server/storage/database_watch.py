"""Whether the database can be used, for whoever asks every second and must not make it busier by that."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from server.errors import StorageFull
from server.storage.database import Database, DatabaseAway
from server.storage.migrating import VERSION, newest_revision

_FRESH_SECONDS = 1.0
_WAITED_SECONDS = 0.5  # whoever asks gets the last answer then
_PATIENCE_SECONDS = 15.0  # one that is busy answers sooner; a line that is dead is dropped by then, too


class DatabaseStanding(StrEnum):
    OK = "ok"
    AWAY = "away"
    OTHER_SCHEMA = "other_schema"  # its tables are not those of this program


class DatabaseWatch:
    """Looks at most once a second, however many ask, and on nobody's behalf when nobody does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._schema = newest_revision()
        self._known = DatabaseStanding.OK
        self._looked_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def standing(self) -> DatabaseStanding:
        if self._look is None and time.monotonic() - self._looked_at >= _FRESH_SECONDS:
            self._looked_at = time.monotonic()
            self._look = asyncio.create_task(self._find_out(), name="database watch")
        if self._look is not None:
            await asyncio.wait([self._look], timeout=_WAITED_SECONDS)
        if self._look is not None and time.monotonic() - self._looked_at > _PATIENCE_SECONDS:
            return DatabaseStanding.AWAY
        return self._known

    async def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    async def _find_out(self) -> None:
        try:
            self._known = await self._found()
        finally:
            self._look = None

    async def _found(self) -> DatabaseStanding:
        try:
            async with self._database.read() as connection:
                found = await connection.scalar(select(VERSION.c.version_num))
        except StorageFull:
            return DatabaseStanding.OK  # it is there, and people can delete
        except DatabaseAway:
            return DatabaseStanding.AWAY
        except SQLAlchemyError:  # such as of one that has no tables at all
            return DatabaseStanding.OTHER_SCHEMA
        return DatabaseStanding.OK if found == self._schema else DatabaseStanding.OTHER_SCHEMA
