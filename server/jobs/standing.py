"""Tells those who wait at which place they stand, why, and about how long: now and then, and only what is news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from server.jobs.life import JobLife
from server.jobs.waiting import Waiting

_LOG = logging.getLogger("jindu.jobs")
_EVERY_SECONDS = 1.0
_MOST_TOLD = 50  # at a time: a line of a thousand is told within some seconds, its first places first

Waits = Callable[[], Mapping[str, Waiting]]


class Standing:
    """`waits` are asked in turn what waits there: the queue for those that have not begun, the workers for others."""

    def __init__(self, *, life: JobLife, waits: tuple[Waits, ...], every_seconds: float = _EVERY_SECONDS) -> None:
        self._life = life
        self._waits = waits
        self._every_seconds = every_seconds
        self._told: set[str] = set()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                self.tell()
            except Exception:
                _LOG.exception("who waits could not be told", extra={"action": "tell_waiting"})

    def tell(self) -> None:
        waiting: dict[str, Waiting] = {}
        for waits in self._waits:
            waiting |= waits()
        for job_id in self._told - waiting.keys():
            self._life.tell_waiting(job_id, None)
        self._told &= waiting.keys()
        for job_id in self._news(waiting)[:_MOST_TOLD]:
            self._life.tell_waiting(job_id, waiting[job_id])
            self._told.add(job_id)

    def _news(self, waiting: Mapping[str, Waiting]) -> list[str]:
        """First places first."""
        known = ((job_id, self._life.table.get(job_id)) for job_id in waiting)
        news = [job.id for job_id, job in known if job is not None and waiting[job_id].is_news_after(job.waiting)]
        return sorted(news, key=lambda job_id: waiting[job_id].place or 0)
