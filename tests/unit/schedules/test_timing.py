"""When cron fires: a table of days on which the clocks change, leap days, last days, and what was missed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise, takewhile

import pytest

from server.errors import InvalidInput
from server.schedules.timing import DaysMeant, days_meant, next_times, require_cron, times_after, times_until

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE, SHANGHAI = "Australia/Lord_Howe", "Asia/Shanghai"  # half an hour of summer time; none


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected", "change"),
    [
        ("30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", "2026-03-29T03:00:00+02:00", "skipped"),
        ("30 2 * * *", BERLIN, "2026-03-29T03:00+02:00", "2026-03-30T02:30:00+02:00", ""),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", "2026-10-25T02:30:00+02:00", "repeated"),
        ("30 2 * * *", BERLIN, "2026-10-25T02:30+02:00", "2026-10-26T02:30:00+01:00", ""),
        ("30 2 * * *", BERLIN, "2026-10-25T02:10+01:00", "2026-10-26T02:30:00+01:00", ""),  # begun in the second round
        ("0 3 * * *", BERLIN, "2026-03-28T12:00+01:00", "2026-03-29T03:00:00+02:00", ""),
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00-05:00", "2026-03-08T03:00:00-04:00", "skipped"),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00-04:00", "2026-11-01T01:30:00-04:00", "repeated"),
        ("30 1 * * *", NEW_YORK, "2026-11-01T01:30-04:00", "2026-11-02T01:30:00-05:00", ""),
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00+10:30", "2026-10-04T02:30:00+11:00", "skipped"),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00+11:00", "2026-04-05T01:45:00+11:00", "repeated"),
        ("45 1 * * *", LORD_HOWE, "2026-04-05T01:45+11:00", "2026-04-06T01:45:00+10:30", ""),
        ("30 2 * * *", SHANGHAI, "2026-03-28T12:00+08:00", "2026-03-29T02:30:00+08:00", ""),
        ("0 8 29 2 *", SHANGHAI, "2026-11-27T12:00+08:00", "2028-02-29T08:00:00+08:00", ""),
        ("0 8 L * *", SHANGHAI, "2028-01-31T12:00+08:00", "2028-02-29T08:00:00+08:00", ""),
        ("0 8 L * *", SHANGHAI, "2026-01-31T12:00+08:00", "2026-02-28T08:00:00+08:00", ""),
        ("0 8 1 * *", SHANGHAI, "2026-11-27T12:00+08:00", "2026-12-01T08:00:00+08:00", ""),
        ("0 8 13 * 5", BERLIN, "2026-11-27T12:00+01:00", "2026-12-04T08:00:00+01:00", ""),  # a Friday, or the 13th
    ],
)
def test_the_next_time(cron: str, zone: str, after: str, expected: str, change: str) -> None:
    (found,) = next_times(cron, zone, datetime.fromisoformat(after), 1)
    assert (found.local.isoformat(), found.change) == (expected, change)


def test_stars_go_by_elapsed_time() -> None:
    """No hour of silence, and none twice."""
    before = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert [at.hour for at in islice(times_after("0 * * * *", BERLIN, before), 5)] == [0, 1, 2, 3, 4]
    before = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    found = [(at.hour, at.minute) for at in islice(times_after("*/30 * * * *", BERLIN, before), 4)]
    assert found == [(0, 30), (1, 0), (1, 30), (2, 0)]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE, SHANGHAI])
@pytest.mark.parametrize("cron", ["30 2 * * *", "*/10 * * * *", "0 1-3 * * *", "15,45 */2 * * *"])
def test_each_time_of_a_year_is_later_than_the_one_before(zone: str, cron: str) -> None:
    times = list(islice(times_after(cron, zone, datetime(2026, 1, 1, tzinfo=UTC)), 9_000))
    assert all(first < second for first, second in pairwise(times))
    days = {at for at in times if at.year == 2026}
    assert cron != "30 2 * * *" or len(days) == 365


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "@daily", "0 8 1 * * *", "61 * * * *", "0 0 30 2 *", "0 8 1 * 9", "a b c d e", "０ 8 1 * *"]
)
def test_what_is_no_time_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_cron(cron)
    assert [problem.field for problem in refused.value.errors] == ["cron"]


def test_a_day_that_no_such_month_has_is_said_so() -> None:
    said = []
    for cron in ("0 0 30 2 *", "0 0 32 2 *", "0 0 30 13 *"):
        with pytest.raises(InvalidInput) as refused:
            require_cron(cron)
        said.append(refused.value.errors[0].message.partition(":")[0])
    assert said == ["There is no such day", "Write five fields", "Write five fields"]


@pytest.mark.parametrize(
    ("cron", "meant", "days"),
    [
        ("0 8 13 * *", DaysMeant.ONE, [13]),
        ("0 8 * * 5", DaysMeant.ONE, [6, 13, 20, 27]),
        ("0 8 13 * 1", DaysMeant.EITHER, [2, 9, 13, 16, 23, 30]),
        ("0 8 */2 * 1", DaysMeant.BOTH, [9, 23]),  # as Debian's cron: what begins with `*` counts as one
        ("0 8 13 * */5", DaysMeant.BOTH, [13]),
    ],
)
def test_whether_either_day_will_do_or_both_have_to_fit_is_said_as_it_is(
    cron: str, meant: DaysMeant, days: list[int]
) -> None:
    found = times_after(cron, "UTC", datetime(2026, 11, 1, tzinfo=UTC))
    assert days_meant(cron) is meant
    assert [at.day for at in takewhile(lambda at: at.month == 11, found)] == days


def test_of_what_was_missed_the_newest_are_found_without_counting_all() -> None:
    first, now = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 11, 27, 20, 1, tzinfo=UTC)
    minutes = times_until("* * * * *", BERLIN, first=first, until=now, most=24)
    assert (minutes.times[0].minute, minutes.times[-1].minute, minutes.has_more) == (38, 1, True)
    months = times_until("0 8 1 * *", BERLIN, first=datetime(2026, 9, 1, 6, tzinfo=UTC), until=now, most=24)
    assert [at.month for at in months.times] == [9, 10, 11]
    assert not months.has_more
    at_once = times_until("0 8 1 * *", BERLIN, first=now, until=now, most=24)
    assert at_once.times == [now]
