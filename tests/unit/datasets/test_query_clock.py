"""The clock that a report's queries read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits

EVENING = datetime(2026, 10, 31, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai"))


def answer(expression: str, now: datetime | None = EVENING) -> Any:
    with QuerySession({}, QueryLimits(seconds=10), now=now) as session:
        [[value]] = session.execute(f"select {expression}").rows
    return value


@pytest.mark.parametrize("words", ["today()", "current_date", "now()::date", "localtimestamp::date"])
def test_today_is_the_day_of_the_report_in_its_zone(words: str) -> None:
    assert answer(words) == date(2026, 10, 31)


@pytest.mark.parametrize("words", ["now()", "current_timestamp", "get_current_timestamp()", "transaction_timestamp()"])
def test_now_is_the_moment_of_the_report(words: str) -> None:
    assert answer(f"{words} = timestamptz '2026-10-31 15:59:59+00'") is True


@pytest.mark.parametrize("words", ["localtime", "current_time::time", "current_localtime()"])
def test_so_is_the_time_of_day(words: str) -> None:
    assert answer(f"{words}::text") == "23:59:59"


def test_ages_are_counted_from_it() -> None:
    assert answer("date_part('month', age(timestamp '2026-01-01'))") == 9
    assert answer("date_part('year', age(date '2026-01-01', date '2024-01-01'))") == 2


def test_days_of_moments_are_those_of_its_zone() -> None:
    assert answer("date_trunc('day', timestamptz '2026-10-30 22:00:00+00')::date") == date(2026, 10, 31)


def test_what_is_drawn_at_random_is_drawn_alike() -> None:
    for drawn in ("random()", "uuid()::text"):
        assert answer(drawn) == answer(drawn)


def test_without_a_clock_it_is_the_present() -> None:
    assert answer("today()", now=None) >= date(2026, 11, 26)
    assert answer("today()", now=datetime(1999, 1, 1, tzinfo=UTC)) == date(1999, 1, 1)
