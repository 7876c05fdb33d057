"""Heatmaps: colours for a value over two columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import HEAT, MUTED, added, axis_labels, base_option, number, points
from server.reports.formats import Formats
from server.reports.rows import Rows


def heatmap(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    chart, data = points(chart, rows)
    across = _places([row[settings.x] for row in data])
    down = _places([row[settings.y[0]] for row in data])
    found: dict[tuple[int, int], Any] = {}
    for row in data:
        place = across[row[settings.x]], down[row[settings.y[0]]]
        found[place] = added(found.get(place), number(row[settings.value_column]))
    if len(found) < len(data):
        chart = chart.noting("summed", count=len(data) - len(found), column=settings.label(settings.x))
    cells = [[x, y, value] for (x, y), value in found.items()]
    values = [cell[2] for cell in cells if cell[2] is not None]
    if not values:
        return msgspec.structs.replace(chart, is_empty=True)
    x_labels, y_labels = axis_labels(list(across), formats), axis_labels(list(down), formats)
    axis = {"type": "category", "axisTick": {"show": False}, "axisLine": {"show": False},
            "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True}}  # fmt: skip
    option = base_option(chart, legend=False) | {
        "xAxis": axis | {"data": x_labels},
        "yAxis": axis | {"data": y_labels, "inverse": True},
        "visualMap": {
            "min": min([0, *values]),
            "max": max(values),
            "show": False,
            "inRange": {"color": list(HEAT)},
        },
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "itemStyle": {"borderColor": "#ffffff", "borderWidth": 1.5, "borderRadius": 2},
            }
        ],
    }  # fmt: skip
    option["tooltip"] = option["tooltip"] | {"trigger": "item", "jinduFormat": "cell"}
    series = [
        Series(name=label, values=[found.get((x, y)) for x in range(len(x_labels))], kind="heatmap")
        for y, label in enumerate(y_labels)
    ]
    return msgspec.structs.replace(chart, labels=x_labels, series=series, option=option)


def _places(values: list[Any]) -> dict[Any, int]:
    """Numbers and dates in their order, even when the first row lacks some; others as they come."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, int | float | Decimal) for value in distinct) or all(
        isinstance(v, date) for v in distinct
    ):
        distinct.sort()
    return {value: place for place, value in enumerate(distinct)}
