"""The queue of a server that is alone: what waits stands in memory, and all that its rows call running is its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.jobs.away import IMPATIENT, Patience, waits_for
from server.jobs.durations import Durations
from server.jobs.job import Job, State
from server.jobs.job_log import line_now
from server.jobs.job_queue import QueueStatistics
from server.jobs.kinds import JobKinds
from server.jobs.lanes import Lane
from server.jobs.life import JobLife
from server.jobs.line import Line
from server.jobs.outcomes import STOPPED_IN_BETWEEN, UNKNOWN_KIND, ended
from server.jobs.retry import LONGEST_PAUSE_SECONDS, after_crash, seconds_to_next_try
from server.jobs.waiting import Waiting, WaitingFor
from server.storage.database import NOT_STORED

_LOG = logging.getLogger("jindu.jobs")
_SHARED_PLACES = 64  # of jobs that take turns at the workers: each holds a few rows in memory, and no worker
_LOOK_SECONDS = 1.0  # whether what is away is back
_LONGEST_WAIT_SECONDS = 30.0  # what cannot be begun is tried for ever: its row says that it should run


class MemoryQueue:
    """Light jobs begin at once. Heavy ones have `heavy_slots` and one more in each lane; nobody fills them alone.

    Those that give their worker back need no place at one, only turns: far more of them are under way at once.
    """

    def __init__(
        self,
        *,
        kinds: JobKinds,
        heavy_slots: int,
        max_attempts: int,
        patience: Patience = IMPATIENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._kinds = kinds
        self._heavy_slots = heavy_slots
        self._max_attempts = max_attempts
        self._clock = clock
        durations = Durations()
        self._lines = {
            lane: Line(places=places, per_owner=heavy_slots, durations=durations, clock=clock)
            for lane, places in (
                (Lane.SHORT, heavy_slots + 1),
                (Lane.LONG, heavy_slots + 1),
                (Lane.SHARED, max(_SHARED_PLACES, heavy_slots + 1)),
            )
        }
        self._light: deque[str] = deque()
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
        self._line_of(job).end(job.id)
        self._news.set()

    async def cancel(self, job: Job) -> None:
        self._line_of(job).remove(job)
        with suppress(ValueError):
            self._light.remove(job.id)
        if job.id in self._beginning:  # whoever asked for it must have it before it can be told to stop
            await asyncio.wait({self._beginning[job.id]})
        self._stop(job.id)

    async def close(self) -> None:
        self._is_open = False
        for line in self._lines.values():
            line.clear()
        self._light.clear()
        self._again.clear()
        self._news.set()
        if self._beginning:
            await asyncio.wait(set(self._beginning.values()))

    async def end(self) -> None:
        """There is nothing that would go on."""

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        waiting: dict[str, Waiting] = {}
        for line in self._lines.values():
            waiting |= line.jobs_waiting(self._seconds_left)
        for due, _, job in self._again:
            seconds = max(0.0, due - self._clock())
            reason = waits_for(job)
            waiting[job.id] = Waiting(reason=reason) if reason else Waiting(reason=WaitingFor.AGAIN, seconds=seconds)
        return waiting

    def _seconds_left(self, job_id: str) -> float | None:
        job = self._life.table.get(job_id)
        if job is None:
            return None
        return math.inf if job.is_stalled else job.eta_seconds

    def statistics(self) -> QueueStatistics:
        waiting = sum(map(len, self._lines.values())) + len(self._light)
        return QueueStatistics(waiting=waiting, heavy_slots=self._heavy_slots)

    # whose turn it is

    def _push(self, job: Job) -> None:
        if not self._is_open:
            return  # it stays queued in its row, for the next start
        seconds = (job.not_before - utc_now()).total_seconds() if job.not_before else 0.0
        if seconds > 0:  # many, once the clock was set back
            self._put_aside(job, min(seconds, LONGEST_PAUSE_SECONDS))
        else:
            self._put_in_line(job)
        self._news.set()

    def _put_in_line(self, job: Job) -> None:
        if self._kinds[job.kind].heavy:
            self._line_of(job).push(job)
        else:
            self._light.append(job.id)

    def _line_of(self, job: Job) -> Line:
        kind = self._kinds.find(job.kind)
        return self._lines[kind.lane(job) if kind else Lane.LONG]

    def _pop(self) -> Job | None:
        """The next one, in its place; None while nothing that waits may begin."""
        while (job_id := self._pop_id()) is not None:
            job = self._life.table.get(job_id)
            if job is not None and job.state is State.QUEUED:
                if self._kinds[job.kind].heavy:
                    self._line_of(job).begin(job)
                return job
        return None

    def _pop_id(self) -> str | None:
        if self._light:
            return self._light.popleft()
        return next((job_id for line in self._lines.values() if (job_id := line.pop()) is not None), None)

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
        self._put_aside(job, seconds)

    def _put_aside(self, job: Job, seconds: float) -> None:
        heapq.heappush(self._again, (self._clock() + seconds, next(self._numbers), job))

    async def _try_again(self) -> None:
        while self._again and self._again[0][0] <= self._clock():
            job = heapq.heappop(self._again)[2]
            if job.state is not State.QUEUED:
                await self._take_up(job)
            elif not self._patience.holds_up(job):
                self._put_in_line(job)
            elif self._is_queued(job):
                self._put_aside(job, _LOOK_SECONDS)

    def _is_queued(self, job: Job) -> bool:
        """Somebody may have cancelled it meanwhile."""
        known = self._life.table.get(job.id)
        return known is not None and known.state is State.QUEUED

    # after a crash

    async def _take_up(self, job: Job) -> None:
        """What an earlier process left queued, or running: there is no other process, so nobody runs it."""
        changes = self._after_crash(job)
        if changes is None:
            self._push(job)
            return
        try:
            self._life.saver.log(line_now(job, STOPPED_IN_BETWEEN, "warning"))
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
