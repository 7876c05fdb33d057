"""What a job function talks to: its job, its progress, its log, a worker process, its owner. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import JobFailed
from server.jobs.job import Job
from server.jobs.progress import RateMeter
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore, line_now
from server.jobs.table import JobTable
from server.jobs.workers import OnReport, WorkerFunction, WorkerPool

_PUBLISH_EVERY_SECONDS = 0.1  # nobody sees more than ten steps a second, and each costs a message per open page


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the job's owner should know. `parameters` fill `{placeholders}` of the two English texts."""

    title: str
    body: str = ""
    level: str = "info"
    url: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


Notify = Callable[[Job, Notice], None]


class JobContext:
    """One attempt of one job, as its job function sees it. All methods belong to the event loop's thread."""

    def __init__(
        self,
        job: Job,
        *,
        table: JobTable,
        store: JobStore,
        saver: ProgressSaver,
        workers: WorkerPool,
        notify: Notify,
    ) -> None:
        self._job_id = job.id
        self._attempt_job = job
        self._table = table
        self._store = store
        self._saver = saver
        self._workers = workers
        self._notify = notify
        self._meter = RateMeter()
        self._pending: dict[str, Any] = {}
        self._publication: asyncio.TimerHandle | None = None
        self._published_at = float("-inf")
        self._is_over = False

    @property
    def job(self) -> Job:
        """The newest snapshot, with what `advance` was told a moment ago."""
        job = self._table.get(self._job_id) or self._attempt_job
        return msgspec.structs.replace(job, **self._pending) if self._pending else job

    def advance(
        self,
        progress: int | None = None,
        *,
        total: int | None = None,
        stage: str | None = None,
        message: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Say how far the job is; cheap, call it as often as you like. What is left out stays as it was.

        Progress never goes backwards; `total` grows when progress passes it; `detail` is merged into what is there.
        A job that succeeds shows its whole total as done, so put an estimate right before the end.
        """
        if self._is_over:
            return
        job = self.job
        changes: dict[str, Any] = {}
        if progress is not None:
            changes["progress"] = max(job.progress, progress)
            changes["rate"] = self._meter.update(changes["progress"])
        expected = job.total if total is None else total
        if expected is not None:
            changes["total"] = max(expected, changes.get("progress", job.progress))
        if stage is not None:
            changes["stage"] = stage
        if message is not None:
            changes["message"] = message
        if detail is not None:
            changes["detail"] = {**job.detail, **detail}
        self._pending.update({name: value for name, value in changes.items() if value != getattr(job, name)})
        if self._pending:
            self._publish_soon()

    def log(self, message: str, *, level: str = "info") -> None:
        """A line for the job's log, which its owner reads; kept even when the attempt fails."""
        self._saver.log(line_now(self._attempt_job, message, level))

    def notify(
        self,
        title: str,
        body: str = "",
        *,
        level: str = "info",
        url: str = "",
        parameters: dict[str, Any] | None = None,
    ) -> None:
        """Tell the owner wherever they are; kept for them when they are away."""
        self._notify(self.job, Notice(title=title, body=body, level=level, url=url, parameters=parameters or {}))

    async def run_in_worker(self, function: WorkerFunction, argument: Any, *, on_report: OnReport | None = None) -> Any:
        """See `WorkerPool.run`; when the job is cancelled, the process is killed."""
        return await self._workers.run(function, argument, on_report=on_report)

    async def fence(self, connection: AsyncConnection) -> None:
        """Call it in the transaction that publishes: raises when this attempt was cancelled or given up.

        There is one writer at a time, so nobody can cancel between this and the commit.
        """
        if self._is_over or not await self._store.holds(connection, self._attempt_job):
            raise JobFailed("This attempt was given up; what it made is not published.", code="attempt_given_up")

    def end(self) -> None:
        """The attempt is over: publish what waits; from now on `advance` does nothing. For the runner."""
        self._publish()
        self._is_over = True

    def _publish_soon(self) -> None:
        if self._publication is not None:
            return
        loop = asyncio.get_running_loop()
        wait_seconds = self._published_at + _PUBLISH_EVERY_SECONDS - loop.time()
        if wait_seconds <= 0:
            self._publish()
        else:
            self._publication = loop.call_later(wait_seconds, self._publish)

    def _publish(self) -> None:
        if self._publication is not None:
            self._publication.cancel()
            self._publication = None
        job = self._table.get(self._job_id)
        if self._is_over or not self._pending or job is None:
            return
        changes, self._pending = self._pending, {}
        self._published_at = asyncio.get_running_loop().time()
        self._table.put(job.evolve(**changes))
        self._saver.changed(self._job_id)
