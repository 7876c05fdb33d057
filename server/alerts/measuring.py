"""Gathers what rules look at: sums of the samples of all nodes, those of each, and what only the database knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.alerts.alert import AlertRule
from server.alerts.nodes_watched import NodeSamples, idle_seconds, nodes_of, watched_nodes
from server.alerts.subject import Measurements
from server.alerts.windows import spans_of, windows_since
from server.jobs import external_kind
from server.jobs.job import State
from server.monitoring.samples import STEP_SECONDS, SampleStore, summed
from server.monitoring.uptime import availability, runs_since
from server.storage.database import Database
from server.storage.tables import jobs

_MINUTES = 60
_DAY = timedelta(days=1)
_HOUR_SECONDS = 3_600

Known = Mapping[str, Callable[[], Awaitable[float | None]]]
"""What other parts of the house say by the name of its subject, such as the age of the last backup."""


class Measuring:
    """`is_alone`: nobody else uses the database, so that whoever was there before is this server under another name."""

    def __init__(self, *, database: Database, store: SampleStore, known: Known, is_alone: bool) -> None:
        self._database = database
        self._store = store
        self._known = known
        self._is_alone = is_alone

    async def measure(self, rules: Sequence[AlertRule], now: datetime) -> Measurements:
        end = int(now.timestamp()) - int(now.timestamp()) % STEP_SECONDS
        titles = {rule.target for rule in rules if rule.subject.needs_target}
        async with self._database.read() as connection:
            few = await self._store.between(connection, STEP_SECONDS, end - 5 * _MINUTES, end)
            hour = await self._store.between(connection, 60, end - _HOUR_SECONDS, end)
            week = await self._store.between(connection, _HOUR_SECONDS, end - 7 * 24 * _HOUR_SECONDS, end)
            runs = await runs_since(connection, now - _DAY)
            windows = await windows_since(connection, now - _DAY)
            waiting = await _longest_waiting(connection, now)
            silences = {title: await _silence(connection, title, now) for title in titles}
        samples = NodeSamples(five_minutes=few, hour=hour, week=week)
        expected = watched_nodes(runs, now, is_alone=self._is_alone)
        nodes, gone = await asyncio.to_thread(nodes_of, samples, expected, now)
        sums = await asyncio.to_thread(lambda: (summed(few), summed(hour)))
        return Measurements(
            five_minutes=sums[0],
            hour=sums[1],
            nodes=nodes,
            gone=gone,
            availability_24h=availability(runs, now - _DAY, now, spans_of(windows, now - _DAY, now)).share,
            idle_seconds=idle_seconds(runs, now),
            longest_waiting_seconds=waiting,
            script_silences={title: silence for title, silence in silences.items() if silence is not None},
            known={name: value for name, read in self._known.items() if (value := await read()) is not None},
            now=now,
        )


async def _longest_waiting(connection: AsyncConnection, now: datetime) -> float:
    """Of jobs that were never begun: one that is tried again waits on purpose."""
    oldest = select(func.min(jobs.c.created_at)).where(jobs.c.state == State.QUEUED, jobs.c.attempt == 0)
    since = await connection.scalar(oldest)
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


async def _silence(connection: AsyncConnection, title: str, now: datetime) -> float | None:
    """Since a job of a script with this title ended well; None when none ever did."""
    newest = select(func.max(jobs.c.finished_at)).where(
        jobs.c.kind == external_kind.KIND.name, jobs.c.title == title, jobs.c.state == State.SUCCEEDED
    )
    last = await connection.scalar(newest)
    return max(0.0, (now - last).total_seconds()) if last is not None else None
