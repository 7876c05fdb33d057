"""Jobs that run here: begun, cancelled and started again by people, and handed out by a queue to be run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.errors import Conflict, NotFound, RateLimited, StorageFull, Unavailable
from server.jobs.attempts import Attempts
from server.jobs.job import Job, Priority, State
from server.jobs.job_queue import JobQueue
from server.jobs.keys import Asked, take_key
from server.jobs.kinds import JobKinds
from server.jobs.life import Also, JobLife
from server.jobs.outcomes import FROM_THE_BEGINNING, interrupted
from server.logs import about, request_now
from server.storage.quotas import Quotas
from server.storage.room import Room
from server.tracing import NO_TRACING, Tracing

_LOG = logging.getLogger("jindu.jobs")
_MOST_REQUESTS = 10_000  # a megabyte
_RETRY = "job.retry"  # what a key may be for, beside the kinds of jobs
_SHARE_RETRY_SECONDS = 30.0
_STUMBLE_SECONDS = 1.0  # after an error that nobody foresaw; it should not be met a thousand times a second


Unfinished = Callable[[AsyncConnection, str], Awaitable[int]]
"""How many of an owner's jobs are not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerStatistics:
    running: int
    queued: int
    heavy_slots: int
    heavy_running: int
    by_kind: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    id: str = ""
    traceparent: str = ""


_NOBODY = _Request()


class JobRunner:
    """Who may begin what, and in which order things happen; `JobQueue` says whose turn it is, `Attempts` runs them."""

    def __init__(
        self,
        *,
        life: JobLife,
        kinds: JobKinds,
        queue: JobQueue,
        attempts: Attempts,
        drain_seconds: float,
        room: Room,
        quotas: Quotas,
        jobs_per_user: int = 1_000,
        unfinished: Unfinished | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        """`unfinished` counts an owner's jobs where other nodes run them: the table here has not all of them."""
        self._unfinished = unfinished
        self._life = life
        self._kinds = kinds
        self._queue = queue
        self._attempts = attempts
        self._drain_seconds = drain_seconds
        self._jobs_per_user = jobs_per_user
        self._room = room
        self._quotas = quotas
        self._retrying = asyncio.Lock()  # a key that comes twice at once is looked up after the first was stored
        self._tasks: list[asyncio.Task[None]] = []
        self._is_open = False
        self._tracing = tracing
        self._requests: dict[str, _Request] = {}  # that jobs were asked for by, as long as they wait

    async def start(
        self,
        kind: str,
        *,
        owner_id: str,
        title: str,
        parameters: dict[str, Any],
        total: int | None = None,
        asked: Asked | None = None,
        also: Also | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> Job:
        """Store a new job and run it when it is its turn. Asked again it is the same job, and `also` is not run.

        Raises `StorageFull` or `QuotaExceeded` when there is no room for what it would make, and `RateLimited` when
        the owner has as many unfinished jobs as one user may.
        """
        self._require_open()

        async def if_there_is_room(connection: AsyncConnection, job: Job) -> None:
            await self._require_share(connection, owner_id)
            await self._require_room(connection, job)
            if also is not None:
                await also(connection, job)

        job = Job(
            id=new_id(),
            kind=kind,
            owner_id=owner_id,
            title=title[:300],
            unit=self._kinds[kind].unit,
            created_at=utc_now(),
            revision=1,
            total=total,
            parameters=parameters,
            priority=priority,
        )
        self._remember_request(job)
        begun = await self._life.begin(job, asked=asked, also=if_there_is_room)
        if begun.id == job.id:  # else it is the one that was asked for before
            _LOG.info("job waits for its turn", extra={"action": "queue_job", "job": job.id, "kind": job.kind})
        return begun

    def _remember_request(self, job: Job) -> None:
        """The request that asked for it is named in every line of its attempt, however much later."""
        self._requests[job.id] = _Request(id=request_now(), traceparent=self._tracing.here())
        while len(self._requests) > _MOST_REQUESTS:
            del self._requests[next(iter(self._requests))]

    async def cancel(self, job_id: str) -> Job:
        """End a job: a waiting one at once, a running one within two seconds. Over already: stays as it is."""
        job = await self._life.find(job_id)
        if job.state is State.QUEUED:
            cancelled = await self._life.move(job, state=State.CANCELLED, finished_at=utc_now())
            job = cancelled or await self._life.find(job_id)  # it began, or ended, in this very moment
        elif job.state.is_final:
            return job
        if not job.state.is_final:
            # Stored first: from here on `fence` lets nothing be published. Nor does a full disk, so it may be missing.
            with suppress(StorageFull):
                await self._life.store.request_cancel(job_id)
        await self._queue.cancel(job)
        await self._attempts.wait_for_end(job_id)
        return await self._cancel_repetition(await self._life.find(job_id))

    async def request_cancels(self, connection: AsyncConnection, job_ids: Collection[str]) -> None:
        """With what makes them needless, in one transaction: `cancel` them after it, and they end at once."""
        await self._life.store.request_cancels(connection, job_ids)

    async def _cancel_repetition(self, job: Job) -> Job:
        """Its attempt may have failed in this very moment, to be repeated."""
        if job.state is not State.QUEUED:
            return job
        return await self._life.move(job, state=State.CANCELLED, finished_at=utc_now()) or job

    async def retry(self, job_id: str, *, asked: Asked | None = None, also: Also | None = None) -> Job:
        """Put a failed or cancelled job back into the queue, from the beginning; its attempts keep counting.

        Asked again under the same key, the answer is the job as it is now, and nothing is done.
        """
        self._require_open()

        async def take_the_key(connection: AsyncConnection, job: Job) -> None:
            if asked is not None and await take_key(connection, asked, door=_RETRY, job_id=job.id) is not None:
                return  # another node was asked the same in this very moment
            if also is not None:
                await also(connection, job)

        async with self._retrying:
            if asked is not None and await self._life.was_asked(asked, door=_RETRY):
                return await self._life.find(job_id)
            job = await self._life.find(job_id)
            self._require_retryable(job)
            self._remember_request(job)
            anew = {**FROM_THE_BEGINNING, "interruptions": 0, "failures": 0}
            queued = await self._life.move(job, also=take_the_key, **anew)
            if queued is None:
                raise Conflict
            return queued

    async def go_on(self, job_id: str) -> bool:
        """Run a job on that failed before its work was over; False when it is no more. One under way stays as it is.

        Not for people to ask for: whoever brings it more work does.
        """
        try:
            job = await self._life.find(job_id)
        except NotFound:
            return False
        if job.state is State.FAILED:
            changes = interrupted(goes_on=True)
            await self._life.move(job, **{**changes, "message": "", "interruptions": 0})  # or somebody else just did
        return True

    async def open(self) -> None:
        """Run what an earlier process left, then accept new jobs."""
        self._is_open = True
        self._tasks.append(asyncio.create_task(self._life.saver.run(), name="save progress"))
        await self._queue.open(self._life, self._attempts.stop)
        self._tasks.append(asyncio.create_task(self._run_jobs(), name="run jobs"))

    async def drain(self, hurry: asyncio.Event | None = None) -> None:
        """Take no more jobs, let the heavy ones finish within the grace period, put the others back into the queue.

        The grace period ends early when `hurry` is set.
        """
        self._is_open = False
        await self._queue.close()
        await self._attempts.drain(seconds=self._drain_seconds, hurry=hurry or asyncio.Event())
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._queue.end()
        await self._life.saver.flush()

    @property
    def is_taking_jobs(self) -> bool:
        """Whether somebody waits for what comes out of the queue."""
        return self._is_open and bool(self._tasks) and not self._tasks[-1].done()

    def statistics(self) -> RunnerStatistics:
        queue = self._queue.statistics()
        return RunnerStatistics(
            running=len(self._attempts),
            queued=queue.waiting,
            heavy_slots=queue.heavy_slots,
            heavy_running=self._attempts.heavy(),
            by_kind=dict(self._attempts.by_kind()),
        )

    async def _run_jobs(self) -> None:
        """Until the queue is closed."""
        while True:
            try:
                job = await self._queue.next()
            except Exception:
                _LOG.exception("no job could be taken from the queue", extra={"action": "run_job"})
                await asyncio.sleep(_STUMBLE_SECONDS)
                continue
            if job is None:
                return
            asked = self._requests.pop(job.id, _NOBODY)
            with about(request=asked.id, job=job.id, user=job.owner_id):
                _LOG.info("job begins", extra={"action": "run_job", "kind": job.kind, "attempt": job.attempt})
                self._attempts.begin(job, when_over=self._queue.done, asked_in=asked.traceparent)

    # who may

    def _require_open(self) -> None:
        if not self._is_open:
            raise Unavailable

    async def _require_share(self, connection: AsyncConnection, owner_id: str) -> None:
        """What waits is kept in memory, whoever put it there."""
        if self._unfinished is None:
            unfinished = sum(not job.state.is_final for job in self._life.table.live_of(owner_id))
        else:
            unfinished = await self._unfinished(connection, owner_id)
        if unfinished >= self._jobs_per_user:
            raise RateLimited(
                "{count} of your jobs and uploads are not finished yet, which is the limit; wait for some of them, or "
                "cancel them.",
                count=unfinished,
                retry_after_seconds=_SHARE_RETRY_SECONDS,
            )

    async def _require_room(self, connection: AsyncConnection, job: Job) -> None:
        stores = self._kinds[job.kind].stores
        if stores is not None:
            self._room.require()
            await self._quotas.require(connection, job.owner_id, stores, 0)

    def _require_retryable(self, job: Job) -> None:
        if job.state not in (State.FAILED, State.CANCELLED):
            raise Conflict("Only a job that failed or was cancelled can be started again.", code="job_not_retryable")
        kind = self._kinds.find(job.kind)
        if kind is None or not kind.can_retry:
            raise Conflict("A job of this kind cannot be started again.", code="job_not_retryable")
        if kind.stores is not None:
            self._room.require()
