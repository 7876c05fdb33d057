"""The queue of a server that is alone: what waits stands in memory, and all that its rows call running is its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.jobs.fair_queue import FairQueue
from server.jobs.job import Job, State
from server.jobs.job_queue import QueueStatistics
from server.jobs.kinds import JobKinds
from server.jobs.life import JobLife
from server.jobs.outcomes import UNKNOWN_KIND, ended
from server.jobs.retry import after_crash, seconds_to_next_try
from server.jobs.store import line_now
from server.storage.database import NOT_STORED

_LOG = logging.getLogger("jindu.jobs")
_LONGEST_WAIT_SECONDS = 30.0  # what cannot be begun is tried for ever: its row says that it should run


class MemoryQueue:
    """Light jobs begin at once. Heavy ones share `heavy_slots` and one more, which nobody may fill alone."""

    def __init__(
        self, *, kinds: JobKinds, heavy_slots: int, max_attempts: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kinds = kinds
        self._heavy_slots = heavy_slots
        self._max_attempts = max_attempts
        self._clock = clock
        self._heavy = FairQueue()
        self._light: deque[str] = deque()
        self._places: dict[str, str] = {}  # heavy jobs that were handed out, and their owners
        self._beginning: dict[str, asyncio.Future[None]] = {}
        self._again: list[tuple[float, int, Job]] = []  # a heap: when to try anew what could not be stored
        self._failures: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._news = asyncio.Event()
        self._is_open = False

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        self._life = life
        self._stop = stop
        self._is_open = True
        for stored in await life.store.unfinished():
            kind = self._kinds.find(stored.kind)
            if kind is None or not kind.is_external:
                await self._take_up(life.take_up(stored))

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        return lambda: self._push(job)

    async def next(self) -> Job | None:
        while self._is_open:
            self._news.clear()  # before looking: what comes from here on is not overlooked
            await self._try_again()
            job = self._pop()
            if job is None:
                await self._wait()
            elif (begun := await self._begin(job)) is not None:
                return begun
        return None

    def done(self, job: Job) -> None:
        self._places.pop(job.id, None)
        self._news.set()

    async def cancel(self, job: Job) -> None:
        self._heavy.remove(job.owner_id, job.id)
        with suppress(ValueError):
            self._light.remove(job.id)
        if job.id in self._beginning:  # whoever asked for it must have it before it can be told to stop
            await asyncio.wait({self._beginning[job.id]})
        self._stop(job.id)

    async def close(self) -> None:
        self._is_open = False
        self._heavy.clear()
        self._light.clear()
        self._again.clear()
        self._news.set()
        if self._beginning:
            await asyncio.wait(set(self._beginning.values()))

    def statistics(self) -> QueueStatistics:
        return QueueStatistics(waiting=len(self._heavy) + len(self._light), heavy_slots=self._heavy_slots)

    # whose turn it is

    def _push(self, job: Job) -> None:
        if not self._is_open:
            return  # it stays queued in its row, for the next start
        if self._kinds[job.kind].heavy:
            self._heavy.push(job.owner_id, job.id)
        else:
            self._light.append(job.id)
        self._news.set()

    def _pop(self) -> Job | None:
        """The next one, in its place; None while nothing that waits may begin."""
        while (job_id := self._pop_id()) is not None:
            job = self._life.table.get(job_id)
            if job is not None and job.state is State.QUEUED:
                if self._kinds[job.kind].heavy:
                    self._places[job.id] = job.owner_id
                return job
        return None

    def _pop_id(self) -> str | None:
        if self._light:
            return self._light.popleft()
        found = self._heavy.pop(
            Counter(self._places.values()), places=self._heavy_slots + 1, per_owner=self._heavy_slots
        )
        return found[1] if found else None

    async def _begin(self, job: Job) -> Job | None:
        """None when somebody cancelled it in this very moment, and when it could not be stored."""
        is_over = self._beginning[job.id] = asyncio.get_running_loop().create_future()
        begun: Job | None = None
        try:
            begun = await self._life.move(
                job, state=State.RUNNING, attempt=job.attempt + 1, started_at=utc_now(), finished_at=None
            )
            self._failures.pop(job.id, None)
        except NOT_STORED as error:
            self._later(job, error)
        finally:
            del self._beginning[job.id]
            is_over.set_result(None)
            if begun is None:
                self.done(job)
        return begun

    async def _wait(self) -> None:
        """For news, or for the moment in which something is to be tried again."""
        seconds = max(0.0, self._again[0][0] - self._clock()) if self._again else None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    # what could not be stored

    def _later(self, job: Job, error: Exception) -> None:
        self._failures[job.id] += 1
        seconds = seconds_to_next_try(error, failures=self._failures[job.id])
        if seconds is None:
            _LOG.error("a job could not be begun", exc_info=error, extra={"action": "run_job", "job": job.id})
            seconds = _LONGEST_WAIT_SECONDS
        heapq.heappush(self._again, (self._clock() + seconds, next(self._numbers), job))

    async def _try_again(self) -> None:
        while self._again and self._again[0][0] <= self._clock():
            job = heapq.heappop(self._again)[2]
            if job.state is State.QUEUED:
                self._push(job)
            else:
                await self._take_up(job)

    # after a crash

    async def _take_up(self, job: Job) -> None:
        """What an earlier process left queued, or running: there is no other process, so nobody runs it."""
        changes = self._after_crash(job)
        if changes is None:
            self._push(job)
            return
        try:
            self._life.saver.log(line_now(job, "The server stopped in the middle of this attempt.", "warning"))
            await self._life.move(job, **changes)  # what is queued now is put here by that
        except NOT_STORED as error:
            self._later(job, error)

    def _after_crash(self, job: Job) -> Mapping[str, Any] | None:
        kind = self._kinds.find(job.kind)
        if kind is None:
            return ended(State.FAILED, error=UNKNOWN_KIND)
        return after_crash(
            job,
            counts_interruptions=kind.counts_interruptions,
            max_attempts=self._max_attempts,
            goes_on=kind.goes_on,
        )
