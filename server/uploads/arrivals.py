"""How whoever waits for an upload learns that bytes have come, without asking the database for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Literal

from server.realtime.broker import Broker, Publication
from server.uploads.files import Upload

LOOK_SECONDS = 1.0  # what other nodes tell may be lost: their rows are looked at so often
_TOLD_EVERY_SECONDS = 0.2  # of bytes that come, to other nodes


class UploadMoved(Publication, frozen=True, kw_only=True):
    """What a node that takes in an upload tells the one that runs its job."""

    followed_as: str
    upload_id: str
    what: Literal["bytes", "row", "pause"]
    received: int = 0

    @property
    def topics(self) -> tuple[str, ...]:
        return (_topic(self.followed_as),)


def _topic(upload_id: str) -> str:
    return f"upload:{upload_id}"


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

    async def wait(self, *, at_most: float | None = None) -> bool:
        """Until something was told, or for so many seconds; whether it was."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._event.wait()
        was_told = self._event.is_set()
        self._event.clear()
        return was_told


class Arrivals:
    """Joins requests that bring bytes to the jobs that wait for them."""

    def __init__(self, *, broker: Broker | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`broker`: where requests may come to other nodes than those at which the jobs run."""
        self._broker = broker
        self._clock = clock
        self._listeners: dict[str, set[Arrival]] = {}
        self._coming: dict[str, dict[str, int]] = {}  # bytes of requests under way, for whoever listens from now on
        self._told_at: dict[str, float] = {}  # by upload: when other nodes were

    @property
    def look_seconds(self) -> float | None:
        """How long to rely on being told."""
        return None if self._broker is None else LOOK_SECONDS

    @asynccontextmanager
    async def follow(self, upload_id: str) -> AsyncIterator[Arrival]:
        """As `listen`, also to other nodes."""
        if self._broker is not None:
            await self._broker.join(_topic(upload_id))
        try:
            with self.listen(upload_id) as arrival:
                yield arrival
        finally:
            if self._broker is not None and upload_id not in self._listeners:
                self._broker.leave(_topic(upload_id))

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
        self._tell(UploadMoved(followed_as=upload.followed_as, upload_id=upload.id, what="bytes", received=received))

    def over(self, upload: Upload) -> None:
        """The request that brought bytes; what it brought stands in the row."""
        self._told_at.pop(upload.id, None)
        coming = self._coming.get(upload.followed_as, {})
        coming.pop(upload.id, None)
        if not coming:
            self._coming.pop(upload.followed_as, None)
        self.row_changed(upload.followed_as)

    def paused(self, upload: Upload) -> None:
        """A person stopped sending for the time being."""
        self._tell(UploadMoved(followed_as=upload.followed_as, upload_id=upload.id, what="pause"))

    def row_changed(self, upload_id: str) -> None:
        """The upload, or a part of it, was begun, acknowledged further, completed or removed."""
        self._tell(UploadMoved(followed_as=upload_id, upload_id=upload_id, what="row"))

    def heard(self, moved: UploadMoved) -> None:
        """From another node; our own words come back as well, which changes nothing."""
        for arrival in self._listeners.get(moved.followed_as, ()):
            if moved.what == "bytes":
                arrival.tell(moved.upload_id, moved.received)
            elif moved.what == "pause":
                arrival.tell_of_pause()
            else:
                arrival.tell_of_row()

    def _tell(self, moved: UploadMoved) -> None:
        self.heard(moved)
        if self._broker is None:
            return
        if moved.what == "bytes":
            now = self._clock()
            if now - self._told_at.get(moved.upload_id, float("-inf")) < _TOLD_EVERY_SECONDS:
                return
            self._told_at[moved.upload_id] = now
        self._broker.send(moved)
