"""Who may be asked to take files from browser to browser: one's own other devices, and colleagues who are there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import sqlalchemy as sa

from server.auth.colleagues import colleagues_of
from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, NotFound
from server.live.peer_signals import TransferOver
from server.realtime.connection import Connection
from server.realtime.presence import Presence
from server.realtime.presences import Presences
from server.storage.database import Database
from server.storage.tables import users

_MOST_COLLEAGUES = 200  # of a list that a person reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerReceivers:
    """Who is there at the moment: other devices of one's own, and colleagues by name."""

    devices: list[Presence]
    colleagues: list[Colleague]


class PeerPeople:
    def __init__(self, *, database: Database, presences: Presences) -> None:
        self._database = database
        self._presences = presences

    async def receivers(self, principal: Principal, *, own_connection: str) -> PeerReceivers:
        """Who could be asked now. `own_connection` is the asker's. Raises `Forbidden` for programs."""
        require_session(principal)
        own = [each for each in await self._browsers_of(principal.user_id) if each.connection_id != own_connection]
        wanted = sa.select(users.c.id, users.c.name).where(colleagues_of(principal.user_id))
        async with self._database.read() as connection:
            rows = (await connection.execute(wanted.order_by(users.c.name_key).limit(_MOST_COLLEAGUES))).all()
        present = await asyncio.gather(*(self._browsers_of(row.id) for row in rows))
        there = [Colleague(id=row.id, name=row.name) for row, found in zip(rows, present, strict=True) if found]
        return PeerReceivers(devices=own, colleagues=there)

    async def own_device(self, connection: Connection, connection_id: str) -> str:
        """What another device of whoever asks is called. Raises `Conflict` when it is not there."""
        for each in await self._browsers_of(connection.user_id):
            if each.connection_id == connection_id != connection.id:
                return each.device or connection_id
        raise Conflict("That device is not connected any more; look at the list again.", code="peer_away")

    async def colleague(self, connection: Connection, user_id: str) -> str:
        """Their name. Raises `NotFound` for whom they share nothing with, `Conflict` for one who is not there."""
        wanted = sa.select(users.c.name).where(colleagues_of(connection.user_id), users.c.id == user_id)
        async with self._database.read() as reading:
            name: str | None = await reading.scalar(wanted)
        if name is None:  # also of whom there is: who shares nothing with somebody learns nothing of them
            raise NotFound("You share nothing with this person, if there is one.")
        if not await self._browsers_of(user_id):
            raise Conflict("{user} has no page open at the moment.", code="peer_away", user=name)
        return name

    async def require_acquainted(self, user_id: str, other_id: str) -> None:
        """Asked each time: what made them acquainted may have been taken away. Raises `TransferOver`."""
        if user_id == other_id:
            return
        wanted = sa.select(users.c.id).where(colleagues_of(user_id), users.c.id == other_id)
        async with self._database.read() as connection:
            if await connection.scalar(wanted) is None:
                raise TransferOver

    async def _browsers_of(self, user_id: str) -> list[Presence]:
        """Those with a page open that takes files."""
        return [each for each in await self._presences.of_user(user_id) if each.session_id and each.takes_files]


def require_session(principal: Principal) -> None:
    """Raises `Forbidden`."""
    if principal.session_id is None:
        raise Forbidden("Files go between browsers in which somebody has signed in; tokens cannot send or take them.")
