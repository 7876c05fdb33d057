"""Who is connected over all nodes: what is needed of whatever knows it, and what a server that is alone knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.realtime.broker import Broker, Publication, user_topic
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager
from server.realtime.presence import Presence, presence_of

_AT_ONCE = 1_000  # connections: a few milliseconds, then others have their turn


class ClientJoined(Publication, frozen=True, kw_only=True):
    """A client has a newer connection somewhere: an older one of the same client gives way.

    `moment` is by the one clock that all nodes share; 0 where there was none.
    """

    user_id: str
    client_id: str
    connection_id: str
    moment: int

    @property
    def topics(self) -> tuple[str, ...]:
        return (user_topic(self.user_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """What is known of somebody who is on the way in: when, and their connections at other nodes."""

    moment: int = 0
    elsewhere: Sequence[Presence] = ()

    def count_of_others(self, client_id: str) -> int:
        return sum(presence.client_id != client_id for presence in self.elsewhere)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    connections: int
    users: int  # somebody who is connected at two nodes counts twice


class Presences(Protocol):
    """Asked while others are away, it answers for this node alone; it raises nothing and keeps nobody waiting long."""

    @property
    def is_whole(self) -> bool:
        """False while it answers for this node alone though there may be others."""

    async def run(self) -> None:
        """Keep what others see of this node, until cancelled."""

    async def arriving(self, user_id: str) -> Arriving: ...

    async def of_user(self, user_id: str) -> list[Presence]:
        """The oldest first."""
        ...

    async def everybody(self) -> list[Presence]: ...

    async def one(self, connection_id: str) -> Presence | None: ...

    async def crowd(self) -> Crowd: ...

    @property
    def process(self) -> str:
        """By which others know this one; empty where there can be none."""
        ...

    async def knows(self, process: str) -> bool | None:
        """Whether that one keeps itself there; None when nobody can tell at the moment."""
        ...


class LocalPresences:
    """`Presences` of a server that is alone; or what one of several `node`s knows by itself."""

    process = ""
    is_whole = True

    def __init__(self, manager: ConnectionManager, *, node: str = "") -> None:
        self._manager = manager
        self._node = node

    async def run(self) -> None:
        """There is nothing to keep."""

    async def arriving(self, user_id: str) -> Arriving:
        return Arriving()

    async def of_user(self, user_id: str) -> list[Presence]:
        return self._manager.presence(user_id)

    async def everybody(self) -> list[Presence]:
        found: list[Presence] = []
        connections = self._manager.everybody()
        for start in range(0, len(connections), _AT_ONCE):
            found += [presence_of(each, node=self._node) for each in connections[start : start + _AT_ONCE]]
            await asyncio.sleep(0)
        return found

    async def one(self, connection_id: str) -> Presence | None:
        return self._manager.presence_by_id(connection_id)

    async def crowd(self) -> Crowd:
        return Crowd(connections=len(self._manager.active_connections), users=len(self._manager.user_connections))

    async def knows(self, process: str) -> bool | None:
        return None


class Replacing:
    """An older connection of the same client, at whichever node, gives way to the newer.

    It does so once the newer one was heard of. A node that stood still lets in whoever asked it before and has gone to
    another node since: that one answers nothing, and must not take the other with it.
    """

    def __init__(self, manager: ConnectionManager, broker: Broker, *, look_seconds: float = 0.5) -> None:
        self._manager = manager
        self._broker = broker
        self._look_seconds = look_seconds

    def has_come(self, connection: Connection) -> None:
        """It was let in here, and others have to know."""
        if connection.moment:  # else nobody else could hear it
            connection.link.ping()
            self._look_later(connection)

    def _look_later(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._look_seconds, self._tell_if_heard, connection.id, connection.heard_at)

    def _tell_if_heard(self, connection_id: str, came_at: float) -> None:
        connection = self._manager.active_connections.get(connection_id)
        if connection is None:
            return
        if connection.heard_at == came_at:
            self._look_later(connection)
            return
        connection.is_told_of = True
        self._broker.send(_told_of(connection))

    def deliver(self, joined: ClientJoined) -> None:
        for own in self._manager.connections_of(joined.user_id):
            if own.client_id != joined.client_id or own.id == joined.connection_id:
                continue
            if not own.moment:  # it came while there was no clock to go by: the other one may be the older
                continue
            if (own.moment, own.id) < (joined.moment, joined.connection_id):
                self._manager.replace(own)
            elif own.is_told_of:  # the other node did not know of ours when it let that one in
                self._broker.send(_told_of(own))


def _told_of(connection: Connection) -> ClientJoined:
    return ClientJoined(
        user_id=connection.user_id,
        client_id=connection.client_id,
        connection_id=connection.id,
        moment=connection.moment,
    )
