"""When the server was up: one row for each run of a node, kept alive by a beat. It is up while any node serves people.

What nobody wrote a beat for counts as down, whatever the reason: a crash, a frozen process, a machine asleep, a
database that could not be written to. What ended because somebody stopped it in order is planned. What a clock skips
when it is set never was, and of the time after a backup that was restored nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.monitoring.pulse import LastPulse
from server.storage.tables import server_runs

BEAT_SECONDS = 10
_BETWEEN_BEATS = timedelta(seconds=BEAT_SECONDS + 2)  # with some time to store it
_MISSED = timedelta(seconds=3 * BEAT_SECONDS)  # a longer silence within a run is an outage


class RunEnding(StrEnum):
    STOPPED = "stopped"  # in order
    SILENT = "silent"  # its beats ceased, and went on later
    CLOCK_SET = "clock_set"  # it went on at once, at another time
    RESTORED = "restored"  # it went on, but what it wrote then was not in the backup that was restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`ending` is None while it lives, and of one that crashed, which could not say so."""

    node: str
    version: str
    role: str = "all"
    started_at: datetime
    seen_at: datetime
    ending: RunEnding | None

    @property
    def serves_people(self) -> bool:
        return self.role != "worker"

    @property
    def runs_jobs(self) -> bool:
        return self.role != "web"

    def is_alive(self, now: datetime) -> bool:
        """Whether its next beat may still come."""
        return self.ending is None and now - self.seen_at <= _MISSED


class GapKind(StrEnum):
    DOWN = "down"
    PLANNED = "planned"
    SKIPPED = "skipped"  # by a clock that was set, or not in a backup: in no list, and no part of any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """No node was up that serves people."""

    begin: datetime
    end: datetime
    kind: GapKind

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Of the part of a time about which anything is known: from the first run ever on.

    `known_since` is when that part begins, None when nothing is known; `is_whole` says that it is all of the time.
    """

    known_since: datetime | None
    is_whole: bool
    known_seconds: float
    down_seconds: float
    planned_seconds: float
    gaps: tuple[Gap, ...]

    @property
    def share(self) -> float | None:
        """From 0 to 1, without what was planned; None when nothing is known."""
        expected = self.known_seconds - self.planned_seconds
        return 1 - self.down_seconds / expected if expected > 0 else None


def _seconds_passed() -> float:
    """By a clock that nobody sets, and that goes on while the machine is asleep, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Heartbeat:
    """One node's. Its methods are called with a transaction that writes."""

    def __init__(
        self, *, node: str, version: str, role: str = "all", passed: Callable[[], float] = _seconds_passed
    ) -> None:
        self.node = node
        self._version = version
        self._role = role
        self._passed = passed
        self._id = ""
        self._seen_at = datetime.min.replace(tzinfo=UTC)
        self._passed_at_beat = 0.0

    async def begin(self, connection: AsyncConnection, now: datetime) -> None:
        self._id, self._seen_at, self._passed_at_beat = new_id(), now, self._passed()
        await connection.execute(
            insert(server_runs).values(
                id=self._id,
                node=self.node,
                version=self._version,
                role=self._role,
                started_at=now,
                seen_at=now,
                ending=None,
            )
        )

    @property
    def run_id(self) -> str:
        return self._id

    async def mend(self, connection: AsyncConnection, last: LastPulse, now: datetime) -> None:
        """Lengthen the run that crashed to its last sign of life, before the next one begins.

        Not by more than a beat: that it lived on without being able to store one was an outage.
        """
        if last.at > now:
            return
        crashed = (server_runs.c.id == last.run_id, server_runs.c.ending.is_(None))
        since_beat = (server_runs.c.seen_at < last.at, server_runs.c.seen_at >= last.at - _BETWEEN_BEATS)
        await connection.execute(update(server_runs).where(*crashed, *since_beat).values(seen_at=last.at))

    async def beat(self, connection: AsyncConnection, now: datetime) -> None:
        """After a long silence, or when the clock was set, a new run begins: that time is not made up."""
        passed = self._passed()
        was_silent = passed - self._passed_at_beat > _MISSED.total_seconds()
        if was_silent or not self._seen_at <= now <= self._seen_at + _MISSED:
            await self._set(connection, ending=RunEnding.SILENT if was_silent else RunEnding.CLOCK_SET)
            await self.begin(connection, now)
            return
        self._seen_at, self._passed_at_beat = now, passed
        await self._set(connection, seen_at=now)

    async def end(self, connection: AsyncConnection, now: datetime) -> None:
        await self.beat(connection, now)
        await self._set(connection, ending=RunEnding.STOPPED)

    async def _set(self, connection: AsyncConnection, **values: object) -> None:
        await connection.execute(update(server_runs).where(server_runs.c.id == self._id).values(values))


async def end_with_backup(connection: AsyncConnection, made_at: datetime) -> None:
    """Those that lived when the backup was made, which is being restored: they did not end with it."""
    lived = (server_runs.c.ending.is_(None), server_runs.c.seen_at >= made_at - _MISSED)
    await connection.execute(update(server_runs).where(*lived).values(ending=RunEnding.RESTORED))


async def runs_since(connection: AsyncConnection, since: datetime) -> Sequence[Run]:
    """Those of all nodes that lived after `since`, and the last before it that served people: it explains the gap."""
    lived = await connection.execute(
        select(server_runs).where(server_runs.c.seen_at >= since).order_by(server_runs.c.started_at, server_runs.c.id)
    )
    before = await connection.execute(
        select(server_runs)
        .where(server_runs.c.seen_at < since, server_runs.c.role != "worker")
        .order_by(server_runs.c.seen_at.desc())
        .limit(1)
    )
    return [_run(row) for row in (*before, *lived)]


def _run(row: Row[Any]) -> Run:
    return Run(
        node=row.node,
        version=row.version,
        role=row.role,
        started_at=row.started_at,
        seen_at=row.seen_at,
        ending=RunEnding(row.ending) if row.ending else None,
    )


def last_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """The last sign of life of each node, by its name."""
    return {run.node: run for run in sorted(runs, key=lambda each: each.seen_at)}


async def forget_runs(connection: AsyncConnection, before: datetime) -> None:
    await connection.execute(delete(server_runs).where(server_runs.c.seen_at < before))


UptimeSpan = tuple[datetime, datetime]


def availability(
    runs: Sequence[Run], begin: datetime, now: datetime, planned: Sequence[UptimeSpan] = ()
) -> Availability:
    """Between `begin` and `now`, from `runs_since(begin)`. What was down within `planned` spans was meant to be."""
    runs = [run for run in runs if run.serves_people]
    if not runs:
        return Availability(
            known_since=None, is_whole=False, known_seconds=0, down_seconds=0, planned_seconds=0, gaps=()
        )
    known_from = min(max(begin, min(run.started_at for run in runs)), now)
    gaps = tuple(_apart(_within(_gaps(runs, now), known_from, now), planned))
    down, meant, skipped = (sum(gap.seconds for gap in gaps if gap.kind is kind) for kind in GapKind)
    return Availability(
        known_since=known_from,
        is_whole=known_from <= begin,
        known_seconds=(now - known_from).total_seconds() - skipped,
        down_seconds=down,
        planned_seconds=meant,
        gaps=tuple(gap for gap in gaps if gap.kind is not GapKind.SKIPPED),
    )


def _gaps(runs: Sequence[Run], now: datetime) -> Iterable[Gap]:
    """Between the times at which any node was up; the last one counts as up as long as its next beat may come."""
    up: list[Run] = []
    for run in sorted(runs, key=lambda each: each.started_at):
        if not up or run.seen_at > up[-1].seen_at:
            up.append(run)
    for one, following in pairwise(up):
        yield Gap(begin=one.seen_at, end=following.started_at, kind=_kind_after(one))
    last = up[-1]
    if not last.is_alive(now):
        yield Gap(begin=last.seen_at, end=now, kind=_kind_after(last))


def _kind_after(run: Run) -> GapKind:
    kinds = {
        RunEnding.STOPPED: GapKind.PLANNED,
        RunEnding.CLOCK_SET: GapKind.SKIPPED,
        RunEnding.RESTORED: GapKind.SKIPPED,
    }
    return kinds.get(run.ending, GapKind.DOWN) if run.ending else GapKind.DOWN


def _within(gaps: Iterable[Gap], begin: datetime, end: datetime) -> Iterable[Gap]:
    for gap in gaps:
        first, last = max(gap.begin, begin), min(gap.end, end)
        if first < last:
            yield Gap(begin=first, end=last, kind=gap.kind)


def _apart(gaps: Iterable[Gap], planned: Sequence[UptimeSpan]) -> Iterable[Gap]:
    """Each gap in pieces: what of it lies in a span, and the rest."""
    for gap in gaps:
        inside = [(max(first, gap.begin), min(last, gap.end)) for first, last in planned]
        edges = sorted({gap.begin, gap.end, *(edge for span in inside if span[0] < span[1] for edge in span)})
        for first, last in pairwise(edges):
            is_meant = gap.kind is GapKind.DOWN and any(begin <= first and last <= end for begin, end in planned)
            yield Gap(begin=first, end=last, kind=GapKind.PLANNED if is_meant else gap.kind)
