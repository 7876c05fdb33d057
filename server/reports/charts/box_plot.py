"""Box plots: how values are spread, by category: the middle half as a box, whiskers, and what lies far outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import axis_labels, number
from server.reports.formats import Formats
from server.reports.rows import Rows, is_truncated, rows_of
from server.reports.words import words_of

_REACH = 1.5  # of the box's height, as Tukey has it: what lies beyond is far outside
_MOST = 40
_MOST_OUTSIDE = 200  # points of one box


def box_plot(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """Of all rows with a number. Quartiles as Excel's QUARTILE.INC and SQL's `quantile_cont` have them."""
    if is_truncated(rows):
        chart = chart.noting("truncated", count=len(rows))
    found: dict[Any, list[float]] = {}
    for row in rows_of(rows):
        value = number(row[settings.y[0]])
        if value is not None:
            found.setdefault(row[settings.x], []).append(float(value))
    if not found:
        return msgspec.structs.replace(chart, is_empty=True)
    if len(found) > _MOST:
        chart = chart.noting("first_boxes", shown=_MOST, count=len(found))
        found = dict(list(found.items())[:_MOST])
    spreads = [_spread(sorted(values)) for values in found.values()]
    if any(len(spread.outside) > _MOST_OUTSIDE for spread in spreads):
        chart = chart.noting("outside", shown=_MOST_OUTSIDE)
    figures = zip(*(spread.figures for spread in spreads), strict=True)
    names = words_of(formats).box_figures
    return msgspec.structs.replace(
        chart,
        labels=axis_labels(list(found), formats, column=settings.x),
        series=[Series(name=name, values=list(values)) for name, values in zip(names, figures, strict=True)],
        outside=[_some(spread.outside) for spread in spreads],
        counts=[len(values) for values in found.values()],
    )


def beside_boxes(chart: Chart, formats: Formats) -> list[tuple[str, list[Any]]]:
    """What else is to be known of each box, by name: how many values it stands for, and those far outside."""
    if not chart.counts:
        return []
    listed = [formats.listed(formats.text(value, chart.format) for value in values) for values in chart.outside]
    return list(zip(words_of(formats).box_more, (chart.counts, listed), strict=True))


class _Spread(msgspec.Struct, frozen=True):
    """`figures`: lower whisker, first quartile, median, third quartile, upper whisker."""

    figures: tuple[float, float, float, float, float]
    outside: list[float]


def _spread(values: Sequence[float]) -> _Spread:
    """`values` are sorted; whiskers end at the last value within reach."""
    first, median, third = (_quantile(values, share) for share in (0.25, 0.5, 0.75))
    reach = (third - first) * _REACH
    within = [value for value in values if first - reach <= value <= third + reach]
    outside = [value for value in values if not first - reach <= value <= third + reach]
    return _Spread((min([*within, first]), first, median, third, max([*within, third])), outside)


def _quantile(values: Sequence[float], share: float) -> float:
    place = (len(values) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def _some(values: list[float]) -> list[float]:
    """Those at the ends are always among them."""
    if len(values) <= _MOST_OUTSIDE:
        return values
    half = _MOST_OUTSIDE // 2
    return values[:half] + values[-half:]
