"""Many connections kept as lists: what is for all of them need not look for each, nor be queued for each.

At 10,000 connections whatever is touched for each delivery has left the processor's cache since the last one, and costs
a tenth of a microsecond to fetch. So a round touches neither the connections nor their links.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from server.realtime.bundle import Bundle
from server.realtime.connection import Connection, LinkGroup


class Audience:
    """Connections in an order. Whoever keeps one drops it when a connection comes or goes."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self.connections = connections
        self.is_alike = len({type(connection.link) for connection in connections}) == 1  # one transport writes to all
        self.takes_arrays = any(connection.takes_arrays for connection in connections)
        self._uncounted = 0  # messages that all had, and that do not stand in their counts yet
        self._passed_over: Counter[int] = Counter()  # places, and how many of these messages they had not

    @cached_property
    def links(self) -> LinkGroup:
        """For one that is alike."""
        return self.connections[0].link.gather([connection.link for connection in self.connections])

    @cached_property
    def _places(self) -> dict[Connection, int]:
        return {connection: place for place, connection in enumerate(self.connections)}

    def place(self, connection: Connection) -> int:
        """-1 for one that does not belong to it."""
        return self._places.get(connection, -1)

    def count(self, messages: int, *, but: Iterable[int]) -> None:
        """All had so many, `but` those at these places."""
        self._uncounted += messages
        for place in but:
            self._passed_over[place] += messages

    def settle(self) -> None:
        """Let each connection count what it had."""
        for connection in self.connections:
            connection.written += self._uncounted
        for place, messages in self._passed_over.items():
            self.connections[place].written -= messages
        self._uncounted = 0
        self._passed_over.clear()


class Round:
    """What is on its way to all of an audience, in their order. Single ones can be taken out before their turn."""

    __slots__ = ("_begun", "_is_thinned", "_passed_over", "audience", "bundle")

    def __init__(self, audience: Audience, bundle: Bundle) -> None:
        self.audience, self.bundle = audience, bundle
        self._begun = 0  # so many places had their turn
        self._is_thinned = False  # some of the audience are gone: nothing may keep it, and them, any longer
        self._passed_over: list[int] = []  # places that get it otherwise or are counted already, in order

    def can_grow_for(self, audience: Audience) -> bool:
        """Whether one message more for `audience` leaves with it, as the very same bytes for all of them."""
        is_fresh = not self._begun and not self._passed_over  # nobody had it yet, and everybody will
        return is_fresh and self.audience is audience and not audience.takes_arrays

    @property
    def is_over(self) -> bool:
        return self._begun >= len(self.audience.connections)

    def unsent_bytes(self) -> int:
        waiting = len(self.audience.connections) - self._begun
        return self.bundle.unsent_bytes * (waiting - len(self._passed_over) + self._passed_before(self._begun))

    def rest(self) -> Sequence[Connection]:
        """Those who still wait for it."""
        rest = enumerate(self.audience.connections[self._begun :], self._begun)
        return [connection for place, connection in rest if not self._is_passed_over(place)]

    def take(self, most: int) -> range:
        """The places of the next who wait for it, `most` at most; none only when nobody waits any more."""
        begin, passed = self._begun, self._passed_over
        index = bisect_left(passed, begin)
        while index < len(passed) and passed[index] == begin:
            begin, index = begin + 1, index + 1
        next_passed = passed[index] if index < len(passed) else len(self.audience.connections)
        self._begun = min(begin + most, next_passed)
        return range(begin, self._begun)

    def take_out(self, connection: Connection) -> bool:
        """Whether it still waited, and from now on does not."""
        place = self.audience.place(connection)
        if place < self._begun or self._is_passed_over(place):
            return False
        insort(self._passed_over, place)
        return True

    def falls_behind(self, place: int) -> None:
        """It had its turn, and took nothing."""
        insort(self._passed_over, place)

    def leaves(self, connection: Connection) -> None:
        """It is counted now what it had: it will not be there when it is counted for all."""
        self._is_thinned = True
        place = self.audience.place(connection)
        if not self.take_out(connection) and place >= 0 and not self._is_passed_over(place):
            insort(self._passed_over, place)
            connection.written += len(self.bundle.frames)

    def count(self) -> Audience | None:
        """It is over, or its rest gets it otherwise; the audience when it must settle before connections are asked."""
        if self.is_over and not self._is_thinned:
            self.audience.count(len(self.bundle.frames), but=self._passed_over)
            return self.audience
        for place, connection in enumerate(self.audience.connections[: self._begun]):
            if not self._is_passed_over(place):
                connection.written += len(self.bundle.frames)
        return None

    def _passed_before(self, place: int) -> int:
        return bisect_left(self._passed_over, place)

    def _is_passed_over(self, place: int) -> bool:
        index = self._passed_before(place)
        return index < len(self._passed_over) and self._passed_over[index] == place
