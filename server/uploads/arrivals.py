"""How whoever waits for an upload learns that bytes have come, without asking the database for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from server.uploads.files import Upload


class Arrival:
    """What one listener has been told since it last looked."""

    def __init__(self, received: Mapping[str, int]) -> None:
        self.received = dict(received)  # by upload: a file may come in several
        self.row_changed = False
        self.is_paused = False
        self._event = asyncio.Event()

    def tell(self, upload_id: str, received: int) -> None:
        self.received[upload_id] = received
        self.is_paused = False
        self._event.set()

    def tell_of_row(self) -> None:
        self.row_changed = True
        self._event.set()

    def tell_of_pause(self) -> None:
        self.is_paused = True
        self._event.set()

    def bytes_of(self, upload: Upload) -> int:
        """Those that came, durable or not."""
        return max(upload.offset, self.received.get(upload.id, 0))

    async def wait(self) -> None:
        """Until something was told."""
        await self._event.wait()
        self._event.clear()


class Arrivals:
    """Joins requests that bring bytes to the jobs that wait for them."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Arrival]] = {}
        self._coming: dict[str, dict[str, int]] = {}  # bytes of requests under way, for whoever listens from now on

    @contextmanager
    def listen(self, upload_id: str) -> Iterator[Arrival]:
        """Listen before reading the row: then nothing falls between the two."""
        arrival = Arrival(self._coming.get(upload_id, {}))
        self._listeners.setdefault(upload_id, set()).add(arrival)
        try:
            yield arrival
        finally:
            self._listeners[upload_id].discard(arrival)
            if not self._listeners[upload_id]:
                del self._listeners[upload_id]

    def announce(self, upload: Upload, received: int) -> None:
        """Bytes so far, durable or not, of a request that will be `over`."""
        self._coming.setdefault(upload.followed_as, {})[upload.id] = received
        for arrival in self._listeners.get(upload.followed_as, ()):
            arrival.tell(upload.id, received)

    def over(self, upload: Upload) -> None:
        """The request that brought bytes; what it brought stands in the row."""
        coming = self._coming.get(upload.followed_as, {})
        coming.pop(upload.id, None)
        if not coming:
            self._coming.pop(upload.followed_as, None)
        self.row_changed(upload.followed_as)

    def paused(self, upload: Upload) -> None:
        """A person stopped sending for the time being."""
        for arrival in self._listeners.get(upload.followed_as, ()):
            arrival.tell_of_pause()

    def row_changed(self, upload_id: str) -> None:
        """The upload, or a part of it, was begun, acknowledged further, completed or removed."""
        for arrival in self._listeners.get(upload_id, ()):
            arrival.tell_of_row()
