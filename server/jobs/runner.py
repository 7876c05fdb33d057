"""Runs jobs as asyncio tasks: queue, attempts, outcomes, cancelling, recovery after a crash, and an orderly stop."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.errors import Conflict, RateLimited, StorageFull, Unavailable
from server.jobs.context import JobContext, Notify
from server.jobs.job import Job, State
from server.jobs.keys import Asked, take_key
from server.jobs.kinds import JobFunction, JobKind, JobKinds
from server.jobs.life import Also, JobLife
from server.jobs.outcomes import FROM_THE_BEGINNING, after_crash, outcome
from server.jobs.queue import FairQueue
from server.jobs.shared_workers import SharedWorkers
from server.jobs.store import line_now
from server.storage.database import NOT_STORED
from server.storage.quotas import Quotas
from server.storage.room import Room

_LOG = logging.getLogger("jindu.jobs")

_RETRY = "job.retry"  # what a key may be for, beside the kinds of jobs
_SHARE_RETRY_SECONDS = 30.0
_STOP_SECONDS = 1.5  # a cancelled job function gets so long to clean up; people were promised two seconds
_STORE_RETRY_SECONDS = (0.2, 1.0, 5.0, 15.0, 30.0)
_FULL_DISK_SECONDS = 5.0  # what a full disk did not take is tried again so often


@dataclass(eq=False, slots=True)
class _Attempt:
    """An attempt under way; `ending` is set to the state somebody wants it to end in."""

    job: Job
    kind: JobKind
    function: JobFunction
    ending: asyncio.Future[State]
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerStatistics:
    running: int
    queued: int
    heavy_slots: int
    heavy_running: int
    by_kind: dict[str, int] = field(default_factory=dict)


class JobRunner:
    """The life of the jobs that run here."""

    def __init__(
        self,
        *,
        life: JobLife,
        kinds: JobKinds,
        workers: SharedWorkers,
        heavy_slots: int,
        max_attempts: int,
        drain_seconds: float,
        notify: Notify,
        room: Room,
        quotas: Quotas,
        jobs_per_user: int = 1_000,
    ) -> None:
        self._life = life
        self._kinds = kinds
        self._workers = workers
        self._heavy_slots = heavy_slots
        self._max_attempts = max_attempts
        self._drain_seconds = drain_seconds
        self._jobs_per_user = jobs_per_user
        self._notify = notify
        self._room = room
        self._quotas = quotas
        self._queue = FairQueue()
        self._attempts: dict[str, _Attempt] = {}
        self._given_up: set[asyncio.Future[Any]] = set()
        self._changing = asyncio.Lock()  # two people may press "cancel" and "retry" at once
        self._saving: asyncio.Task[None] | None = None
        self._waiting_for_room: set[asyncio.Task[None]] = set()
        self._is_open = False

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
    ) -> Job:
        """Store a new job and run it when it is its turn. Asked again it is the same job, and `also` is not run.

        Raises `StorageFull` or `QuotaExceeded` when there is no room for what it would make, and `RateLimited` when
        the owner has as many unfinished jobs as one user may.
        """
        self._require_open()

        async def if_there_is_room(connection: AsyncConnection, job: Job) -> None:
            self._require_share(owner_id)
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
        )
        begun = await self._life.begin(job, asked=asked, also=if_there_is_room)
        if begun is job:
            self._enqueue(job)
        return begun

    async def cancel(self, job_id: str) -> Job:
        """End a job: a waiting one at once, a running one within two seconds. Over already: stays as it is."""
        attempt = self._attempts.get(job_id)
        if attempt is None:
            return await self._cancel_waiting(job_id)
        # Stored first: from here on `fence` lets nothing be published. Nor does a full disk, so that it may be missing.
        with suppress(StorageFull):
            await self._life.store.request_cancel(job_id)
        _end(attempt, State.CANCELLED)
        if attempt.task is not None:
            await asyncio.wait({attempt.task}, timeout=2 * _STOP_SECONDS)
        return await self._life.find(job_id)

    async def retry(self, job_id: str, *, asked: Asked | None = None, also: Also | None = None) -> Job:
        """Put a failed or cancelled job back into the queue, from the beginning; its attempts keep counting.

        Asked again under the same key, the answer is the job as it is now, and nothing is done.
        """
        self._require_open()

        async def take_the_key(connection: AsyncConnection, job: Job) -> None:
            known = asked and await take_key(connection, asked, door=_RETRY, job_id=job.id)
            if also is not None and not known:
                await also(connection, job)

        async with self._changing:
            if asked is not None and await self._life.was_asked(asked, door=_RETRY):
                return await self._life.find(job_id)
            job = await self._life.find(job_id)
            if job.state not in (State.FAILED, State.CANCELLED):
                raise Conflict(
                    "Only a job that failed or was cancelled can be started again.", code="job_not_retryable"
                )
            kind = self._kinds.find(job.kind)
            if kind is None or not kind.can_retry:
                raise Conflict("A job of this kind cannot be started again.", code="job_not_retryable")
            if kind.stores is not None:
                self._room.require()
            queued = await self._life.move(job, also=take_the_key, **{**FROM_THE_BEGINNING, "interruptions": 0})
            if queued is None:
                raise Conflict
            self._enqueue(queued)
            return queued

    async def open(self) -> None:
        """Take up what an earlier process left, then accept new jobs."""
        self._is_open = True
        self._saving = asyncio.create_task(self._life.saver.run(), name="save progress")
        for job in await self._life.store.unfinished():
            kind = self._kinds.find(job.kind)
            if kind is None or not kind.is_external:
                await self._recover_or_wait(job)

    async def drain(self, hurry: asyncio.Event | None = None) -> None:
        """Take no more jobs, let the heavy ones finish within the grace period, put the others back into the queue.

        The grace period ends early when `hurry` is set.
        """
        self._is_open = False
        self._queue.clear()
        for attempt in self._attempts.values():
            if not attempt.kind.heavy:  # it waits for the outside world, which may take for ever
                _end(attempt, State.QUEUED)
        await _first((hurry or asyncio.Event()).wait(), self._wait_for_attempts(self._drain_seconds))
        for attempt in self._attempts.values():
            _end(attempt, State.QUEUED)
        await self._wait_for_attempts(2 * _STOP_SECONDS)
        ending = {*self._waiting_for_room, *([self._saving] if self._saving else [])}
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        await self._life.saver.flush()

    def statistics(self) -> RunnerStatistics:
        return RunnerStatistics(
            running=len(self._attempts),
            queued=len(self._queue),
            heavy_slots=self._heavy_slots,
            heavy_running=sum(attempt.kind.heavy for attempt in self._attempts.values()),
            by_kind=dict(Counter(attempt.kind.name for attempt in self._attempts.values())),
        )

    async def _cancel_waiting(self, job_id: str) -> Job:
        async with self._changing:
            job = await self._life.find(job_id)
            if job.state is State.QUEUED:
                self._queue.remove(job.owner_id, job.id)  # before anything awaits: it must not start meanwhile
                try:
                    return await self._life.move(job, state=State.CANCELLED, finished_at=utc_now()) or job
                except BaseException:
                    self._enqueue(job)  # it still waits for its turn
                    raise
            return job

    # queue

    def _enqueue(self, job: Job) -> None:
        if not self._is_open:
            return  # it stays queued in the database, for the next start
        if self._kinds[job.kind].heavy:
            self._queue.push(job.owner_id, job.id)
            self._dispatch()
        else:
            self._launch(job)

    def _dispatch(self) -> None:
        running = Counter(attempt.job.owner_id for attempt in self._attempts.values() if attempt.kind.heavy)
        # One slot more than anybody may fill alone.
        while found := self._queue.pop(running, places=self._heavy_slots + 1, per_owner=self._heavy_slots):
            job = self._life.table.get(found[1])
            if job is None:
                continue
            running[job.owner_id] += 1
            self._launch(job)

    def _launch(self, job: Job) -> None:
        kind = self._kinds[job.kind]
        if kind.function is None:
            raise ValueError(f"job {job.id}: nobody here runs jobs of the kind {kind.name}")
        attempt = _Attempt(job, kind, kind.function, asyncio.get_running_loop().create_future())
        self._attempts[job.id] = attempt
        attempt.task = asyncio.create_task(self._run(attempt), name=f"job {job.id}")

    async def _run(self, attempt: _Attempt) -> None:
        try:
            await self._run_attempt(attempt)
        except StorageFull:  # it could not even be begun, and is still queued
            self._when_there_may_be_room(self._enqueue_again(attempt.job.id))
        except Exception:
            _LOG.exception("attempt could not be run", extra={"action": "run_job", "job": attempt.job.id})
        finally:
            del self._attempts[attempt.job.id]
            if self._is_open:
                self._dispatch()

    # one attempt

    async def _run_attempt(self, attempt: _Attempt) -> None:
        before = attempt.job
        running = await self._life.move(
            before, state=State.RUNNING, attempt=before.attempt + 1, started_at=utc_now(), finished_at=None
        )
        if running is None:
            return
        attempt.job = running
        context = JobContext(
            running,
            table=self._life.table,
            store=self._life.store,
            saver=self._life.saver,
            workers=self._workers,
            notify=self._notify,
        )
        work: asyncio.Future[Any] = asyncio.ensure_future(attempt.function(context))
        await asyncio.wait((work, attempt.ending), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await self._stop(work, running)
        context.end()
        await asyncio.shield(self._conclude(attempt, work))

    async def _stop(self, work: asyncio.Future[Any], job: Job) -> None:
        work.cancel()
        await asyncio.wait({work}, timeout=_STOP_SECONDS)
        if not work.done():
            # It holds on to something; its attempt number keeps it from writing anything that counts.
            _LOG.warning("job function does not stop", extra={"action": "give_up", "job": job.id, "kind": job.kind})
            self._given_up.add(work)
            work.add_done_callback(self._let_go)

    def _let_go(self, work: asyncio.Future[Any]) -> None:
        self._given_up.discard(work)
        if not work.cancelled() and work.exception() is not None:
            _LOG.warning("given-up job function ended", exc_info=work.exception(), extra={"action": "give_up"})

    async def _conclude(self, attempt: _Attempt, work: asyncio.Future[Any]) -> None:
        job = self._life.table.get(attempt.job.id) or attempt.job
        changes = outcome(job, work, attempt.ending.result() if attempt.ending.done() else None)
        if changes.get("error") is not None:
            self._life.saver.log(line_now(job, changes["error"].text, "error"))
        waits = iter(_STORE_RETRY_SECONDS)
        while True:
            try:
                await self._life.move(job, **changes)
            except StorageFull:  # said in the log already; somebody will make room
                await asyncio.sleep(_FULL_DISK_SECONDS)
            except NOT_STORED:
                _LOG.exception("outcome could not be stored", extra={"action": "store_outcome", "job": job.id})
                wait_seconds = next(waits, None)
                if wait_seconds is None:
                    raise
                await asyncio.sleep(wait_seconds)
            else:
                return

    # states

    async def _recover(self, stored: Job) -> None:
        job = self._life.take_up(stored)
        changes = after_crash(job, self._kinds.find(job.kind), max_attempts=self._max_attempts)
        if changes is not None:
            self._life.saver.log(line_now(job, "The server stopped in the middle of this attempt.", "warning"))
            job = await self._life.move(job, **changes) or job
        if job.state is State.QUEUED:
            self._enqueue(job)

    async def _recover_or_wait(self, stored: Job) -> None:
        try:
            await self._recover(stored)
        except StorageFull:
            self._when_there_may_be_room(self._recover_or_wait(stored))

    # a full disk

    async def _require_room(self, connection: AsyncConnection, job: Job) -> None:
        stores = self._kinds[job.kind].stores
        if stores is not None:
            self._room.require()
            await self._quotas.require(connection, job.owner_id, stores, 0)

    def _when_there_may_be_room(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` a little later."""

        async def later() -> None:
            try:
                await asyncio.sleep(_FULL_DISK_SECONDS)
            except asyncio.CancelledError:
                work.close()
                raise
            await work

        task = asyncio.create_task(later(), name="wait for room")
        self._waiting_for_room.add(task)
        task.add_done_callback(self._waiting_for_room.discard)

    async def _enqueue_again(self, job_id: str) -> None:
        job = self._life.table.get(job_id)
        if job is not None and job.state is State.QUEUED and job_id not in self._attempts:
            self._enqueue(job)

    async def _wait_for_attempts(self, seconds: float) -> None:
        tasks = {attempt.task for attempt in self._attempts.values() if attempt.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _require_share(self, owner_id: str) -> None:
        """What waits is kept in memory, whoever put it there."""
        unfinished = sum(not job.state.is_final for job in self._life.table.live_of(owner_id))
        if unfinished >= self._jobs_per_user:
            raise RateLimited(
                "{count} of your jobs and uploads are not finished yet, which is the limit; wait for some of them, or "
                "cancel them.",
                count=unfinished,
                retry_after_seconds=_SHARE_RETRY_SECONDS,
            )

    def _require_open(self) -> None:
        if not self._is_open:
            raise Unavailable


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Until one of them is over."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _end(attempt: _Attempt, state: State) -> None:
    if not attempt.ending.done():
        attempt.ending.set_result(state)
