"""Changes of jobs' states, whoever runs them: each is stored before anybody is told of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import utc_now
from server.errors import NotFound
from server.jobs.advancing import Advancing
from server.jobs.job import Job, State
from server.jobs.keys import Asked, job_of_key, take_key
from server.jobs.outcomes import Notice
from server.jobs.past_attempts import PastAttempt, StageTimes
from server.jobs.saver import ProgressSaver
from server.jobs.stillness import Stillness
from server.jobs.store import JobStore, UsualDurations
from server.jobs.table import JobTable
from server.jobs.waiting import Waiting
from server.storage.database import Database
from server.storage.growth import Growth

Also = Callable[[AsyncConnection, Job], Awaitable[None]]
AfterCommit = Callable[[], None]
Enqueue = Callable[[AsyncConnection, Job], Awaitable[AfterCommit]]
Condition = Callable[[AsyncConnection], Awaitable[bool]]
LifeChange = Callable[[AsyncConnection, Job, Notice | None], Awaitable[AfterCommit]]
"""Called in the transaction that stores a change of state; what it returns is called right after the commit."""

STALLS_AFTER_SECONDS = 60.0
REVISIONS_LOST = 1_000_000  # after a crash: more than the progress revisions that were shown but not stored


class JobLife:
    """The one way in which jobs begin, change their state and are taken up after a restart."""

    def __init__(
        self,
        *,
        database: Database,
        table: JobTable,
        store: JobStore,
        saver: ProgressSaver,
        on_life_change: LifeChange,
        enqueue: Enqueue,
        growth: Growth,
        revisions_unseen: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`enqueue` is called besides for whatever becomes queued.

        `revisions_unseen`: so many may other nodes have told of a job that does not move here, and not stored.
        """
        self._revisions_unseen = revisions_unseen
        self.stillness = Stillness(clock=clock)
        self.stages = StageTimes(clock=clock)
        self._database = database
        self._on_life_change = on_life_change
        self._enqueue = enqueue
        self.growth = growth
        self.table = table
        self.store = store
        self.saver = saver
        self._moving: Counter[str] = Counter()

    async def begin(self, job: Job, *, asked: Asked | None = None, also: Also | None = None) -> Job:
        """Store a new job. Where the same was asked for before under the same key, that job is the answer.

        Nothing is done then. Raises `KeyReused` when something else was asked for under the key, and `RateLimited` for
        more than a user may have the database keep.
        """
        if job.state is State.RUNNING:  # elsewhere, where each title is work of its own
            job = msgspec.structs.replace(job, **await self._usual(job, by_title=True))
        async with self._database.write() as connection:
            if asked is not None:
                known = await take_key(connection, asked, door=job.kind, job_id=job.id)
                if known is not None:
                    return await self.find(known.job_id)
            self.growth.charge(job.owner_id, job.title, job.parameters, job.detail, job.message)
            job = await self.store.add(connection, job)
            if also is not None:
                await also(connection, job)
            tell = await self._changed(connection, job)
        self._count_time(job)
        self.table.put(job)
        tell()
        return job

    async def claim(self, take: Callable[[AsyncConnection], Awaitable[Job | None]]) -> Job | None:
        """What `take` makes running in its transaction, in a new attempt: stored, told, and moving here from now on."""
        async with self._database.write(shared=True) as connection:
            taken = await take(connection)
            if taken is None:
                return None
            job = msgspec.structs.replace(taken, **_moments(await self.store.usual_in(connection, taken)))
            tell = await self._changed(connection, job)
        self._count_time(job)
        self.table.expect(job.id)
        self.table.put(job)
        tell()
        return job

    async def was_asked(self, asked: Asked, *, door: str) -> bool:
        """Whether just this was asked for before. Raises `KeyReused` when something else was, under the same key."""
        async with self._database.read() as connection:
            return await job_of_key(connection, asked, door=door) is not None

    async def move(
        self,
        job: Job,
        *,
        notice: Notice | None = None,
        also: Also | None = None,
        only_if: Condition | None = None,
        **changes: Any,
    ) -> Job | None:
        """Store a change of `job`'s state, then tell of it; None when somebody else has moved it meanwhile.

        `notice` is what its owner is told besides, stored with it. `only_if` is asked first, in the transaction.
        """
        if changes.get("state") is State.RUNNING:
            changes |= await self._usual(job)
        lines = await self.saver.take_lines(job.id)
        moved = self._newer_than_told(job.evolve(**changes))
        if moved.state.is_final:
            moved = msgspec.structs.replace(moved, took_seconds=self._seconds_of(moved))
        self._moving[job.id] += 1
        try:
            async with self._database.write(shared=True) as connection:
                is_still_so = only_if is None or await only_if(connection)
                if not is_still_so or not await self.store.move(connection, moved, before=job):
                    self.saver.put_back(lines)
                    return None
                await self.store.lines.add(connection, lines)
                if job.state is State.RUNNING and moved.state is not State.RUNNING:
                    await self.store.attempts.add(connection, moved, self._attempt_ended(job, moved))
                if also is not None:
                    await also(connection, moved)
                tell = await self._changed(connection, moved, notice)
        except BaseException:
            self.saver.put_back(lines)  # for whoever stores it in the end
            raise
        finally:
            self._moving -= Counter({job.id: 1})
        self._count_time(moved)
        if moved.state.is_final:
            self.growth.note(job.owner_id, moved.detail, moved.result, moved.error)
        self.table.put(moved)
        tell()
        return moved

    def tell_waiting(self, job_id: str, waiting: Waiting | None) -> None:
        """Why the job does not move, or that it does again; told like progress, and not stored.

        Not while its state changes: the change would come with a revision that is out already, and be dropped. So would
        changes at the node that runs it, if others told of it what they believed a moment ago.
        """
        job = self.table.get(job_id)
        if job is not None and job.state is State.RUNNING:
            job = self.table.own(job_id)
        if job is not None and not job.state.is_final and not self._moving[job_id] and job.waiting != waiting:
            self.table.put(job.evolve(waiting=waiting))

    def _newer_than_told(self, moved: Job) -> Job:
        """Whoever moves it may have looked at it before it was last told what it waits for."""
        if self.table.own(moved.id) is None:
            moved = msgspec.structs.replace(moved, revision=moved.revision + self._revisions_unseen)
        known = self.table.get(moved.id)
        if known is None or known.revision < moved.revision or known.attempt > moved.attempt:
            return moved
        return msgspec.structs.replace(moved, revision=known.revision + 1)

    async def _changed(self, connection: AsyncConnection, job: Job, notice: Notice | None = None) -> AfterCommit:
        tell = await self._on_life_change(connection, job, notice)
        enqueue = await self._enqueue(connection, job) if job.state is State.QUEUED else None

        def after_commit() -> None:
            tell()
            if enqueue is not None:
                enqueue()

        return after_commit

    async def _usual(self, job: Job, *, by_title: bool = False) -> dict[str, float | None]:
        return _moments(await self.store.usual(job, by_title=by_title))

    def _count_time(self, job: Job) -> None:
        if job.state is State.RUNNING:
            self.stages.begin(job)
        else:
            self.stages.end(job.id)

    def _attempt_ended(self, job: Job, moved: Job) -> PastAttempt:
        ended_at = moved.finished_at or utc_now()
        return PastAttempt(
            number=job.attempt,
            started_at=job.started_at,
            ended_at=ended_at,
            ended_as=moved.state,
            seconds=moved.took_seconds or self._seconds_of(msgspec.structs.replace(job, finished_at=ended_at)),
            error=moved.error,
            stages=self.stages.so_far(job.id),
        )

    def _seconds_of(self, job: Job) -> float | None:
        """How long its last attempt took; of one that began in an earlier process, only the wall clock knows."""
        seconds = self.stages.seconds(job.id)
        if seconds is not None:
            return seconds
        if job.started_at is None or job.finished_at is None or job.finished_at < job.started_at:
            return None
        return (job.finished_at - job.started_at).total_seconds()

    def advancing(self, job: Job, *, stalls_after_seconds: float) -> Advancing:
        """For an attempt that is under way from now on."""
        return Advancing(
            job,
            table=self.table,
            saver=self.saver,
            stillness=self.stillness,
            stages=self.stages,
            stalls_after_seconds=stalls_after_seconds,
        )

    def take_up(self, stored: Job) -> Job:
        """A job of an earlier process, back in the table under a revision newer than any that was shown."""
        job = msgspec.structs.replace(stored, revision=stored.revision + REVISIONS_LOST)
        self.table.put(job)
        return job

    async def find(self, job_id: str) -> Job:
        """Raises `NotFound`."""
        job = self.table.own(job_id)
        if job is not None:
            return job
        stored = await self.store.get(job_id)
        if stored is None:
            raise NotFound
        return self.table.newest(stored)


def _moments(usual: UsualDurations) -> dict[str, float | None]:
    return {"last_seconds": usual.last_seconds, "unit_seconds": usual.unit_seconds}
