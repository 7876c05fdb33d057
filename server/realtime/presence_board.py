"""Tells those who watch it that somebody has connected or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from server.clock import rfc3339, rfc3339_now
from server.realtime import codec, protocol
from server.realtime.broker import Broker, PresenceChanged
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager
from server.realtime.presence import Presence, presence_of
from server.realtime.presences import Crowd, Presences

OWN_PRESENCE = "me:presence"
ADMIN_PRESENCE = "admin:presence"
_GATHER_SECONDS = 0.3  # a page that reloads is gone and back: one message for both
_TOLD_AT_ONCE = 100  # after a restart thousands come back; who wants them all asks the API


class PresenceBoard:
    """Tells users of their own connections (`me:presence`), and administrators of everybody's (`admin:presence`)."""

    def __init__(self, *, manager: ConnectionManager, broker: Broker, presences: Presences) -> None:
        self._presences = presences
        self._telling: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # who came is told before that they went, however long others are asked
        self._manager = manager
        self._broker = broker
        self._joined: dict[str, Connection] = {}
        self._left: dict[str, str] = {}  # connection id → user id
        self._timer: asyncio.TimerHandle | None = None
        manager.watch(self._changed)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._telling:
            task.cancel()

    def deliver(self, changed: PresenceChanged) -> None:
        """Soon: other nodes are asked first. What waits is taken as one."""
        watched = [user_id for user_id in changed.user_ids if self._watching(user_id)]
        if not watched and not self._manager.has_subscribers(ADMIN_PRESENCE):
            return
        task = asyncio.get_running_loop().create_task(self._tell(watched, changed), name="tell presence")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, user_ids: Sequence[str], changed: PresenceChanged) -> None:
        async with self._turn:
            for user_id in user_ids:
                self._tell_user(user_id, await self._presences.of_user(user_id))
            if self._manager.has_subscribers(ADMIN_PRESENCE):
                self._tell_admins(changed, await self._presences.crowd())

    def _changed(self, connection: Connection) -> None:
        if connection.id in self._manager.active_connections:
            self._joined[connection.id] = connection
        else:  # told even when nobody was told that it came: who asked for the list meanwhile has it
            self._joined.pop(connection.id, None)
            self._left[connection.id] = connection.user_id
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._publish)

    def _publish(self) -> None:
        self._timer = None
        joined, self._joined = list(self._joined.values()), {}
        left, self._left = self._left, {}
        changed = PresenceChanged(
            user_ids=sorted({connection.user_id for connection in joined}.union(left.values())),
            joined=list(map(presence_of, joined[:_TOLD_AT_ONCE])),
            left=list(left)[:_TOLD_AT_ONCE],
            more=len(joined) > _TOLD_AT_ONCE or len(left) > _TOLD_AT_ONCE,
        )
        self._broker.send(changed)

    def _watching(self, user_id: str) -> list[Connection]:
        return [each for each in self._manager.connections_of(user_id) if OWN_PRESENCE in each.events]

    def _tell_user(self, user_id: str, connections: Sequence[Presence]) -> None:
        data = {"connections": [_told(each) for each in connections]}
        frame = codec.encode(_event(OWN_PRESENCE, data))
        for connection in self._watching(user_id):
            connection.queue(frame, OWN_PRESENCE)

    def _tell_admins(self, changed: PresenceChanged, crowd: Crowd) -> None:
        data = {
            "connections": crowd.connections,
            "users": crowd.users,
            "joined": list(map(_told, changed.joined)),
            "left": changed.left,
            "more": changed.more,
        }
        self._manager.publish(ADMIN_PRESENCE, _event(ADMIN_PRESENCE, data))


def _event(event: str, data: object) -> protocol.Event:
    return protocol.Event(timestamp=rfc3339_now(), event=event, data=data)


def _told(presence: Presence) -> dict[str, object]:
    return {**msgspec.to_builtins(presence), "connected_at": rfc3339(presence.connected_at)}
