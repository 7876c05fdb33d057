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
from server.storage.database import NOT_NOW

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
        most_seconds: float = _MOST_SECONDS,
    ) -> None:
        self._stopping = stopping
        self._planning = planning
        self._firing = firing
        self._clock = clock
        self._most_seconds = most_seconds
        self._soon = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            next_at = None
            try:
                next_at = await self.look()
            except NOT_NOW:  # said in the log already
                pass
            except Exception:
                _LOG.exception("schedules could not be looked at", extra={"action": "schedules"})
            await self._sleep(next_at)

    async def look(self) -> datetime | None:
        """Once; when the next time comes."""
        await self._stopping.stop_broken()
        next_at = await self._planning.plan()
        await self._firing.fire_due()
        return next_at

    def wake(self) -> None:
        """Something was saved here."""
        self._soon.set()

    def heard(self, job: Job, _before: Job | None) -> None:
        """A job that is over may be what something waits for."""
        if job.state.is_final:
            self._soon.set()

    def statistics(self) -> dict[str, int]:
        return {**asdict(self._firing.counts), "missed": self._planning.missed}

    async def _sleep(self, next_at: datetime | None) -> None:
        left = self._most_seconds if next_at is None else (next_at - self._clock()).total_seconds()
        self._soon.clear()
        try:
            async with asyncio.timeout(min(max(left, _LEAST_SECONDS), self._most_seconds)):
                await self._soon.wait()
        except TimeoutError:
            pass
