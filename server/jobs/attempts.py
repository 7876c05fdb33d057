"""Attempts under way here: each runs its job's function, is stopped if need be, and has its end stored."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from server.jobs.away import is_held_up, stage_of
from server.jobs.context import JobContext
from server.jobs.job import Job, State
from server.jobs.job_log import error_line, line_now
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.outcomes import STOPPED_IN_BETWEEN, Outcome, end_of, left_by
from server.jobs.retry import NEVER, Retries, after_failure, seconds_to_next_try
from server.jobs.shared_workers import SharedWorkers
from server.storage.database import NOT_NOW, NOT_STORED
from server.tracing import NO_TRACING, TraceSpan, Tracing

_LOG = logging.getLogger("jindu.jobs")
_AGAIN = {
    False: "That may pass: it is tried again by itself.",
    True: "It waits for that, and goes on by itself.",
}
_STOP_SECONDS = 1.5  # a cancelled job function gets so long to clean up; people were promised two seconds
_END_SECONDS = 2 * _STOP_SECONDS  # until its end is stored as well


@dataclass(eq=False, slots=True)
class _Attempt:
    """`ending` is set to the state somebody wants it to end in."""

    job: Job
    kind: JobKind
    ending: asyncio.Future[State]
    task: asyncio.Task[None] | None = None

    def end(self, state: State) -> None:
        if not self.ending.done():
            self.ending.set_result(state)


class Attempts:
    def __init__(
        self,
        *,
        life: JobLife,
        kinds: JobKinds,
        workers: SharedWorkers,
        retries: Retries = NEVER,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        """`retries` of attempts whose error may pass."""
        self._tracing = tracing
        self._life = life
        self._kinds = kinds
        self._workers = workers
        self._retries = retries
        self._under_way: dict[str, _Attempt] = {}
        self._given_up: set[asyncio.Future[Any]] = set()

    def begin(self, job: Job, *, when_over: Callable[[Job], None], asked_in: str = "") -> None:
        """Run `job`, which is running in a new attempt. A plain function: from here on `stop` finds it.

        `asked_in` is the `traceparent` of the request that asked for it.
        """
        attempt = _Attempt(job, self._kinds[job.kind], asyncio.get_running_loop().create_future())
        self._under_way[job.id] = attempt
        attempt.task = asyncio.create_task(self._run(attempt, when_over, asked_in), name=f"job {job.id}")

    def stop(self, job_id: str) -> None:
        """End it as cancelled, unless it is over; its function has a moment to clean up."""
        if job_id in self._under_way:
            self._under_way[job_id].end(State.CANCELLED)

    async def wait_for_end(self, job_id: str) -> None:
        """Until the end of one that was stopped is stored, or for longer than that should take."""
        attempt = self._under_way.get(job_id)
        if attempt is not None and attempt.task is not None:
            await asyncio.wait({attempt.task}, timeout=_END_SECONDS)

    async def drain(self, *, seconds: float, hurry: asyncio.Event) -> None:
        """Let the heavy ones finish within `seconds` or until `hurry` is set; the others go back into the queue."""
        for attempt in self._under_way.values():
            if not attempt.kind.heavy:  # it waits for the outside world, which may take for ever
                attempt.end(State.QUEUED)
        await _first(hurry.wait(), self._wait_for_all(seconds))
        for attempt in self._under_way.values():
            attempt.end(State.QUEUED)
        await self._wait_for_all(_END_SECONDS)

    def by_kind(self) -> Counter[str]:
        """How many of each kind run."""
        return Counter(attempt.kind.name for attempt in self._under_way.values())

    def heavy(self) -> int:
        return sum(attempt.kind.heavy for attempt in self._under_way.values())

    def __len__(self) -> int:
        return len(self._under_way)

    async def _run(self, attempt: _Attempt, when_over: Callable[[Job], None], asked_in: str) -> None:
        job = attempt.job
        try:
            with self._tracing.attempt(f"job {job.kind}", links=[asked_in] if asked_in else []) as span:
                span.tell(job_id=job.id, job_kind=job.kind, job_attempt=job.attempt)
                await self._run_to_its_end(attempt, span)
        except Exception:
            _LOG.exception("attempt could not be run", extra={"action": "run_job", "job": attempt.job.id})
        finally:
            if self._under_way[attempt.job.id] is attempt:  # it may have been started again since its end was stored
                del self._under_way[attempt.job.id]
            when_over(attempt.job)

    async def _run_to_its_end(self, attempt: _Attempt, span: TraceSpan) -> None:
        if attempt.kind.function is None:
            raise ValueError(f"nobody here runs jobs of the kind {attempt.kind.name}")
        context = JobContext(
            attempt.job,
            life=self._life,
            workers=self._workers,
            stalls_after_seconds=attempt.kind.stalls_after_seconds,
            step_seconds=attempt.kind.step_seconds,
        )
        work: asyncio.Future[Outcome | None] = asyncio.ensure_future(attempt.kind.function(context))
        if is_held_up(attempt.job):
            context.advance(stage="")  # it waits no more
        await asyncio.wait((work, attempt.ending), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await self._stop(work, attempt.job)
        context.end()
        # Whoever cancels this task wants it to end, not its outcome to be lost.
        await asyncio.shield(self._conclude(attempt, work, span))

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

    async def _conclude(self, attempt: _Attempt, work: asyncio.Future[Outcome | None], span: TraceSpan) -> None:
        """Store how it ended. That must not be lost: what the database cannot take now, it may take later."""
        job = self._newest(attempt)
        wanted = attempt.ending.result() if attempt.ending.done() else None
        changes = end_of(job, work, wanted, goes_on=attempt.kind.goes_on)
        again = self._again(attempt, work)
        left = left_by(work)
        notice = left.notice if left is not None else None
        if changes.get("error") is not None:
            span.fail(changes["error"].code)
        if changes.get("error") is not None:
            self._life.saver.log(error_line(job, changes["error"], "warning" if again else "error"))
        if wanted is State.QUEUED and left is None:
            self._life.saver.log(line_now(job, STOPPED_IN_BETWEEN, "warning"))
        if again:
            self._life.saver.log(line_now(job, _AGAIN[bool(again.get("stalled_since"))], "warning"))
            changes = again
        span.tell(job_state=str(changes.get("state")))
        failures = 0
        while True:
            try:
                self._say_how_it_ended(job, await self._life.move(job, notice=notice, **changes))
            except NOT_STORED as error:
                failures += 1
                if not isinstance(error, NOT_NOW):  # that is said in the log already
                    _LOG.exception("outcome could not be stored", extra={"action": "store_outcome", "job": job.id})
                seconds = seconds_to_next_try(error, failures=failures)
                if seconds is None:
                    raise
                await asyncio.sleep(seconds)
            else:
                return

    def _say_how_it_ended(self, job: Job, moved: Job | None) -> None:
        if moved is not None:
            _LOG.info("job ended", extra={"action": "run_job", "job": job.id, "state": str(moved.state)})
            return
        self._life.table.let_go(job.id)
        _LOG.warning("attempt was given up: what it did is not kept", extra={"action": "run_job", "job": job.id})

    def _newest(self, attempt: _Attempt) -> Job:
        """Of this attempt: another node may run the next one already."""
        job = self._life.table.own(attempt.job.id)
        return job if job is not None and job.attempt == attempt.job.attempt else attempt.job

    def _again(self, attempt: _Attempt, work: asyncio.Future[Outcome | None]) -> Mapping[str, Any] | None:
        """What changes when it is to be repeated; nobody's wish to end it is overruled."""
        kind = attempt.kind
        if attempt.ending.done() or not work.done() or work.cancelled():
            return None
        error = work.exception()
        if error is None or not (kind.heavy or kind.goes_on or stage_of(error) is not None):
            return None
        return after_failure(attempt.job, error, retries=self._retries, goes_on=kind.goes_on)

    async def _wait_for_all(self, seconds: float) -> None:
        tasks = {attempt.task for attempt in self._under_way.values() if attempt.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Until one of them is over."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
