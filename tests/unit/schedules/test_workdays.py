"""Working days by country, 调休 among them, and where what falls on another day goes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server.schedules.timing import next_times, times_until
from server.schedules.workdays import DayOff, WorkdayRule, countries, known_until

ZONE = "Asia/Shanghai"
SEPTEMBER = datetime(2026, 9, 17, tzinfo=UTC)


def days(cron: str, day_off: DayOff, *, after: datetime = SEPTEMBER, country: str = "CN", count: int = 5) -> list[str]:
    rule = WorkdayRule(country=country, day_off=day_off)
    found = next_times(cron, ZONE, after, count, rule)
    assert all(each.local.hour == 8 for each in found)
    return [f"{each.local:%m-%d}" + (f"<{each.moved_from:%m-%d}" if each.moved_from else "") for each in found]


def test_worked_weekends_come_and_holidays_do_not() -> None:
    """20 September 2026 is a Sunday on which China works; 25 to 27 are the Mid-Autumn Festival."""
    assert days("0 8 * * *", DayOff.SKIP) == ["09-18", "09-20", "09-21", "09-22", "09-23"]
    assert days("0 8 * * *", DayOff.SKIP, country="DE") == ["09-18", "09-21", "09-22", "09-23", "09-24"]


def test_what_falls_on_a_day_off_is_moved_and_says_so() -> None:
    """1 to 7 October is the National Day; 10 October is a Saturday that is worked."""
    begin = datetime(2026, 9, 28, tzinfo=UTC)
    assert days("0 8 1 * *", DayOff.NEXT, after=begin, count=3) == ["10-08<10-01", "11-02<11-01", "12-01"]
    assert days("0 8 1 * *", DayOff.PREVIOUS, after=begin, count=3) == ["09-30<10-01", "10-30<11-01", "12-01"]
    assert days("0 8 10 10 *", DayOff.NEXT, after=begin, count=1) == ["10-10"]


def test_several_that_are_moved_to_one_day_come_once() -> None:
    begin = datetime(2026, 9, 30, 12, tzinfo=UTC)
    assert days("0 8 * * *", DayOff.NEXT, after=begin, count=3) == ["10-08", "10-09", "10-10"]
    # Asked in the middle of the holidays, what was before is still to come.
    within = datetime(2026, 10, 5, tzinfo=UTC)
    assert days("0 8 1 * *", DayOff.NEXT, after=within, count=1) == ["10-08<10-01"]
    assert days("0 8 1 * *", DayOff.PREVIOUS, after=within, count=1) == ["10-30<11-01"]


def test_what_comes_each_minute_leaves_whole_days_out() -> None:
    rule = WorkdayRule(country="CN")
    (found,) = next_times("* * * * *", ZONE, datetime(2026, 9, 30, 15, 59, tzinfo=UTC), 1, rule)
    assert found.local.isoformat() == "2026-10-08T00:00:00+08:00"


def test_times_that_were_missed_are_those_of_working_days() -> None:
    first, until = datetime(2026, 9, 30, tzinfo=UTC), datetime(2026, 10, 9, 1, tzinfo=UTC)
    rule = WorkdayRule(country="CN")
    past = times_until("0 8 * * *", ZONE, first=first, until=until, most=24, workdays=rule)
    assert [at.day for at in past.times] == [30, 8, 9]


@pytest.mark.parametrize(
    ("country", "year", "end"), [("CN", 2024, date(2026, 12, 31)), ("CN", 2020, date(2022, 12, 31)), ("DE", 2026, None)]
)
def test_a_table_that_is_decreed_year_by_year_says_when_it_ends(country: str, year: int, end: date | None) -> None:
    assert known_until(country, date(year, 11, 28)) == end
    assert country in countries()
