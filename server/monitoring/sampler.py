"""Every ten seconds: what the parts have counted becomes a sample, and the server says that it lives."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from server.monitoring.pulse import LastPulse, Pulse
from server.monitoring.samples import STEP_SECONDS, SampleStore
from server.monitoring.summing import CountedSince, MetricSample, together
from server.monitoring.uptime import Heartbeat, forget_runs
from server.storage.database import NOT_NOW, Database

_LOG = logging.getLogger("jindu.monitoring")
_FORGET_SECONDS = 600


class Sampler:
    """`sources` are the `statistics()` of the server's parts by name; `slow_sources` are read in a thread."""

    def __init__(
        self,
        *,
        database: Database,
        store: SampleStore,
        heartbeat: Heartbeat,
        sources: Mapping[str, Callable[[], object]],
        slow_sources: Mapping[str, Callable[[], object]],
        kept_days: float,
        pulse: Pulse,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._store = store
        self._heartbeat = heartbeat
        self._sources = sources
        self._slow_sources = slow_sources
        self._kept = timedelta(days=kept_days)
        self._pulse = pulse
        self._clock = clock
        self._differences = CountedSince()
        self._unstored: MetricSample = {}
        self._sampled_at: float | None = None  # by a clock that nobody sets

    def seconds_since_sample(self) -> float | None:
        """Since figures were last kept; None when they never were."""
        return None if self._sampled_at is None else time.monotonic() - self._sampled_at

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From here on the server counts as up; at the end as stopped in order."""
        last = await asyncio.to_thread(self._pulse.last)
        async with self._database.write() as connection:
            if last is not None:
                await self._heartbeat.mend(connection, last, self._now())
            await self._heartbeat.begin(connection, self._now())
        tasks = [
            asyncio.create_task(self._run(), name="sample"),
            asyncio.create_task(self._pulse.run(self._alive), name="pulse"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._end()

    def _alive(self) -> LastPulse:
        return LastPulse(run_id=self._heartbeat.run_id, at=self._now())

    async def sample(self, *, is_last: bool = False) -> None:
        """What was not stored this time is stored with the next."""
        readings = await self.readings(with_slow_ones=not is_last)
        self._unstored = together((self._unstored, self._differences.since_last(readings)))
        now = self._clock()
        at = int(now) - int(now) % STEP_SECONDS - (0 if is_last else STEP_SECONDS)
        async with self._database.write() as connection:
            await self._store.add(connection, self._heartbeat.node, at, self._unstored)
            await (self._heartbeat.end if is_last else self._heartbeat.beat)(connection, self._now())
            if at % _FORGET_SECONDS == 0:
                await self._store.forget(connection, at)
                await forget_runs(connection, self._now() - self._kept)
        self._unstored, self._sampled_at = {}, time.monotonic()

    async def readings(self, *, with_slow_ones: bool = True) -> dict[str, Any]:
        """Of all parts at this moment."""
        slow = await asyncio.to_thread(lambda: _read(self._slow_sources)) if with_slow_ones else {}
        return {"process": None} | slow | _read(self._sources)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(STEP_SECONDS - self._clock() % STEP_SECONDS)  # all nodes at the same moments
            try:
                await self.sample()
            except NOT_NOW:  # said in the log already: that time counts as down
                pass
            except Exception:
                _LOG.exception("figures could not be kept", extra={"action": "sample"})

    async def _end(self) -> None:
        try:
            await self.sample(is_last=True)
        except NOT_NOW:
            _LOG.warning("the end could not be recorded: it will count as a crash", extra={"action": "sample"})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _read(sources: Mapping[str, Callable[[], object]]) -> dict[str, object]:
    return {name: read() for name, read in sources.items()}
