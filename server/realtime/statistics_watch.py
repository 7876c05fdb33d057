"""Whether somebody watches the figures of all nodes, at whichever node they are connected."""

from __future__ import annotations

import time

from server.realtime.broker import Broker, Publication
from server.realtime.manager import ConnectionManager

STATISTICS = "admin:statistics"  # an event name
_WANTED_SECONDS = 6.0  # a wish that is lost is said again before


class StatisticsWanted(Publication, frozen=True, kw_only=True):
    """Somebody at the sender's watches: each node tells its own for a while."""


class StatisticsWatch:
    def __init__(self, manager: ConnectionManager, broker: Broker) -> None:
        self._manager = manager
        self._broker = broker
        self._until = float("-inf")

    def is_wanted(self) -> bool:
        """Asked every few seconds: then the others learn of those who watch here."""
        if self._manager.has_subscribers(STATISTICS):
            self._broker.send(StatisticsWanted())
            return True
        return time.monotonic() < self._until

    def heard(self, _wanted: StatisticsWanted) -> None:
        self._until = time.monotonic() + _WANTED_SECONDS
