"""Who subscribed to which event name."""

from __future__ import annotations

import weakref

from server.realtime.audience import Audience
from server.realtime.connection import Connection


class Subscribers:
    """Held weakly, as everywhere; an audience is made when something is published, and kept until one comes or goes."""

    def __init__(self) -> None:
        self._by_event: dict[str, weakref.WeakSet[Connection]] = {}
        self._audiences: dict[str, Audience] = {}

    def add(self, event: str, connection: Connection) -> None:
        self._audiences.pop(event, None)
        self._by_event.setdefault(event, weakref.WeakSet()).add(connection)

    def discard(self, event: str, connection: Connection) -> None:
        self._audiences.pop(event, None)
        subscribers = self._by_event.get(event)
        if subscribers is None:
            return
        subscribers.discard(connection)
        if not subscribers:
            del self._by_event[event]

    def count(self, event: str) -> int:
        return len(self._by_event.get(event, ()))

    def audience(self, event: str) -> Audience:
        """All of them; nobody when there are none."""
        found = self._audiences.get(event)
        if found is None:
            subscribers = self._by_event.get(event)
            if subscribers is None:
                return _NOBODY
            found = self._audiences[event] = Audience(list(subscribers))
        return found


_NOBODY = Audience([])
