"""Engines that nobody has: all that the program has to know of each stands here, and in the wiring's list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.engines.sqlite import SqliteDatabase
from server.errors import NotFound
from server.jobs.away import Patience
from server.jobs.job import Job, State
from server.jobs.job_queue import QueueStatistics
from server.jobs.kinds import JobKinds
from server.jobs.life import JobLife
from server.jobs.waiting import Waiting
from server.realtime.broker import BrokerStatistics, Hearing, Publication, Receive
from server.settings import Settings
from server.storage.blob_store import FoundBlob, require_key
from server.storage.reserve import Reserve


class FlockDatabase:
    """A `Database` for addresses like `flock://meadow`: a file of that name, beside the data."""

    def __init__(self, settings: Settings, reserve: Reserve | None, name: str) -> None:
        file = settings.database_url.removeprefix("flock://")
        self._rows = SqliteDatabase(settings.data.with_name(file), reserve=reserve)

    @property
    def place(self) -> str:
        return self._rows.place

    def write(self, *, shared: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._rows.write(shared=shared)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._rows.read()

    async def migrate(self, revision: str | None = None) -> None:
        await self._rows.migrate(revision)

    async def require_newest(self) -> None:
        await self._rows.require_newest()

    async def is_cut(self) -> bool:
        return True

    async def leave(self) -> None:
        await self._rows.leave()

    async def size_bytes(self) -> int:
        return await self._rows.size_bytes()

    async def close(self) -> None:
        await self._rows.close()


class BarnFiles:
    """A `BlobStore` that has no files: one lies on this machine only as long as somebody reads it."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, datetime]] = {}

    async def publish(self, scratch: Path, key: str) -> None:
        self.kept[require_key(key)] = await asyncio.to_thread(scratch.read_bytes), utc_now()
        await asyncio.to_thread(scratch.unlink)

    async def publish_together(self, files: Mapping[str, Path]) -> None:
        for key, scratch in files.items():
            await self.publish(scratch, key)

    @asynccontextmanager
    async def fetch(self, keys: Sequence[str]) -> AsyncIterator[tuple[Path, ...]]:
        with TemporaryDirectory() as directory:
            paths = [Path(directory) / f"{number}-{Path(key).name}" for number, key in enumerate(keys)]
            for path, key in zip(paths, keys, strict=True):
                path.write_bytes(self._bytes_of(key))
            yield tuple(paths)

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        yield self._bytes_of(key)[start:end]

    async def size(self, key: str) -> int:
        return len(self._bytes_of(key))

    async def delete(self, *keys: str) -> None:
        for key in keys:
            self.kept.pop(key, None)

    async def under(self, prefix: str) -> AsyncIterator[FoundBlob]:
        for key, (content, changed_at) in list(self.kept.items()):
            if key.startswith(f"{prefix}/"):
                yield FoundBlob(key=key, size=len(content), changed_at=changed_at)

    def _bytes_of(self, key: str) -> bytes:
        if key not in self.kept:
            raise NotFound
        return self.kept[key][0]


class PigeonBroker:
    """A `Broker` by which nothing travels but bytes."""

    def __init__(self) -> None:
        self._receive: Receive | None = None
        self._joined: set[str] = set()
        self.carried = 0

    async def open(self, hearing: Hearing) -> None:
        self._receive = hearing.receive

    def statistics(self) -> BrokerStatistics:
        return BrokerStatistics()

    async def join(self, topic: str) -> None:
        self._joined.add(topic)

    def leave(self, topic: str) -> None:
        self._joined.discard(topic)

    def send(self, publication: Publication) -> None:
        if self._receive is None or self._joined.isdisjoint(publication.topics):
            return
        self.carried += 1
        letter = msgspec.json.encode(publication)
        self._receive(msgspec.json.decode(letter, type=reduce(or_, Publication.__subclasses__())))

    async def close(self) -> None:
        self._receive = None


class GateQueue:
    """A `JobQueue` of one line, in which nobody goes before anybody else."""

    def __init__(
        self, begun: list[str], *, kinds: JobKinds, heavy_slots: int, max_attempts: int, patience: Patience
    ) -> None:
        self._line: asyncio.Queue[str | None] = asyncio.Queue()
        self._begun = begun

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        self._life = life
        self._stop = stop

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        return lambda: self._line.put_nowait(job.id)

    async def next(self) -> Job | None:
        while (job_id := await self._line.get()) is not None:
            job = await self._life.find(job_id)
            begun = await self._life.move(job, state=State.RUNNING, attempt=job.attempt + 1, started_at=utc_now())
            if begun is not None:
                self._begun.append(begun.kind)
                return begun
        return None

    def done(self, job: Job) -> None:
        pass

    async def cancel(self, job: Job) -> None:
        self._stop(job.id)

    async def close(self) -> None:
        self._line.put_nowait(None)

    async def end(self) -> None:
        pass

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        return {}

    def statistics(self) -> QueueStatistics:
        return QueueStatistics(waiting=self._line.qsize(), heavy_slots=1)
