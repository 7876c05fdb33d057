"""What a job function talks to: its job, its progress, its log, a worker process. Nothing else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import JobFailed, WorkerDied, WorkerFrozen
from server.jobs.job import Job
from server.jobs.job_log import line_now
from server.jobs.life import STALLS_AFTER_SECONDS, JobLife
from server.jobs.retry import seconds_to_next_try
from server.jobs.shared_workers import SharedWorkers
from server.jobs.turns import Use
from server.jobs.worker_process import OnReport, WorkerFunction

_LOST_WORKER = {
    False: "The worker died; trying once more.",
    True: "The worker stood still and was replaced; trying once more.",
}


class JobContext:
    """One attempt of one job, as its job function sees it. All methods belong to the event loop's thread."""

    def __init__(
        self,
        job: Job,
        *,
        life: JobLife,
        workers: SharedWorkers,
        stalls_after_seconds: float = STALLS_AFTER_SECONDS,
        step_seconds: float | None = None,
    ) -> None:
        """`step_seconds` is the time limit of each call of a worker."""
        self._advancing = life.advancing(job, stalls_after_seconds=stalls_after_seconds)
        self._store = life.store
        self._saver = life.saver
        self._workers = workers
        self._step_seconds = step_seconds

    @property
    def job(self) -> Job:
        """The newest snapshot, with what `advance` was told a moment ago."""
        return self._advancing.job

    @property
    def begun_as(self) -> Job:
        """The job as this attempt found it."""
        return self._advancing.attempt_job

    def advance(
        self,
        progress: float | None = None,
        *,
        total: float | None = None,
        stage: str | None = None,
        message: str | None = None,
        detail: dict[str, Any] | None = None,
        title: str | None = None,
    ) -> None:
        """Say how far the job is; cheap, call it as often as you like. What is left out stays as it was.

        Progress never goes backwards; `total` grows when progress passes it; `detail` is merged into what is there.
        A job that succeeds shows its whole total as done, so put an estimate right before the end.
        """
        self._advancing.advance(progress, total=total, stage=stage, message=message, detail=detail, title=title)

    def stood_still_since(self, moment: datetime) -> None:
        """It last moved then, before this attempt: should it stand still, it has done so from there on."""
        self._advancing.stood_still_since(moment)

    def log(self, message: str, *, level: str = "info", values: Mapping[str, Any] | None = None) -> None:
        """A line for the job's log, which its owner reads; kept even when the attempt fails.

        `message` is a constant sentence, `values` fill its placeholders: it is translated where it is read.
        """
        self._saver.log(line_now(self._advancing.attempt_job, message, level, values or {}))

    async def run_in_worker(
        self,
        function: WorkerFunction,
        argument: Any,
        *,
        on_report: OnReport | None = None,
        is_short: bool = False,
    ) -> Any:
        """See `SharedWorkers.run`; when the job is cancelled, the process is killed. One that dies is replaced once.

        Each call waits for its turn anew: a job that does its work in many calls lets others have theirs in between.
        """
        job = self.job
        use = Use(job_id=job.id, kind=job.kind, rank=job.priority.rank)
        for failures in itertools.count(1):
            try:
                return await self._workers.run(
                    job.owner_id,
                    function,
                    argument,
                    on_report=on_report,
                    timeout_seconds=self._step_seconds,
                    use=use,
                    is_short=is_short,
                )
            except WorkerDied as error:
                seconds = seconds_to_next_try(error, failures=failures)
                if seconds is None:
                    raise
                self.log(_LOST_WORKER[isinstance(error, WorkerFrozen)], level="warning")
                await asyncio.sleep(seconds)
        raise AssertionError("unreachable")

    async def fence(self, connection: AsyncConnection) -> None:
        """Call it in the transaction that publishes: raises when this attempt was cancelled or given up.

        Whoever cancels it from now on waits until that transaction ends.
        """
        if self._advancing.is_over or not await self._store.holds(connection, self._advancing.attempt_job):
            raise JobFailed("This attempt was given up; what it made is not published.", code="attempt_given_up")

    async def is_cancelled(self, connection: AsyncConnection) -> bool:
        """Whether somebody has cancelled the job: an attempt that is stopped may also begin again, or run elsewhere."""
        return await self._store.is_cancelled(connection, self._advancing.attempt_job.id)

    def end(self) -> None:
        """The attempt is over: publish what waits; from now on `advance` does nothing. For the runner."""
        self._advancing.end()
