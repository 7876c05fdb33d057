"""Maintenance lasts exactly as long as was said, by the clock on the wall, also in the weeks when that is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from server.alerts.windows import (
    MaintenanceWindow,
    end_window,
    forget_windows,
    put_window,
    spans_of,
    windows_since,
)
from server.clock import new_id
from server.storage.database import Database

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def window(
    begin: str, *, zone: str = "UTC", minutes: float = 60, weekly: bool = False, ended: datetime | None = None
) -> MaintenanceWindow:
    return MaintenanceWindow(
        id=new_id(),
        begin=datetime.fromisoformat(begin),
        time_zone=zone,
        seconds=minutes * 60,
        is_weekly=weekly,
        note="",
        created_by="admin",
        created_at=NOON,
        ended_at=ended,
    )


def test_it_is_under_way_from_its_first_second_to_its_last() -> None:
    one = window("2026-11-27T20:00", zone="Asia/Shanghai")  # noon in UTC
    assert not one.is_under_way(NOON - timedelta(seconds=1))
    assert one.is_under_way(NOON)
    assert one.is_under_way(NOON + timedelta(minutes=59, seconds=59))
    assert not one.is_under_way(NOON + timedelta(minutes=60))


def test_a_weekly_one_keeps_the_hour_of_its_zone() -> None:
    weekly = window("2026-10-18T03:00", zone="Europe/Berlin", weekly=True)
    begins = [first for first, _ in weekly.spans(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))]
    assert begins == [  # the clock was set back on the 25th
        datetime(2026, 10, 18, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 2, tzinfo=UTC),
        datetime(2026, 11, 1, 2, tzinfo=UTC),
    ]
    assert weekly.next_span(datetime(2036, 1, 1, tzinfo=UTC)) is not None


def test_one_in_an_hour_that_there_is_not_still_lasts_as_long() -> None:
    (span,) = window("2026-03-29T02:30", zone="Europe/Berlin").spans(
        datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    )
    assert span[1] - span[0] == timedelta(hours=1)


def test_one_that_is_cut_short_is_over() -> None:
    cut = window("2026-11-27T12:00", ended=NOON + timedelta(minutes=10))
    assert cut.is_under_way(NOON + timedelta(minutes=9))
    assert not cut.is_under_way(NOON + timedelta(minutes=10))
    never = window("2026-11-28T12:00", ended=NOON)
    assert never.next_span(NOON - timedelta(days=1)) is None


async def ids(connection: AsyncConnection, since: datetime) -> set[str]:
    return {each.id for each in await windows_since(connection, since)}


async def test_what_was_stays_in_the_past_for_as_long_as_it_is_asked_for(database: Database) -> None:
    past, weekly, later = (
        window("2026-11-20T12:00"),
        window("2026-11-01T12:00", weekly=True),
        window("2026-12-01T12:00"),
    )
    async with database.write() as connection:
        for each in (past, weekly, later):
            await put_window(connection, each)
        assert await ids(connection, NOON - timedelta(days=30)) == {past.id, weekly.id, later.id}
        assert await ids(connection, NOON) == {weekly.id, later.id}
        assert await end_window(connection, weekly.id, NOON)
        assert not await end_window(connection, weekly.id, NOON)
        found = await windows_since(connection, NOON - timedelta(days=30))
        assert len(spans_of(found, NOON - timedelta(days=30), NOON)) == 5
        await forget_windows(connection, NOON + timedelta(days=1))
        assert await ids(connection, NOON - timedelta(days=30)) == {later.id}
