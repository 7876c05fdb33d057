"""Heatmaps: colours for a value over two columns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import added_up, axis_labels, key, labels_along, number
from server.reports.charts.time_axis import TimeAxis, moment_at, runs, time_axis
from server.reports.formats import Formats
from server.reports.rows import Rows, rows_of

_MOST_FILLED, _MOST_TIMES = 60, 3
_MOST_ACROSS, _MOST_CELLS = 1_000, 10_000


def heatmap(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    data = rows_of(rows)
    found: dict[tuple[Any, Any], list[Any]] = {}
    for row in data:
        cell = key(row[settings.x]), key(row[settings.y[0]])
        found.setdefault(cell, []).append(number(row[settings.value_column]))
    if len(found) < len(data):
        column, other = settings.label(settings.x), settings.label(settings.y[0])
        chart = chart.noting("summed_both", count=len(data) - len(found), column=column, other=other)
    chart, across = _first(chart, settings, settings.x, _places([x for x, _y in found], formats), _MOST_ACROSS)
    most_down = _MOST_CELLS // len(across)
    chart, down = _first(chart, settings, settings.y[0], _places([y for _x, y in found], formats), most_down)
    rows_of_cells = [[added_up(found.get((x, y), ())) for x in across] for y in down]
    if all(value is None for values in rows_of_cells for value in values):
        return msgspec.structs.replace(chart, is_empty=True)
    labels, full_labels = labels_along(across, formats, column=settings.x)
    names_down = axis_labels(down, formats, column=settings.y[0])
    return msgspec.structs.replace(
        chart,
        labels=labels,
        full_labels=full_labels,
        series=[
            Series(name=name, values=values, kind="heatmap")
            for name, values in zip(names_down, rows_of_cells, strict=True)
        ],
        value_label=settings.label(settings.value_column),
    )


def _first(chart: Chart, settings: ChartSettings, column: str, values: list[Any], most: int) -> tuple[Chart, list[Any]]:
    if len(values) > most:
        chart = chart.noting("first_values", shown=most, count=len(values), column=settings.label(column))
    return chart, values[:most]


def _places(values: list[Any], formats: Formats) -> list[Any]:
    """Numbers and dates in their order, even when the first row lacks some; others as they come."""
    distinct = list(dict.fromkeys(values))
    if all(number(value) is not None for value in distinct):
        distinct.sort()
    elif found := time_axis(distinct, formats):
        order = dict(zip(distinct, found[1], strict=True))
        distinct.sort(key=order.__getitem__)
        distinct = _with_missing(distinct, found[0])
    return distinct


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
