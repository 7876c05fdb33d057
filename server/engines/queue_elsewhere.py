"""The queue of a node that runs no jobs: it stores them, and who runs them finds them in their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import NotFound
from server.jobs.job import Job
from server.jobs.job_queue import QueueStatistics
from server.jobs.life import JobLife
from server.jobs.waiting import Waiting

_LOOK_SECONDS = 0.2
_LOOKS = 25  # in which a job that was cancelled should have ended, wherever it runs


class QueueElsewhere:
    """A `JobQueue` from which nothing comes."""

    def __init__(self) -> None:
        self._is_closed = asyncio.Event()

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        self._life = life

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        return lambda: None

    async def next(self) -> Job | None:
        await self._is_closed.wait()
        return None

    def done(self, job: Job) -> None:
        """None was handed out."""

    async def cancel(self, job: Job) -> None:
        """Its row says so; whoever runs it looks there every second."""
        for _ in range(_LOOKS):
            try:
                if (await self._life.find(job.id)).state.is_final:
                    return
            except NotFound:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def close(self) -> None:
        self._is_closed.set()

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        return {}

    def statistics(self) -> QueueStatistics:
        return QueueStatistics(waiting=0, heavy_slots=0)
