"""How the progress of one attempt reaches the table: conflated, never backwards, with its rate, and its standstills."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.clock import utc_now
from server.jobs.job import PAUSED, Job, State, whole
from server.jobs.past_attempts import StageTimes
from server.jobs.progress import Pace
from server.jobs.saver import ProgressSaver
from server.jobs.stillness import Stillness
from server.jobs.table import JobTable

_PUBLISH_EVERY_SECONDS = 0.1  # nobody sees more than ten steps a second, and each costs a message per open page
_MOVING: Mapping[str, Any] = {"stalled_since": None, "is_stalled": False}


class Advancing:
    """One attempt on its way. All methods belong to the event loop's thread."""

    def __init__(
        self,
        job: Job,
        *,
        table: JobTable,
        saver: ProgressSaver,
        stillness: Stillness,
        stages: StageTimes,
        stalls_after_seconds: float,
    ) -> None:
        """`stalls_after_seconds`: what stands still for longer than anything of its kind should counts as stalled."""
        self.attempt_job = job
        self._table = table
        self._saver = saver
        self._stillness = stillness
        self._stages = stages
        self._stalls_after_seconds = stalls_after_seconds
        self._news = Pace(clock=stillness.clock)
        self._progress = Pace(clock=stillness.clock)
        self._pending: dict[str, Any] = {}
        self._publication: asyncio.TimerHandle | None = None
        self._published_at = float("-inf")
        self._still_since: datetime | None = None
        self.due_at = self._news.still_from
        self.is_over = False
        stillness.watch_over(self)

    @property
    def job(self) -> Job:
        """The newest snapshot, with what `advance` was told a moment ago."""
        job = self._known() or self.attempt_job
        return msgspec.structs.replace(job, **self._pending) if self._pending else job

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
        """See `JobContext.advance`."""
        if self.is_over:
            return
        job = self.job
        changes: dict[str, Any] = {}
        if progress is not None:
            changes["progress"] = max(job.progress, whole(progress))
        expected = job.total if total is None else whole(total)
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
        self._pending.update(self._note(job, _differing(changes, job), has_progress=progress is not None))
        if self._pending:
            self._publish_soon()

    def stood_still_since(self, moment: datetime) -> None:
        """See `JobContext.stood_still_since`; until something moves."""
        self._still_since = moment

    def look(self) -> None:
        """Say so when it stands still; for `Stillness`."""
        job, now = self.job, self._stillness.clock()
        if job.state is not State.RUNNING:
            self.due_at = math.inf
            return
        changes: dict[str, Any] = {"rate": self._rate(job)}
        if now >= self._news.still_from:
            since = job.stalled_since or self._still_since
            since = since or utc_now() - timedelta(seconds=now - self._news.moved_at)
            still_seconds = (utc_now() - since).total_seconds()  # also while an earlier process looked
            changes |= {"stalled_since": since, "rate": None, "unit_seconds": None}
            changes["is_stalled"] = now >= self._stalled_from or still_seconds >= self._stalls_after_seconds
        self._pending.update(_differing(changes, job))
        self.due_at = min((moment for moment in self._moments if moment > now), default=math.inf)
        self.publish()

    def end(self) -> None:
        """The attempt is over: publish what waits; from now on `advance` does nothing."""
        self.publish()
        self.is_over = True
        self._stillness.forget(self)

    def publish(self) -> None:
        """What waits for its turn, now."""
        if self._publication is not None:
            self._publication.cancel()
            self._publication = None
        job = self._known()
        if self.is_over or not self._pending or job is None:
            return
        changes, self._pending = self._pending, {}
        self._published_at = asyncio.get_running_loop().time()
        if "stage" in changes:
            self._stages.moved(job.id, changes["stage"])
        self._table.put(job.evolve(**changes))
        self._saver.changed(job.id)

    def _known(self) -> Job | None:
        """None once another node has it: what it tells is not ours to go on with."""
        job = self._table.own(self.attempt_job.id)
        return job if job is not None and job.attempt == self.attempt_job.attempt else None

    def _note(self, job: Job, changes: dict[str, Any], *, has_progress: bool) -> dict[str, Any]:
        """`changes` with what they mean for the pace. The same told again is no move, but where it begins counts."""
        if has_progress and ("progress" in changes or not self._progress.has_begun):
            self._progress.moved(changes.get("progress", job.progress))
        if changes:
            self._news.moved(0)
            self._still_since = None
            changes = changes | _differing(_MOVING, job)
        rate = self._rate(msgspec.structs.replace(job, **changes))
        pace = {"rate": rate} if rate is None else {"rate": rate, "unit_seconds": None}
        self.due_at = min(self._moments)
        return changes | _differing(pace, job)

    def _rate(self, job: Job) -> float | None:
        """None as long as it does not move, or has nothing left to count."""
        if job.is_finishing or job.stage == PAUSED or self._stillness.clock() >= self._progress.still_from:
            return None
        return self._progress.rate

    @property
    def _moments(self) -> tuple[float, ...]:
        """In each of these something changes by standing still."""
        return self._progress.still_from, self._news.still_from, self._stalled_from

    @property
    def _stalled_from(self) -> float:
        return max(self._news.still_from, self._news.moved_at + self._stalls_after_seconds)

    def _publish_soon(self) -> None:
        if self._publication is not None:
            return
        loop = asyncio.get_running_loop()
        wait_seconds = self._published_at + _PUBLISH_EVERY_SECONDS - loop.time()
        if wait_seconds <= 0:
            self.publish()
        else:
            self._publication = loop.call_later(wait_seconds, self.publish)


def _differing(changes: Mapping[str, Any], job: Job) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value != getattr(job, name)}
