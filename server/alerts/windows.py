"""Times in which somebody works on the server: nobody is told of what fires then, and what is down was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.monitoring.uptime import UptimeSpan
from server.storage.tables import maintenance_windows

_TABLE = maintenance_windows
_WEEK = timedelta(days=7)
MOST_SECONDS = 6 * 86_400.0  # a weekly one never meets itself


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """`begin` is what the clock on the wall of `time_zone` shows, each week if `is_weekly`: also when it was set."""

    id: str
    begin: datetime
    time_zone: str
    seconds: float
    is_weekly: bool
    note: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None

    def spans(self, since: datetime, until: datetime) -> Iterable[UptimeSpan]:
        """Each time it was or will be between the two, in UTC."""
        zone, length = ZoneInfo(self.time_zone), timedelta(seconds=self.seconds)
        local = self.begin
        if self.is_weekly:
            early = since.astimezone(zone).replace(tzinfo=None) - length - _WEEK
            local += max(0, (early - local) // _WEEK) * _WEEK
        while True:
            first = local.replace(tzinfo=zone).astimezone(UTC)
            last = min(first + length, self.ended_at) if self.ended_at is not None else first + length
            if first >= until or (self.ended_at is not None and first >= self.ended_at):
                return
            if last > since:
                yield first, last
            if not self.is_weekly:
                return
            local += _WEEK

    def is_under_way(self, now: datetime) -> bool:
        return any(first <= now < last for first, last in self.spans(now, now + timedelta(seconds=1)))

    def next_span(self, now: datetime) -> UptimeSpan | None:
        """The one that is under way, or comes next."""
        return next(iter(self.spans(now, now + timedelta(days=366))), None)


async def put_window(connection: AsyncConnection, window: MaintenanceWindow) -> None:
    await connection.execute(
        insert(_TABLE).values(
            id=window.id,
            begin=window.begin.isoformat(timespec="seconds"),
            time_zone=window.time_zone,
            seconds=window.seconds,
            is_weekly=window.is_weekly,
            note=window.note,
            created_by=window.created_by,
            created_at=window.created_at,
        )
    )


async def end_window(connection: AsyncConnection, window_id: str, now: datetime) -> bool:
    """From now on it is over; what it was stays in the past."""
    found = await connection.execute(
        update(_TABLE).where(_TABLE.c.id == window_id, _TABLE.c.ended_at.is_(None)).values(ended_at=now)
    )
    return bool(found.rowcount)


async def windows_since(connection: AsyncConnection, since: datetime) -> list[MaintenanceWindow]:
    """All that may have been under way after it, or will be."""
    known = or_(_TABLE.c.ended_at.is_(None), _TABLE.c.ended_at > since)
    rows = await connection.execute(select(_TABLE).where(known).order_by(_TABLE.c.id))
    windows = [_window(row) for row in rows]
    return [window for window in windows if window.next_span(since) is not None]


async def forget_windows(connection: AsyncConnection, before: datetime) -> None:
    rows = (await connection.execute(select(_TABLE).where(_TABLE.c.created_at < before))).all()
    over = [row.id for row in rows if _window(row).next_span(before) is None]
    if over:
        await connection.execute(delete(_TABLE).where(_TABLE.c.id.in_(over)))


def spans_of(windows: Sequence[MaintenanceWindow], since: datetime, until: datetime) -> list[UptimeSpan]:
    return sorted(span for window in windows for span in window.spans(since, until))


def _window(row: Row[Any]) -> MaintenanceWindow:
    return MaintenanceWindow(
        id=row.id,
        begin=datetime.fromisoformat(row.begin),
        time_zone=row.time_zone,
        seconds=row.seconds,
        is_weekly=row.is_weekly,
        note=row.note,
        created_by=row.created_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
