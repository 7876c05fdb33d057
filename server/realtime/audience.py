"""Many connections kept as lists: what is for all of them need not look for each, nor be queued for each."""

from __future__ import annotations

from collections.abc import Sequence

from server.realtime.bundle import Bundle
from server.realtime.connection import Connection, Link


class Audience:
    """Connections and, at the same places, their links. Whoever keeps one drops it when a connection comes or goes."""

    __slots__ = ("_places", "connections", "is_alike", "links", "takes_arrays")

    def __init__(self, connections: Sequence[Connection]) -> None:
        self.connections = connections
        self.links: Sequence[Link] = [connection.link for connection in connections]
        self.is_alike = len(set(map(type, self.links))) == 1  # one transport can write to all of them
        self.takes_arrays = any(connection.takes_arrays for connection in connections)
        self._places: dict[Connection, int] = {}

    def place(self, connection: Connection) -> int:
        """-1 for one that does not belong to it."""
        if not self._places:
            self._places = {connection: place for place, connection in enumerate(self.connections)}
        return self._places.get(connection, -1)


class Round:
    """What is on its way to all of an audience, in their order. Single ones can be taken out before their turn."""

    __slots__ = ("_begun", "_taken_out", "audience", "bundle")

    def __init__(self, audience: Audience, bundle: Bundle) -> None:
        self.audience, self.bundle = audience, bundle
        self._begun = 0  # so many had their turn
        self._taken_out: set[Connection] = set()

    def can_grow_for(self, audience: Audience) -> bool:
        """Whether one message more for `audience` leaves with it, as the very same bytes for all of them."""
        is_fresh = not self._begun and not self._taken_out  # nobody had it yet, and everybody will
        return is_fresh and self.audience is audience and not audience.takes_arrays

    @property
    def is_over(self) -> bool:
        return self._begun >= len(self.audience.connections)

    def unsent_bytes(self) -> int:
        return self.bundle.unsent_bytes * len(self.rest())

    def rest(self) -> Sequence[Connection]:
        """Those who still wait for it."""
        rest = self.audience.connections[self._begun :]
        return [connection for connection in rest if connection not in self._taken_out] if self._taken_out else rest

    def take(self, count: int) -> tuple[Sequence[Connection], Sequence[Link]]:
        """The next of those who wait, `count` at most, and their links."""
        begin, self._begun = self._begun, self._begun + count
        connections = self.audience.connections[begin : self._begun]
        if self._taken_out:
            connections = [connection for connection in connections if connection not in self._taken_out]
            return connections, [connection.link for connection in connections]
        return connections, self.audience.links[begin : self._begun]

    def take_out(self, connection: Connection) -> bool:
        """Whether it still waited, and from now on does not."""
        if self.audience.place(connection) < self._begun or connection in self._taken_out:
            return False
        self._taken_out.add(connection)
        return True
