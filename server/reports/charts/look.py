"""What all charts share: which rows are drawn, and what in them can be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import are_months
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import QueryRow, Rows, cut_of, rows_of
from server.reports.sums import exact_sum

MOST_POINTS = 5_000  # more cannot be told apart, and would make the file heavy
_NAMED = 3  # of what a note is about


def points(chart: Chart, rows: Rows) -> tuple[Chart, list[QueryRow]]:
    """Of a chart with a mark for each row: the rows that are drawn, and the chart with a note where these are not all.

    What adds rows up does so with all of them, and limits what it came to.
    """
    found = rows_of(rows)
    if len(found) > MOST_POINTS:
        _taken, count = cut_of(rows) or (0, None)
        chart = chart.noting("first_drawn", shown=MOST_POINTS, count=count or len(found))
    return chart, found[:MOST_POINTS]


def axis_labels(values: list[Any], formats: Formats, *, column: str) -> list[str]:
    """Dates lose the year when all share it, and become months when all are the first of one."""
    return labels_along(values, formats, column=column)[0]


def labels_along(values: list[Any], formats: Formats, *, column: str) -> tuple[list[str], list[str]]:
    """Labels of an axis, and (where they leave out the year) the same with it."""
    values = [_local(value, formats) for value in values]
    days = [value.date() if isinstance(value, datetime) else value for value in values]
    if not days or not all(isinstance(day, date) for day in days):
        return [formats.in_column(value, column) for value in values], []
    if any(isinstance(value, datetime) and (value.hour or value.minute) for value in values):
        return [formats.text(value, ValueFormat(kind="datetime")) for value in values], []
    is_one_year = len({day.year for day in days}) == 1
    if len(days) > 1 and are_months(days):
        full = [formats.short_month(day, with_year=True) for day in days]
        return ([formats.short_month(day, with_year=False) for day in days], full) if is_one_year else (full, [])
    full = [formats.text(day, ValueFormat(kind="date")) for day in days]
    return ([formats.short_day(day) for day in days], full) if is_one_year else (full, [])


def _local(value: Any, formats: Formats) -> Any:
    """Moments as clocks of the report's time zone have them."""
    is_aware = isinstance(value, datetime) and value.tzinfo is not None
    return value.astimezone(formats.zone).replace(tzinfo=None) if is_aware else value


def number(value: Any) -> Any:
    """What can be drawn, of a duration its seconds; anything else leaves a gap."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def key(value: Any) -> Any:
    """What rows of the same place share; lists and the like, which Python cannot look up, by what they say."""
    try:
        hash(value)
    except TypeError:
        return str(value)
    return value


def added_up(values: Iterable[Any]) -> Any:
    """The sum of values that can be drawn, of one alone itself; what is a gap adds nothing, gaps alone are one."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return known[0] if known else None
    return exact_sum(known)


def named(names: list[str]) -> str:
    """The first of them, and whether there are more, for a note."""
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
