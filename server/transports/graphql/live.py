"""A subscription's live connection: let in, recovered and looked after as those of every other transport."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import msgspec

from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.clock import new_id
from server.errors import InvalidInput
from server.realtime.close_codes import CloseCode
from server.realtime.connection import Connection
from server.realtime.manager import Refused, too_many_of_a_user
from server.transports import Entrance
from server.transports.admission import is_client_id, position
from server.transports.frame_queue import FrameQueue, LiveEnded
from server.transports.refusals import error_of
from server.transports.visitor import Visitor

NAME = "graphql"
_SUBSCRIBING = "subscribing"  # the id of the one command that is given for a subscription


class SubscriptionCarrier(Protocol):
    """What carries the results of a subscription to a client: one operation of many over a socket, or a stream."""

    visitor: Visitor
    connections: set[Connection]

    def abort(self) -> None:
        """Cut it off: whoever fetches nothing more would never learn that it is over."""

    def ping(self, connection: Connection) -> None:
        """Find out whether the client is still there, and have `connection` hear of it."""


class CarriesMany(Protocol):
    """A socket whose user is known."""

    @property
    def connections(self) -> Collection[Connection]: ...

    def end_unless_good(self, standing: Validity) -> None:
        """By what has become of whatever it rests on."""


class CarriedQueue(FrameQueue):
    """A `FrameQueue` whose carrier knows how to ask whether somebody is there."""

    def __init__(self, carrier: SubscriptionCarrier) -> None:
        super().__init__(carrier.abort)
        self._carrier = carrier
        self.connection: Connection | None = None

    def ping(self) -> None:
        if self.connection is not None:
            self._carrier.ping(self.connection)


class LiveDoor:
    """Lets subscriptions in. Each is a connection of its own, so that each has its own position and its own end."""

    def __init__(self, entrance: Entrance) -> None:
        self._manager = entrance.manager
        self._admission = entrance.admission
        self._joiner = entrance.joiner
        self._commands = entrance.commands
        self._sockets: dict[str, dict[CarriesMany, Principal]] = {}  # of each user
        self._standings_of = entrance.standings_of

    @asynccontextmanager
    async def open(
        self,
        carrier: SubscriptionCarrier,
        principal: Principal,
        *,
        since: str | None,
        client_id: str | None,
        events: Sequence[str] = (),
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The messages of a connection that has joined and subscribed to `events`, until it ends.

        Raises why it is not let in, and for an event name that it may not watch; its messages end with `LiveEnded`.
        """
        began = time.monotonic()
        if client_id is not None and not is_client_id(client_id):
            raise InvalidInput("A client_id has 1 to 64 letters, digits, “_”, “.” or “-”.", code="invalid_client_id")
        queue = CarriedQueue(carrier)
        with queue:
            try:
                connection = self._admission.connection(
                    carrier.visitor, queue, principal, client_id=client_id or new_id()
                )
                connection.transport = NAME
                connection.came_at = began  # the socket that carries it may be days old
                queue.connection = connection
                with self._manager.membership(connection):
                    await self._joiner.join(connection, position(since) if since else None)
                    self._admission.count_entry(NAME)
                    carrier.connections.add(connection)
                    try:
                        await self._subscribe(connection, events)
                        yield _messages(queue)
                    finally:
                        carrier.connections.discard(connection)
            except Refused as refused:
                self._admission.count_refusal(refused.code.name.lower())
                raise error_of(refused) from None

    @contextmanager
    def place(self, principal: Principal, socket: CarriesMany) -> Iterator[None]:
        """For a socket of this user's. Raises `Refused` when as many as one may have connections carry none of them."""
        own, limits = self._sockets.setdefault(principal.user_id, {}), self._manager.limits
        if (idle := sum(not each.connections for each in own)) >= limits.connections_per_user:
            raise Refused(CloseCode.CONNECTION_LIMIT, too_many_of_a_user(idle, limits))
        own[socket] = principal
        try:
            yield
        finally:
            del own[socket]
            if not own:
                del self._sockets[principal.user_id]

    def heard_of(self, principal: Principal) -> Validity:
        """Of whoever has a socket that carries no connection: the others are ended by what ends these."""
        return self._joiner.heard_of(principal)

    async def recheck(self) -> None:
        """To be called now and then, since no word of an end is sure to come: all of them are asked for at once."""
        idle = [
            (socket, principal)
            for own in self._sockets.values()
            for socket, principal in own.items()
            if not socket.connections
        ]
        gone = await self._standings_of({principal for _socket, principal in idle})
        for socket, principal in idle:
            socket.end_unless_good(gone.get(principal, Validity.GOOD))

    def leave(self, connection: Connection) -> None:
        """Its client wants no more of it: it counts no more from now on, whatever still ends behind it."""
        self._manager.disconnect(connection)

    async def _subscribe(self, connection: Connection, events: Sequence[str]) -> None:
        if events:
            command = {"type": "subscribe", "events": list(events), "id": _SUBSCRIBING}
            await self._commands.handle(connection, msgspec.json.encode(command).decode())


async def _messages(queue: FrameQueue) -> AsyncGenerator[dict[str, Any], None]:
    async for frame in queue.frames():
        message = msgspec.json.decode(frame)
        if message["type"] == "error" and message.get("id") == _SUBSCRIBING:
            raise InvalidInput(message["message"], code=message["code"])
        yield message
    assert queue.closed_with is not None
    raise LiveEnded(*queue.closed_with)
