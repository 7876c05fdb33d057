"""Writes progress and log lines of all running jobs to the database, together and at most once a second."""

from __future__ import annotations

import asyncio
import logging

from server.jobs.job import State
from server.jobs.job_log import LogLine
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.waiting_lines import WaitingLines
from server.storage.database import NOT_NOW, NOT_STORED

_LOG = logging.getLogger("jindu.jobs")
_EVERY_SECONDS = 1.0


class ProgressSaver:
    """Collects what changed; `run` stores it. One transaction for all jobs."""

    def __init__(self, *, store: JobStore, table: JobTable, every_seconds: float = _EVERY_SECONDS) -> None:
        self._store = store
        self._table = table
        self._every_seconds = every_seconds
        self._changed: set[str] = set()
        self._lines = WaitingLines()
        self._something = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._flush: asyncio.Task[None] | None = None

    def changed(self, job_id: str) -> None:
        self._changed.add(job_id)
        self._something.set()

    def log(self, line: LogLine) -> None:
        self._lines.add(line)
        self._something.set()

    async def take_lines(self, job_id: str) -> list[LogLine]:
        """Waiting lines of one job, to be stored with its outcome: after those that are being stored just now."""
        async with self._flushing:
            return self._lines.take(job_id)

    def put_back(self, lines: list[LogLine]) -> None:
        """What was taken and could not be stored."""
        self._lines.put_back(lines)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._something.wait()
            # Shielded: what a cancelled transaction held would be lost. The last `flush` waits for this one.
            self._flush = asyncio.create_task(self.flush(), name="flush progress")
            await asyncio.shield(self._flush)
            await asyncio.sleep(self._every_seconds)

    async def flush(self) -> None:
        async with self._flushing:
            await self._save_waiting()

    async def _save_waiting(self) -> None:
        self._something.clear()
        changed, self._changed = self._changed, set()
        lines = self._lines.take_all()
        running = [job for job in map(self._table.own, changed) if job is not None and job.state is State.RUNNING]
        if not running and not lines:
            return
        try:
            await self._store.save(running, lines)
        except NOT_NOW:  # said in the log already: the lines wait, as far as there may be so many
            self.put_back(lines)
        except NOT_STORED:
            # The next second tries again with newer figures; only the outcome must not be lost, and that is not ours.
            _LOG.exception("progress could not be stored", extra={"action": "save_progress"})
            await self._save_apart(lines)

    async def _save_apart(self, lines: list[LogLine]) -> None:
        """Lines of each job alone: one that was deleted meanwhile must not cost those of all others."""
        for job_id in dict.fromkeys(line.job_id for line in lines):
            of_job = [line for line in lines if line.job_id == job_id]
            try:
                await self._store.save([], of_job)
            except NOT_NOW:
                self.put_back(of_job)
            except NOT_STORED:
                extra = {"action": "save_log", "job": job_id, "lines": len(of_job)}
                _LOG.warning("lines of a job could not be stored; it may have been deleted", extra=extra)
