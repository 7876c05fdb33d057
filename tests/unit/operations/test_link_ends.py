"""When share links end: to the end of a day where somebody is, at a moment, and no later than is allowed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server.errors import Forbidden, InvalidInput
from server.operations.link_ends import LinkRules, end_of_day
from tests.unit.operations.conftest import refused

NOW = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)  # in Shanghai it is the 28th already
MONTH = LinkRules(are_on=True, max_days=30)
ENDLESS = LinkRules(are_on=True, max_days=0)


@pytest.mark.parametrize(
    ("written", "zone", "end"),
    [
        ("2026-11-30", "Asia/Shanghai", datetime(2026, 11, 30, 16, tzinfo=UTC)),
        ("2026-11-28", "Asia/Shanghai", datetime(2026, 11, 28, 16, tzinfo=UTC)),  # today
        ("2026-11-27", "America/New_York", datetime(2026, 11, 28, 5, tzinfo=UTC)),
        ("2026-11-30T18:00:00+08:00", "UTC", datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("2026-11-27T20:00:01Z", "UTC", datetime(2026, 11, 27, 20, 0, 1, tzinfo=UTC)),
        ("2027-03-27", "Europe/Berlin", datetime(2027, 3, 27, 23, tzinfo=UTC)),
        ("2027-03-28", "Europe/Berlin", datetime(2027, 3, 28, 22, tzinfo=UTC)),  # a day of 23 hours
    ],
)
def test_a_day_ends_at_its_24_hours_where_somebody_is(written: str, zone: str, end: datetime) -> None:
    assert ENDLESS.end_of(written, zone, NOW) == end


@pytest.mark.parametrize(
    "written",
    ["2026-11-26", "2026-11-27T20:00:00Z", "2026-11-31", "2026-11-30T18:00:00", "soon", "", "0001-01-01", "9999-12-31"],
)
def test_what_is_over_or_no_day_is_refused(written: str) -> None:
    with refused(InvalidInput, fields=("expires_at",)):
        ENDLESS.end_of(written, "UTC", NOW)


def test_the_last_day_that_is_allowed_is_allowed_to_its_end() -> None:
    last = MONTH.latest_day("Asia/Shanghai", NOW)
    assert last == date(2026, 12, 28)
    end = MONTH.end_of(last.isoformat(), "Asia/Shanghai", NOW)
    assert end == end_of_day(last, "Asia/Shanghai")
    for later in ((last + timedelta(days=1)).isoformat(), (end + timedelta(seconds=1)).isoformat(), None):
        with refused(InvalidInput, fields=("expires_at",)):
            MONTH.end_of(later, "Asia/Shanghai", NOW)
    assert ENDLESS.end_of(None, "UTC", NOW) is None
    assert ENDLESS.latest_day("UTC", NOW) is None


def test_unless_somebody_says_more_it_is_a_month_or_what_is_allowed() -> None:
    assert ENDLESS.default_day("UTC", NOW) == date(2026, 12, 27)
    assert LinkRules(are_on=True, max_days=7).default_day("UTC", NOW) == date(2026, 12, 4)


def test_they_may_be_switched_off() -> None:
    MONTH.require_on()
    with refused(Forbidden):
        LinkRules(are_on=False, max_days=0).require_on()
