"""The queue of the one node that runs the jobs of several: what others store is found in its rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from server.engines.memory_queue import MemoryQueue
from server.jobs.external_kind import KIND as EXTERNAL
from server.jobs.job import Job, State
from server.jobs.job_queue import QueueStatistics
from server.jobs.life import JobLife
from server.jobs.waiting import Waiting
from server.storage.database import NOT_NOW

_LOG = logging.getLogger("jindu.jobs")
_LOOK_SECONDS = 1.0


class RowQueue:
    """A `JobQueue`: a `MemoryQueue` into which comes what other nodes put into rows."""

    def __init__(self, inner: MemoryQueue) -> None:
        self._inner = inner
        self._looking: asyncio.Task[None] | None = None
        self._told = asyncio.Event()

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        self._life = life
        self._stop = stop
        life.table.listen_elsewhere(self._heard)
        await self._inner.open(life, stop)
        self._looking = asyncio.create_task(self._look(), name="look for jobs")

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        return await self._inner.put(connection, job)

    async def next(self) -> Job | None:
        return await self._inner.next()

    def done(self, job: Job) -> None:
        self._inner.done(job)

    async def cancel(self, job: Job) -> None:
        await self._inner.cancel(job)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._inner.close()

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        return self._inner.jobs_waiting()

    def statistics(self) -> QueueStatistics:
        return self._inner.statistics()

    def _heard(self, job: Job) -> None:
        if job.state is State.QUEUED or job.state.is_final:
            self._told.set()

    async def _look(self) -> None:
        while True:
            try:
                await self._look_once()
            except NOT_NOW:  # said in the log already
                pass
            except Exception:
                _LOG.exception("could not look for jobs of other nodes", extra={"action": "look_for_jobs"})
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._told.wait()
            except TimeoutError:
                pass
            self._told.clear()

    async def _look_once(self) -> None:
        before = self._inner.waiting_ids()
        stored = await self._life.store.waiting()
        held, table = self._inner.waiting_ids(), self._life.table
        for job in await self._rows(stored.keys() - held - before):
            known = table.get(job.id)
            if job.state is State.QUEUED and job.kind != EXTERNAL.name and not _is_past(known, job):
                table.found(job)
                self._inner.found(job)
        for job in await self._rows((before & held) - stored.keys()):
            table.take(job)  # somebody cancelled it: it is left out when its turn comes
        for job_id in await self._life.store.to_be_cancelled():
            self._stop(job_id)

    async def _rows(self, job_ids: set[str]) -> list[Job]:
        return await self._life.store.by_ids(job_ids) if job_ids else []


def _is_past(known: Job | None, stored: Job) -> bool:
    """Whether it went on while its row was read."""
    return known is not None and known.state is not State.QUEUED and known.revision >= stored.revision
