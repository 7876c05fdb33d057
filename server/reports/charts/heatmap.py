"""Heatmaps: colours for a value over two columns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import added, axis_labels, number, points
from server.reports.charts.time_axis import TimeAxis, moment_at, runs, time_axis
from server.reports.formats import Formats
from server.reports.rows import Rows

_MOST_FILLED, _MOST_TIMES = 60, 3


def heatmap(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    chart, data = points(chart, rows)
    across = _places([row[settings.x] for row in data], formats)
    down = _places([row[settings.y[0]] for row in data], formats)
    found: dict[tuple[int, int], Any] = {}
    for row in data:
        place = across[row[settings.x]], down[row[settings.y[0]]]
        found[place] = added(found.get(place), number(row[settings.value_column]))
    if len(found) < len(data):
        chart = chart.noting("summed", count=len(data) - len(found), column=settings.label(settings.x))
    if all(value is None for value in found.values()):
        return msgspec.structs.replace(chart, is_empty=True)
    x_labels = axis_labels(list(across), formats, column=settings.x)
    y_labels = axis_labels(list(down), formats, column=settings.y[0])
    series = [
        Series(name=label, values=[found.get((x, y)) for x in range(len(x_labels))], kind="heatmap")
        for y, label in enumerate(y_labels)
    ]
    return msgspec.structs.replace(
        chart, labels=x_labels, series=series, value_label=settings.label(settings.value_column)
    )


def _places(values: list[Any], formats: Formats) -> dict[Any, int]:
    """Numbers and dates in their order, even when the first row lacks some; others as they come."""
    distinct = list(dict.fromkeys(values))
    if all(number(value) is not None for value in distinct):
        distinct.sort()
    elif found := time_axis(distinct, formats):
        order = dict(zip(distinct, found[1], strict=True))
        distinct.sort(key=order.__getitem__)
        distinct = _with_missing(distinct, found[0])
    return {value: place for place, value in enumerate(distinct)}


def _with_missing(values: list[Any], times: TimeAxis) -> list[Any]:
    """With the days or months that a regular series lacks, as other charts leave room for them."""
    places = times.places
    is_whole = len(runs(places, times.unit)) == 1 or any((place - places[0]) % times.step for place in places)
    count = int((places[-1] - places[0]) / times.step) + 1
    if is_whole or count > min(_MOST_FILLED, _MOST_TIMES * len(values)) or len(values) > len(places):
        return values
    if times.unit == "second" or not all(isinstance(value, date) for value in values):
        return values
    there = dict(zip(places, values, strict=True))
    all_places = (places[0] + number * times.step for number in range(count))
    late = _months_late(values[0], places[0], times)
    return [
        there.get(place) or moment_at(place + late, times.unit).date() - timedelta(days=late > 0)
        for place in all_places
    ]


def _months_late(value: date, place: float, times: TimeAxis) -> int:
    """How many months on the first day after it begins, where the last day of a period stands for it."""
    if times.unit != "month" or value.day == 1:
        return 0
    return value.year * 12 + value.month - int(place)
