"""How the progress of one attempt reaches the table: conflated, never backwards, with its rate."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from server.jobs.job import Job
from server.jobs.progress import RateMeter
from server.jobs.saver import ProgressSaver
from server.jobs.table import JobTable

_PUBLISH_EVERY_SECONDS = 0.1  # nobody sees more than ten steps a second, and each costs a message per open page


class Advancing:
    """One attempt on its way. All methods belong to the event loop's thread."""

    def __init__(self, job: Job, *, table: JobTable, saver: ProgressSaver) -> None:
        self.attempt_job = job
        self._table = table
        self._saver = saver
        self._meter = RateMeter(progress=job.progress)
        self._pending: dict[str, Any] = {}
        self._publication: asyncio.TimerHandle | None = None
        self._published_at = float("-inf")
        self.is_over = False

    @property
    def job(self) -> Job:
        """The newest snapshot, with what `advance` was told a moment ago."""
        job = self._table.get(self.attempt_job.id) or self.attempt_job
        return msgspec.structs.replace(job, **self._pending) if self._pending else job

    def advance(
        self,
        progress: int | None = None,
        *,
        total: int | None = None,
        stage: str | None = None,
        message: str | None = None,
        detail: dict[str, Any] | None = None,
        title: str | None = None,
    ) -> None:
        """See `JobContext.advance`."""
        if self.is_over:
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
        if title is not None:
            changes["title"] = title
        if detail is not None:
            changes["detail"] = {**job.detail, **detail}
        self._pending.update({name: value for name, value in changes.items() if value != getattr(job, name)})
        if self._pending:
            self._publish_soon()

    def end(self) -> None:
        """The attempt is over: publish what waits; from now on `advance` does nothing."""
        self.publish()
        self.is_over = True

    def publish(self) -> None:
        """What waits for its turn, now."""
        if self._publication is not None:
            self._publication.cancel()
            self._publication = None
        job = self._table.get(self.attempt_job.id)
        if self.is_over or not self._pending or job is None:
            return
        changes, self._pending = self._pending, {}
        self._published_at = asyncio.get_running_loop().time()
        self._table.put(job.evolve(**changes))
        self._saver.changed(job.id)

    def _publish_soon(self) -> None:
        if self._publication is not None:
            return
        loop = asyncio.get_running_loop()
        wait_seconds = self._published_at + _PUBLISH_EVERY_SECONDS - loop.time()
        if wait_seconds <= 0:
            self.publish()
        else:
            self._publication = loop.call_later(wait_seconds, self.publish)
