"""Who is connected, and how a message reaches one user, the subscribers of an event name, or everybody."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, call
from typing import Any

from server.auth.permissions import Principal
from server.clock import rfc3339_now
from server.errors import JinduError, RateLimited
from server.realtime import codec
from server.realtime.audience import Audience
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection, Link
from server.realtime.flusher import Flusher
from server.realtime.limits import LiveLimits, RateLimit, Silence
from server.realtime.presence import TOLD_OF, Presence, presence_of
from server.realtime.subscribers import Subscribers
from server.realtime.traffic import Traffic
from server.realtime.wording import Wording

TOO_MANY = "connection_limit"
_LOOKED_AFTER = 1_000  # connections at once: 2 ms
_COUNTED = {  # so far, and still counted when a connection is gone
    name: attrgetter(where)
    for name, where in {
        "sent": "sent",
        "recovered": "recovered",
        "conflated": "outbox.conflated",
        "dropped": "dropped",
        "refused": "refused",
    }.items()
}
ConnectionWatch = Callable[[Connection], None]
AnyMessage = Any
"""A struct of the protocol, a dict with `type`, or a `Wording` of either."""


class Refused(Exception):
    """This connection may not be opened; `code` is what it is closed with, `why` says more where there is more."""

    def __init__(self, code: CloseCode, why: JinduError | None = None) -> None:
        super().__init__(code.reason)
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStatistics:
    connections: int
    users: int
    subscriptions: int
    sent: int
    recovered: int
    held: int
    conflated: int
    dropped: int
    refused: int
    unsent_bytes: int
    closed: dict[str, int]
    by_transport: dict[str, int]


class ConnectionManager:
    """Connections are held weakly: each lives as long as the handler that reads from it."""

    def __init__(self, limits: LiveLimits) -> None:
        self.limits = limits
        self.active_connections: weakref.WeakValueDictionary[str, Connection] = weakref.WeakValueDictionary()
        self.user_connections: dict[str, weakref.WeakSet[Connection]] = {}
        self._subscribers = Subscribers()
        self.traffic = Traffic()
        self._flusher = Flusher(self.traffic)
        self._audience: Audience | None = None  # everybody, until somebody comes or goes
        self._closed: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()
        self._watchers: list[ConnectionWatch] = []
        self._looking_watchers: list[ConnectionWatch] = []
        self._is_draining = False

    def new_connection(self, *, client_id: str, principal: Principal, language: str, link: Link) -> Connection:
        """A connection that is not joined yet."""
        return Connection(
            client_id=client_id,
            principal=principal,
            language=language,
            link=link,
            writer=self._flusher,
            max_unsent_bytes=self.limits.unsent_bytes,
            rate_limit=RateLimit(per_second=self.limits.messages_per_second, burst=self.limits.message_burst),
        )

    def connect(self, connection: Connection, *, elsewhere: int = 0) -> None:
        """Join; raises `Refused` past the limits. An older connection of the same user and client gives way.

        `elsewhere` is how many other clients the user has at other nodes.
        """
        if self._is_draining:
            raise Refused(CloseCode.DRAINING)
        own = self.user_connections.get(connection.user_id, weakref.WeakSet())
        older = [other for other in own if other.client_id == connection.client_id]
        if any(other.came_at > connection.came_at for other in older):
            raise Refused(CloseCode.REPLACED)  # its client gave it up while it waited, and has come again since
        if not older and (count := len(own) + elsewhere) >= self.limits.connections_per_user:
            raise Refused(CloseCode.CONNECTION_LIMIT, too_many_of_a_user(count, self.limits))
        if not older and len(self.active_connections) >= self.limits.connections:
            why = RateLimited("This server has no room for more live connections; try again in a while.", code=TOO_MANY)
            raise Refused(CloseCode.CONNECTION_LIMIT, why)
        for other in older:
            self.replace(other)
        self._audience = None
        self.active_connections[connection.id] = connection
        self.user_connections.setdefault(connection.user_id, weakref.WeakSet()).add(connection)
        self._tell(connection)

    def replace(self, older: Connection) -> None:
        """Its client has a newer one."""
        older.close(CloseCode.REPLACED)
        self.disconnect(older)

    def disconnect(self, connection: Connection) -> None:
        """Forget this very connection, and no other of the same client; safe to repeat."""
        if self.active_connections.pop(connection.id, None) is None:
            return
        self._audience = None
        self.unsubscribe(connection, list(connection.events))
        self._flusher.forget(connection)
        if connection.closed_with is not None:
            self._closed[connection.closed_with.name.lower()] += 1
        self._gone.update({name: count(connection) for name, count in _COUNTED.items()})
        own = self.user_connections[connection.user_id]
        own.discard(connection)
        if not own:
            del self.user_connections[connection.user_id]
        self._tell(connection)

    def membership(self, connection: Connection) -> Membership:
        """A context at whose end `connection` is forgotten, whatever happened: nothing follows a farewell."""
        return Membership(self, connection)

    def watch(self, watcher: ConnectionWatch) -> None:
        """Call `watcher` whenever a connection has come or gone."""
        self._watchers.append(watcher)

    def watch_looking(self, watcher: ConnectionWatch) -> None:
        """Call `watcher` whenever a connection that is there says something else of itself (`TOLD_OF`)."""
        self._looking_watchers.append(watcher)

    def _tell(self, connection: Connection) -> None:
        for watcher in self._watchers:
            watcher(connection)

    # sending

    def send_json_to_user(
        self, user_id: str, message: AnyMessage, *, key: Hashable | None = None, offset: int | None = None
    ) -> int:
        """Send a message to all of a user's connections; to how many.

        With a `key`, the newest replaces one that still waits. A kept message has an `offset` in the user's stream.
        """
        return self._send(self.connections_of(user_id), message, key=key, offset=offset)

    def broadcast_json(self, message: AnyMessage, *, offsets: Mapping[str, int] | None = None) -> int:
        """Send a message to everybody who is connected; to how many connections.

        A kept one goes to those in `offsets`, each with its offset in their own stream.
        """
        if offsets is not None:
            return sum(self.send_json_to_user(user_id, message, offset=offset) for user_id, offset in offsets.items())
        if self._audience is None:
            self._audience = Audience(self.everybody())
        return self._send_to_all(self._audience, message)

    def publish(
        self, event: str, message: AnyMessage, *, owner_id: str | None = None, key: Hashable | None = None
    ) -> int:
        """Send to the subscribers of an event name; with an owner, only to those who may see what is the owner's."""
        audience = self._subscribers.audience(event)
        if owner_id is None and key is None:
            return self._send_to_all(audience, message)
        allowed = [each for each in audience.connections if owner_id is None or each.principal.may_see(owner_id)]
        return self._send(allowed, message, key=key)

    # subscriptions

    def subscribe(self, connection: Connection, events: Iterable[str]) -> None:
        """Whether the user may was asked before; meanwhile the connection may have ended."""
        if connection.id not in self.active_connections:
            return
        names = frozenset(events)
        connection.events |= names
        for event in names:
            self._subscribers.add(event, connection)
        self._tell_looking(connection, names)

    def unsubscribe(self, connection: Connection, events: Iterable[str]) -> None:
        names = frozenset(events)
        connection.events -= names
        for event in names:
            self._subscribers.discard(event, connection)
        self._tell_looking(connection, names)

    def _tell_looking(self, connection: Connection, names: frozenset[str]) -> None:
        if TOLD_OF & names and connection.id in self.active_connections:
            for watcher in self._looking_watchers:
                watcher(connection)

    def has_subscribers(self, event: str) -> bool:
        return self._subscribers.count(event) > 0

    def count_subscribers(self, event: str) -> int:
        """How many connections of this node listen to it."""
        return self._subscribers.count(event)

    def subscribed_users(self, event: str) -> frozenset[str]:
        """Ids of those who listen to it at this node."""
        return frozenset(each.principal.user_id for each in self._subscribers.audience(event).connections)

    def is_connected(self, user_id: str) -> bool:
        return user_id in self.user_connections

    # looking after them

    def connections_of(self, user_id: str) -> list[Connection]:
        return list(self.user_connections.get(user_id, ()))

    def everybody(self) -> list[Connection]:
        # Several times as fast as `values()`, which is written in Python.
        return list(filter(None, map(call, self.active_connections.valuerefs())))

    def presence(self, user_id: str | None = None) -> list[Presence]:
        """Everybody's connections, or one user's; the oldest first."""
        found = self.connections_of(user_id) if user_id else self.everybody()
        return sorted(map(presence_of, found), key=lambda presence: presence.connected_at)

    def presence_by_id(self, connection_id: str) -> Presence | None:
        found = self.active_connections.get(connection_id)
        return presence_of(found) if found else None

    def close_where(self, condition: Callable[[Connection], bool], code: CloseCode, reason: str = "") -> int:
        chosen = [connection for connection in self.everybody() if condition(connection)]
        for connection in chosen:
            connection.close(code, reason)
        return len(chosen)

    def let_nobody_in(self) -> None:
        """From now on `connect` refuses: who was still on the way in when the server began to stop."""
        self._is_draining = True

    async def sweep(self) -> None:
        """Ping who has been silent, drop who does not answer. One timer for all costs less than one each."""
        everybody = self.everybody()
        for start in range(0, len(everybody), _LOOKED_AFTER):
            self._look_after(everybody[start : start + _LOOKED_AFTER])
            await asyncio.sleep(0)

    def _look_after(self, connections: Sequence[Connection]) -> None:
        now = time.monotonic()
        for connection in connections:
            silence = self.limits.silence(now, heard_at=connection.heard_at, asked_at=connection.asked_at)
            if silence is Silence.OVER:
                connection.close(CloseCode.NO_PONG)
            elif silence is Silence.TO_ASK:
                connection.asked_at = now
                connection.link.ping()

    def close_all(self, code: CloseCode) -> None:
        self.close_where(lambda connection: True, code)
        self._flusher.close()

    def statistics(self) -> ConnectionStatistics:
        connections = self.everybody()
        return ConnectionStatistics(
            connections=len(connections),
            users=len(self.user_connections),
            subscriptions=sum(len(connection.events) for connection in connections),
            unsent_bytes=self._flusher.waiting_bytes() + sum(connection.unsent_bytes() for connection in connections),
            closed=dict(self._closed),
            by_transport=dict(Counter(connection.transport for connection in connections)),
            held=sum(len(connection.outbox) for connection in connections),
            **{name: self._gone[name] + sum(map(count, connections)) for name, count in _COUNTED.items()},
        )

    def _send_to_all(self, audience: Audience, message: AnyMessage) -> int:
        if isinstance(message, Wording):
            return self._send(audience.connections, message)
        if audience.connections:
            self._flusher.broadcast(audience, _encoded(message))
            self.traffic.sent[codec.type_of(message)] += len(audience.connections)
        return len(audience.connections)

    def _send(
        self,
        connections: Sequence[Connection],
        message: AnyMessage,
        *,
        key: Hashable | None = None,
        offset: int | None = None,
    ) -> int:
        if not connections:
            return 0
        if not isinstance(message, Wording):
            self._queue(connections, _encoded(message), key)
            self.traffic.sent[codec.type_of(message)] += len(connections)
            return len(connections)
        by_language: dict[str, list[Connection]] = {}
        for connection in connections:
            by_language.setdefault(connection.language, []).append(connection)
        for language, readers in by_language.items():
            self._queue(readers, message.frame(language, offset), key)
        self.traffic.sent[message.type] += len(connections)
        return len(connections)

    def _queue(self, connections: Sequence[Connection], frame: bytes, key: Hashable | None) -> None:
        if key is None:
            self._flusher.share(connections, frame)
        else:
            for connection in connections:
                connection.queue(frame, key)


class Membership:
    """No generator: its frame would stay with every open connection."""

    __slots__ = ("_connection", "_manager")

    def __init__(self, manager: ConnectionManager, connection: Connection) -> None:
        self._manager, self._connection = manager, connection

    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None:
        self._manager.disconnect(self._connection)


def too_many_of_a_user(count: int, limits: LiveLimits) -> RateLimited:
    return RateLimited(
        "You have {count} connections open (limit {limit}); close some, or sign out elsewhere.",
        code=TOO_MANY,
        count=count,
        limit=limits.connections_per_user,
    )


def _encoded(message: Any) -> bytes:
    if isinstance(message, dict) and "timestamp" not in message:
        message = {**message, "timestamp": rfc3339_now()}
    return codec.encode(message)
