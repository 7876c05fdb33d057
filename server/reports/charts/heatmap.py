"""Heatmaps: colours for a value over two columns."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import added, axis_labels, number, points
from server.reports.charts.time_axis import time_axis
from server.reports.formats import Formats
from server.reports.rows import Rows


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
    x_labels, y_labels = axis_labels(list(across), formats), axis_labels(list(down), formats)
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
    return {value: place for place, value in enumerate(distinct)}
