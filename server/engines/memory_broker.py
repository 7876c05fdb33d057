"""The broker of a server that is alone: whatever is sent is heard at once, in the same process."""

from __future__ import annotations

from server.realtime.broker import BrokerStatistics, Hearing, Publication, Receive


class MemoryBroker:
    """A `Broker`. What nobody joined is not handed over, as on several nodes."""

    def __init__(self) -> None:
        self._receive: Receive | None = None
        self._joined: set[str] = set()

    async def open(self, hearing: Hearing) -> None:
        self._receive = hearing.receive

    async def join(self, topic: str) -> None:
        self._joined.add(topic)

    def leave(self, topic: str) -> None:
        self._joined.discard(topic)

    def send(self, publication: Publication) -> None:
        if self._receive is not None and not self._joined.isdisjoint(publication.topics):
            self._receive(publication)

    def statistics(self) -> BrokerStatistics:
        return BrokerStatistics()

    async def close(self) -> None:
        self._receive = None
        self._joined.clear()
