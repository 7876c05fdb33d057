"""What all charts share: which rows are drawn, and what in them can be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import are_months
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import QueryRow, Rows, is_truncated, rows_of
from server.reports.sums import exact_sum

_MAX_POINTS = 5_000  # more cannot be told apart, and would make the file heavy


def points(chart: Chart, rows: Rows) -> tuple[Chart, list[QueryRow]]:
    """The rows that are drawn, and the chart with a note where these are not all."""
    found = rows_of(rows)
    if is_truncated(rows):
        chart = chart.noting("truncated", count=len(found))
    if len(found) > _MAX_POINTS:
        chart = chart.noting("first_drawn", shown=_MAX_POINTS, count=len(found))
    return chart, found[:_MAX_POINTS]


def axis_labels(values: list[Any], formats: Formats, *, column: str) -> list[str]:
    """Dates lose the year when all share it, and become months when all are the first of one."""
    values = [_local(value, formats) for value in values]
    days = [value.date() if isinstance(value, datetime) else value for value in values]
    if not days or not all(isinstance(day, date) for day in days):
        return [formats.in_column(value, column) for value in values]
    if any(isinstance(value, datetime) and (value.hour or value.minute) for value in values):
        return [formats.text(value, ValueFormat(kind="datetime")) for value in values]
    if len(days) > 1 and are_months(days):
        return [formats.short_month(day, with_year=len({day.year for day in days}) > 1) for day in days]
    if len({day.year for day in days}) == 1:
        return [formats.short_day(day) for day in days]
    return [formats.text(day, ValueFormat(kind="date")) for day in days]


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


def added(one: Any, other: Any) -> Any:
    """The sum of two values that can be drawn; what is a gap adds nothing."""
    if one is None or other is None:
        return other if one is None else one
    return exact_sum([one, other])
