"""Which topics this node has joined: those of whoever is connected here, or on the way in."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice

from server.realtime.broker import EVERYBODY, Broker, event_topic, user_topic
from server.realtime.manager import ConnectionManager

_LOOKED_AT = 1_000  # topics at once: a millisecond


class Topics:
    """Joins before anybody is let in, leaves a while after the last one has gone: who reloads a page is back soon.

    `forget` is called with the id of each user of whom nothing more will be heard.
    """

    def __init__(self, *, broker: Broker, manager: ConnectionManager, forget: Callable[[str], None]) -> None:
        self._broker = broker
        self._manager = manager
        self._forgetting = [forget]
        self._joined: dict[str, bool] = {}  # whether nobody needed it at the last look; the longest unseen first
        self._coming: Counter[str] = Counter()
        self._own: frozenset[str] = frozenset()

    def when_left(self, forget: Callable[[str], None]) -> None:
        """Called like `forget`."""
        self._forgetting.append(forget)

    async def open(self, *events: str) -> None:
        """`events` are those that this node needs itself."""
        await self._broker.join(EVERYBODY)
        self._own = frozenset(map(event_topic, events))
        for topic in self._own:
            await self._broker.join(topic)

    def of_user(self, user_id: str) -> AbstractAsyncContextManager[None]:
        return self._hold([user_topic(user_id)])

    def of_events(self, events: Iterable[str]) -> AbstractAsyncContextManager[None]:
        return self._hold(list(map(event_topic, events)))

    def sweep(self) -> None:
        """Leave what nobody here has needed for two looks; to be called now and then."""
        for topic in list(islice(self._joined, _LOOKED_AT)):
            was_idle = self._joined.pop(topic)
            is_idle = not self._is_needed(topic)
            if is_idle and was_idle:
                self._leave(topic)
            else:
                self._joined[topic] = is_idle

    @asynccontextmanager
    async def _hold(self, topics: list[str]) -> AsyncIterator[None]:
        self._coming.update(topics)
        try:
            for topic in topics:
                # Also when it is joined already: whoever began that may still be waiting for it to be confirmed.
                await self._broker.join(topic)
                self._joined[topic] = False
            yield
        finally:
            self._coming.subtract(topics)
            self._coming += Counter()  # drops those that nobody waits for any more

    def _is_needed(self, topic: str) -> bool:
        kind, _, name = topic.partition(":")
        if topic in self._coming or topic in self._own:
            return True
        return self._manager.is_connected(name) if kind == "user" else self._manager.has_subscribers(name)

    def _leave(self, topic: str) -> None:
        self._broker.leave(topic)
        kind, _, name = topic.partition(":")
        if kind == "user":
            for forget in self._forgetting:
                forget(name)
