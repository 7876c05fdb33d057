"""Box plots: how values are spread, by category: the middle half as a box, whiskers, and what lies far outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import key, labels_along, named, number
from server.reports.formats import Formats
from server.reports.rows import Rows, rows_of
from server.reports.words import words_of

_REACH = 1.5  # of the box's height, as Tukey has it: what lies beyond is far outside
_MOST = 40
_MOST_OUTSIDE = 200  # points of one box


def box_plot(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """Of all rows with a number. Quartiles as Excel's QUARTILE.INC and SQL's `quantile_cont` have them."""
    found: dict[Any, list[float]] = {}
    for row in rows_of(rows):
        members = found.setdefault(key(row[settings.x]), [])
        value = number(row[settings.y[0]])
        if value is not None:
            members.append(float(value))
    if not any(found.values()):
        return msgspec.structs.replace(chart, is_empty=True)
    if empty := [formats.in_column(name, settings.x) for name, values in found.items() if not values]:
        chart = chart.noting("no_box", names=named(empty), count=len(empty))
        found = {name: values for name, values in found.items() if values}
    if len(found) > _MOST:
        chart = chart.noting("first_boxes", shown=_MOST, count=len(found))
        found = dict(list(found.items())[:_MOST])
    spreads = [_spread(sorted(values)) for values in found.values()]
    if left_out := sum(max(0, len(spread.outside) - _MOST_OUTSIDE) for spread in spreads):
        chart = chart.noting("outside", shown=_MOST_OUTSIDE, count=left_out)
    figures = zip(*(spread.figures for spread in spreads), strict=True)
    names = words_of(formats).box_figures
    labels, full_labels = labels_along(list(found), formats, column=settings.x)
    return msgspec.structs.replace(
        chart,
        labels=labels,
        full_labels=full_labels,
        series=[Series(name=name, values=list(values)) for name, values in zip(names, figures, strict=True)],
        outside=[_some(spread.outside) for spread in spreads],
        counts=[len(values) for values in found.values()],
    )


def beside_boxes(chart: Chart, formats: Formats, *, as_numbers: bool = False) -> list[tuple[str, list[Any]]]:
    """What else is to be known of each box, by name: how many values it stands for, and those far outside.

    `as_numbers`: one alone is a number, where none or several are a text.
    """
    if not chart.counts:
        return []
    listed = [
        values[0]
        if as_numbers and len(values) == 1
        else formats.listed(formats.text(value, chart.format) for value in values)
        for values in chart.outside
    ]
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
