"""Which days are worked on in a country, and where what falls on another day goes.

Days off and the weekends that are worked in their place (调休) are those of the package `holidays`. Where governments
decree the latter year by year, its table ends: `known_until` says when, so that somebody hears of it before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from server.late import late

if TYPE_CHECKING:
    import holidays
else:
    holidays = late("holidays")

_A_DAY = timedelta(days=1)
_MOST_OFF = 40  # days off in a row; more than any country has
_YEARS_LOOKED_AT = (-2, -1, 0, 1, 2)
_YEARS_DECREED = 2  # of these, with a weekend that is worked: then it is decreed each year


class OnlyOn(StrEnum):
    """On which days a schedule comes."""

    EACH = ""
    WORKDAYS = "workdays"


class DayOff(StrEnum):
    """What becomes of a time that falls on a day off."""

    SKIP = "skip"
    NEXT = "next"  # at the same hour of the next working day
    PREVIOUS = "previous"


class WorkdayRule(msgspec.Struct, frozen=True, kw_only=True):
    """`country` is one of `countries()`."""

    country: str
    day_off: DayOff = DayOff.SKIP

    def is_workday(self, day: date) -> bool:
        return bool(_calendar(self.country).is_working_day(day))

    def next_workday(self, day: date) -> date | None:
        """The first one from `day` on; None where none comes."""
        return next((each for each in _from(day, _A_DAY) if self.is_workday(each)), None)

    def moved(self, day: date) -> date | None:
        """The day on which what falls on `day` comes; None for none."""
        if self.is_workday(day):
            return day
        if self.day_off is DayOff.SKIP:
            return None
        step = _A_DAY if self.day_off is DayOff.NEXT else -_A_DAY
        return next((each for each in _from(day, step) if self.is_workday(each)), None)


@cache
def countries() -> frozenset[str]:
    """Two letters each."""
    return frozenset(code for code in holidays.list_supported_countries() if len(code) == 2)


def known_until(country: str, today: date) -> date | None:
    """The last day whose worked weekends are decreed already; None where nobody decrees them each year."""
    worked = _calendar(country)
    known = []
    for year in (today.year + step for step in _YEARS_LOOKED_AT):
        worked.is_working_day(date(year, 1, 1))  # fills in the year
        if any(day.year == year for day in worked.weekend_workdays):
            known.append(year)
    return date(known[-1], 12, 31) if len(known) >= _YEARS_DECREED else None


@cache
def _calendar(country: str) -> Any:
    """Reading one takes a moment, once."""
    return holidays.country_holidays(country)


def _from(day: date, step: timedelta) -> Iterator[date]:
    for count in range(_MOST_OFF):
        yield day + count * step
