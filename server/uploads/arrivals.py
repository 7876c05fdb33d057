"""How whoever waits for an upload learns that bytes have come, without asking the database for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Arrival:
    """What one listener has been told since it last looked."""

    def __init__(self) -> None:
        self.received = 0
        self.row_changed = False
        self._event = asyncio.Event()

    def tell(self, received: int | None) -> None:
        if received is None:
            self.row_changed = True
        else:
            self.received = received
        self._event.set()

    async def wait(self) -> None:
        """Until something was told."""
        await self._event.wait()
        self._event.clear()


class Arrivals:
    """Joins requests that bring bytes to the jobs that wait for them."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Arrival]] = {}

    @contextmanager
    def listen(self, upload_id: str) -> Iterator[Arrival]:
        """Listen before reading the row: then nothing falls between the two."""
        arrival = Arrival()
        self._listeners.setdefault(upload_id, set()).add(arrival)
        try:
            yield arrival
        finally:
            self._listeners[upload_id].discard(arrival)
            if not self._listeners[upload_id]:
                del self._listeners[upload_id]

    def announce(self, upload_id: str, received: int) -> None:
        """Bytes so far, durable or not."""
        for arrival in self._listeners.get(upload_id, ()):
            arrival.tell(received)

    def row_changed(self, upload_id: str) -> None:
        """The upload was acknowledged further, completed or removed."""
        for arrival in self._listeners.get(upload_id, ()):
            arrival.tell(None)
