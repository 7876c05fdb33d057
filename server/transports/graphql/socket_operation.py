"""What a socket of GraphQL knows of each of its operations."""

from __future__ import annotations

import asyncio

from server.realtime.connection import Connection
from server.transports.socket_link import SocketLink
from server.transports.visitor import Visitor


class SocketOperation:
    """One of those over a socket: it carries the connections of its subscription, and can be given up."""

    def __init__(self, operation_id: str, visitor: Visitor, link: SocketLink) -> None:
        self.id = operation_id
        self.visitor = visitor
        self.connections: set[Connection] = set()
        self.task: asyncio.Task[None] | None = None
        self.is_subscription = False  # until that is known, it is taken for one that is going to be answered
        self.is_stopped = False  # its client wants no more of it, and may have given its id to another one
        self._link = link

    # what a `SubscriptionCarrier` can be asked

    def abort(self) -> None:
        self._link.transport.abort()

    def ping(self, connection: Connection) -> None:
        self._link.ping()  # any answer is heard of by all connections

    # what its socket asks of it

    @property
    def is_being_answered(self) -> bool:
        return not self.is_subscription and not self.is_stopped

    def stop(self) -> None:
        self.is_stopped = True
        self.connections.clear()
        if self.task is not None:
            self.task.cancel()
