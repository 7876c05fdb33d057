"""Looks after the room on the disk: keeps some back again when it can, tells administrators when there is none."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import select

from server.auth.permissions import Role
from server.jobs.outcomes import Notice
from server.live.notices import Notices
from server.storage.database import NOT_STORED, Database
from server.storage.room import Room, Space
from server.storage.tables import users

_LOG = logging.getLogger("jindu.storage")
_EVERY_SECONDS = 5.0


class RoomWatch:
    """Looks every few seconds, as long as `run` runs."""

    def __init__(
        self, *, room: Room, database: Database, notices: Notices, every_seconds: float = _EVERY_SECONDS
    ) -> None:
        self._room = room
        self._database = database
        self._notices = notices
        self._every_seconds = every_seconds
        self._is_told = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except NOT_STORED as error:  # not even this could be kept; the next look tells them
                _LOG.debug("administrators could not be told of the full disk: %s", error)
            except Exception:
                _LOG.exception("the room on the disk could not be looked at", extra={"action": "watch_room"})
            await asyncio.sleep(self._every_seconds)

    async def look(self) -> None:
        """Tells administrators once, until there was enough room in between."""
        await asyncio.to_thread(self._room.recover)
        found = self._room.statistics()
        if found.state is not Space.OK:
            if not self._is_told:
                await self._tell(found.free_bytes)
                self._is_told = True  # not before: what could not be kept is tried again at the next look
        elif found.free_bytes > found.min_free_bytes * 5 // 4:  # not again with each megabyte that comes and goes
            self._is_told = False

    async def _tell(self, free_bytes: int) -> None:
        _LOG.warning("%s bytes are free on the disk: new data is refused", free_bytes, extra={"action": "watch_room"})
        notice = Notice(
            title="The server's disk is full",
            body="{free} bytes are free: new data and reports are refused. Delete datasets, uploads or batches that "
            "nobody needs, or make the disk larger.",
            level="error",
            url="/admin",
            parameters={"free": free_bytes},
        )
        active_admins = select(users.c.id).where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None))
        async with self._database.read() as connection:
            admins = (await connection.scalars(active_admins)).all()
        for admin_id in admins:  # whatever they chose to be told of: nobody else can make room
            await self._notices.notify_who_asked(admin_id, notice)
