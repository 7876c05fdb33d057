"""Looks at the clock on the wall again and again, never for longer than a few seconds at a time.

Each node does: what is due is a row, and who takes it first orders it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from datetime import datetime

from server.clock import Clock, utc_now
from server.jobs.job import Job
from server.schedules.firing import Firing
from server.schedules.planning import Planning
from server.schedules.stopping import Stopping
from server.storage.repeating import ONCE_IT_SERVES, repeat

_LOG = logging.getLogger("jindu.schedules")
_MOST_SECONDS = 10.0  # a clock that is set, and what other nodes store, is seen after this
_LEAST_SECONDS = 0.5


class Scheduler:
    def __init__(
        self,
        *,
        stopping: Stopping,
        planning: Planning,
        firing: Firing,
        clock: Clock = utc_now,
    ) -> None:
        self._stopping = stopping
        self._planning = planning
        self._firing = firing
        self._clock = clock
        self._soon = asyncio.Event()
        self._next_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        await repeat(
            self.look,
            every_seconds=self._seconds_left,
            first_after_seconds=ONCE_IT_SERVES,
            hurry=self._soon,
            log=_LOG,
            failed="schedules could not be looked at",
            action="schedules",
        )

    async def look(self) -> None:
        """Once."""
        self._next_at = None
        await self._stopping.stop_broken()
        self._next_at = await self._planning.plan()
        await self._firing.fire_due()

    def wake(self) -> None:
        """Something was saved here."""
        self._soon.set()

    def heard(self, job: Job, _before: Job | None) -> None:
        """A job that is over may be what something waits for."""
        if job.state.is_final:
            self._soon.set()

    def statistics(self) -> dict[str, int]:
        return {**asdict(self._firing.counts), "missed": self._planning.missed}

    def _seconds_left(self) -> float:
        if self._next_at is None:
            return _MOST_SECONDS
        left = (self._next_at - self._clock()).total_seconds()
        return min(max(left, _LEAST_SECONDS), _MOST_SECONDS)
