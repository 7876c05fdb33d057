"""The queue that several nodes share: rows of PostgreSQL, which whoever has room claims for as long as it says so."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.engines import lease_rows as rows
from server.engines.lease_kinds import kinds_run, say_kinds, say_none
from server.engines.lease_lines import Heard, LeaseLines
from server.engines.lease_standing import Standings
from server.errors import NotFound
from server.jobs.away import IMPATIENT, Patience
from server.jobs.job import Job, State
from server.jobs.job_log import line_now
from server.jobs.job_queue import QueueStatistics
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.lanes import Lane
from server.jobs.life import JobLife
from server.jobs.outcomes import LOST_BEFORE, LOST_IN_BETWEEN, UNKNOWN_KIND, ended
from server.jobs.retry import LATER_SECONDS, LONGEST_PAUSE_SECONDS, after_crash
from server.jobs.waiting import Waiting
from server.storage.database import NOT_NOW, NOT_STORED, Database

_LOG = logging.getLogger("jindu.jobs")
_SHARED_PLACES = 64  # as in engines/memory_queue.py
_LAST_WORD_SECONDS = 1.0
_LOOK_SECONDS = 1.0  # whatever is told may be lost
_LOOK_FOR_END_SECONDS = 0.1
_LOOKS_FOR_END = 50  # in which a job that was cancelled should have ended, wherever it runs


class LeaseQueue:
    """A `JobQueue`. At each node there is room for as many as on a server that is alone; who is next counts them all.

    A node that is not heard of for the time of a lease has lost its jobs: any other puts them back, or ends those
    that were lost too often. Attempts tell who still has a job: each write of one names its own.
    """

    def __init__(
        self,
        *,
        database: Database,
        lines: LeaseLines,
        node: str,
        kinds: JobKinds,
        claims: Callable[[], Collection[str]],
        heavy_slots: int,
        max_attempts: int,
        lease_seconds: float,
        patience: Patience = IMPATIENT,
    ) -> None:
        """`claims` are the kinds that are run here; none where others run them."""
        self._database = database
        self._lines = lines
        self._node = node
        self._kinds = kinds
        self._claims = claims
        self._heavy_slots = heavy_slots
        self._max_attempts = max_attempts
        self._lease_seconds = lease_seconds
        self._patience = patience
        self._says_kinds_at = 0.0
        self._judges_from = 0.0
        self._places = {
            Lane.SHORT: heavy_slots + 1,
            Lane.LONG: heavy_slots + 1,
            Lane.SHARED: max(_SHARED_PLACES, heavy_slots + 1),
        }
        self._begun: dict[tuple[str, int], Job] = {}
        self._standings = Standings(
            places={str(lane): places for lane, places in self._places.items()}, per_owner=heavy_slots
        )
        self._news = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._is_open = False
        self._looking: asyncio.Task[None] | None = None

    async def open(self, life: JobLife, stop: Callable[[str], None]) -> None:
        self._life = life
        self._stop = stop
        self._is_open = True
        await self._lines.open(Heard(put=self._news.set, lost=self._lost, cancelled=stop))
        self._looking = asyncio.create_task(self._look(), name="look for jobs")

    async def put(self, connection: AsyncConnection, job: Job) -> Callable[[], None]:
        seconds = (job.not_before - utc_now()).total_seconds() if job.not_before else 0.0
        # As a pause, not as a moment: other nodes have other clocks.
        await rows.put(connection, job, lane=self._lane(job), seconds=min(max(0.0, seconds), LONGEST_PAUSE_SECONDS))
        return self._news.set

    async def next(self) -> Job | None:
        while self._is_open:
            self._news.clear()  # before looking: what comes from here on is not overlooked
            async with self._claiming:
                job = await self._claim() if self._is_open else None
            if job is not None:
                return job
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()
        return None

    def done(self, job: Job) -> None:
        self._lines.release(job.id, job.attempt)
        self._begun.pop((job.id, job.attempt), None)
        self._news.set()

    async def cancel(self, job: Job) -> None:
        async with self._claiming:
            pass  # whoever asked for it must have it before it can be told to stop
        if any(job_id == job.id for job_id, _ in self._begun):
            self._stop(job.id)
            return
        with suppress(*NOT_NOW):
            async with self._database.write(shared=True) as connection:
                await rows.notify(connection, rows.CANCELLED)
        await self._wait_for_end(job.id)

    async def close(self) -> None:
        self._is_open = False
        self._news.set()
        async with self._claiming:
            pass  # what is just being claimed is handed out
        with suppress(*NOT_STORED, TimeoutError):  # it ends by itself, a little later
            async with asyncio.timeout(_LAST_WORD_SECONDS), self._database.write(shared=True) as connection:
                await say_none(connection, self._node)

    async def end(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._lines.close()

    def jobs_waiting(self) -> Mapping[str, Waiting]:
        return self._standings.waiting

    def statistics(self) -> QueueStatistics:
        return QueueStatistics(waiting=self._standings.count, heavy_slots=self._heavy_slots if self._claims() else 0)

    def _lane(self, job: Job) -> str:
        kind = self._kinds.find(job.kind)
        return str(kind.lane(job)) if kind is not None and kind.heavy else rows.LIGHT

    # whose turn it is

    async def _claim(self) -> Job | None:
        kinds = self._claims()
        if not kinds:
            return None
        lanes, full = self._room()

        async def take(connection: AsyncConnection) -> Job | None:
            return await rows.claim(
                connection,
                kinds=kinds,
                lanes=lanes,
                full=full,
                node=self._node,
                lease_seconds=self._lease_seconds,
                patience=self._patience,
            )

        try:
            job = await self._life.claim(take)
        except NOT_NOW:  # said in the log already
            return None
        if job is not None:
            self._begun[job.id, job.attempt] = job
            self._lines.hold(job.id, job.attempt)
        return job

    def _room(self) -> tuple[list[str], list[str]]:
        """Lanes with a free place, in the order in which they are served, and whose places in them are full.

        As in `FairQueue`, the last free place is for somebody who has none.
        """
        lanes, full = [rows.LIGHT], []
        for lane, places in self._places.items():
            here = Counter(job.owner_id for job in self._begun.values() if self._lane(job) == lane)
            free = places - here.total()
            if free > 0:
                lanes.append(str(lane))
                most = self._heavy_slots - 1 if free > 1 else 0
                full += [f"{lane} {owner_id}" for owner_id, count in here.items() if count > most]
        return lanes, full

    def _lost(self, job_id: str, attempt: int) -> None:
        if (job_id, attempt) in self._begun:
            _LOG.warning("another node may run this job: it ends here", extra={"action": "run_job", "job": job_id})
            self._lines.release(job_id, attempt)
            self._life.table.let_go(job_id)
            self._stop(job_id)

    async def _wait_for_end(self, job_id: str) -> None:
        """Its row says that it should end; whoever runs it has been told."""
        for _ in range(_LOOKS_FOR_END):
            try:
                if (await self._life.find(job_id)).state.is_final:
                    return
            except NotFound:
                return
            await asyncio.sleep(_LOOK_FOR_END_SECONDS)

    # what others left

    async def _look(self) -> None:
        while True:
            seconds = _LOOK_SECONDS
            try:
                await self._look_once()
            except NOT_NOW:  # said in the log already
                seconds = LATER_SECONDS
                self._judges_from = math.inf
            except Exception:
                _LOG.exception("could not look for jobs", extra={"action": "look_for_jobs"})
            await asyncio.sleep(seconds)

    async def _look_once(self) -> None:
        await self._say_kinds()
        async with self._database.read() as connection:
            lost, unlined = await rows.lost(connection), await rows.in_no_lane(connection)
            lines = replace(await rows.lines(connection), kinds_run=await kinds_run(connection))
        if not self._may_judge():
            lost, lines = [], replace(lines, kinds_run=None)
        self._standings.update(lines, left=self._life.table.own)
        for job in unlined:
            await self._adopt(job)
        for job in lost:
            await self._rescue(job)

    def _may_judge(self) -> bool:
        """Not right after the database was away: the others have not had the time to say that they are there."""
        now = time.monotonic()
        if self._judges_from == math.inf:
            self._judges_from = now + self._lease_seconds
        return now >= self._judges_from

    async def _say_kinds(self) -> None:
        kinds, now = self._claims(), time.monotonic()
        if not kinds or now < self._says_kinds_at:
            return
        async with self._claiming:  # not once `close` has taken it back
            if self._is_open:
                async with self._database.write(shared=True) as connection:
                    await say_kinds(connection, self._node, kinds, seconds=2 * self._lease_seconds)
        self._says_kinds_at = now + self._lease_seconds / 3

    async def _rescue(self, job: Job) -> None:
        kind = self._kinds.find(job.kind)
        changes = after_crash(
            job,
            counts_interruptions=kind is None or kind.counts_interruptions,
            max_attempts=self._max_attempts,
            goes_on=kind is not None and kind.goes_on,
        )

        async def is_lost(connection: AsyncConnection) -> bool:
            return await rows.is_lost(connection, job)

        async def say_so(connection: AsyncConnection, moved: Job) -> None:
            await self._life.store.lines.add(connection, [line_now(job, LOST_IN_BETWEEN, "warning")])

        assert changes is not None  # it was running
        if "message" in changes:
            changes = {**changes, "message": job.message if _only_waits(kind) else LOST_BEFORE}
        moved = await self._life.move(job, only_if=is_lost, also=say_so, **changes)
        if moved is not None:
            extra = {"action": "rescue", "job": job.id, "attempt": job.attempt, "state": str(moved.state)}
            _LOG.warning("the node that ran this job is not heard of any more", extra=extra)

    async def _adopt(self, job: Job) -> None:
        if self._kinds.find(job.kind) is None:
            await self._life.move(job, **ended(State.FAILED, error=UNKNOWN_KIND))
            return
        async with self._database.write(shared=True) as connection:
            if await rows.is_in_no_lane(connection, job):
                await self.put(connection, job)


def _only_waits(kind: JobKind | None) -> bool:
    """Then nothing was lost with its worker that a person would have to know of."""
    return kind is not None and kind.goes_on and not kind.counts_interruptions
