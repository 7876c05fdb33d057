"""Words of templates that mean another day each day: `last_month`, `year_to_date`."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta


def _first(day: date) -> date:
    return day.replace(day=1)


def _last(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


DATES: dict[str, Callable[[date], date]] = {
    "today": lambda today: today,
    "yesterday": lambda today: today - timedelta(days=1),
    "this_month": _first,
    "last_month": lambda today: _first(_first(today) - timedelta(days=1)),
    "start_of_month": _first,
    "end_of_month": _last,
    "start_of_last_month": lambda today: _first(_first(today) - timedelta(days=1)),
    "end_of_last_month": lambda today: _first(today) - timedelta(days=1),
    "start_of_year": lambda today: date(today.year, 1, 1),
    "this_year": lambda today: date(today.year, 1, 1),
    "last_year": lambda today: date(today.year - 1, 1, 1),
}
YEARS = ("this_year", "last_year")


def _quarter(day: date) -> date:
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def _before(first: date) -> date:
    return first - timedelta(days=1)


_NAMED_RANGES: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (_before(today), _before(today)),
    "last_7_days": lambda today: (today - timedelta(days=6), today),
    "last_30_days": lambda today: (today - timedelta(days=29), today),
    "this_month": lambda today: (_first(today), _last(today)),
    "last_month": lambda today: (_first(_before(_first(today))), _before(_first(today))),
    "this_quarter": lambda today: (_quarter(today), _last(_quarter(today) + timedelta(days=62))),
    "last_quarter": lambda today: (_quarter(_before(_quarter(today))), _before(_quarter(today))),
    "this_year": lambda today: (date(today.year, 1, 1), date(today.year, 12, 31)),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    "year_to_date": lambda today: (date(today.year, 1, 1), today),
}
RANGES = tuple(_NAMED_RANGES)


def named_range(word: str, today: date) -> dict[str, date]:
    first, last = _NAMED_RANGES[word](today)
    return {"from": first, "to": last}
