"""The author's own ECharts option over the rows of a query."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import number, points
from server.reports.drawing.paints import LIGHT, SERIES
from server.reports.rows import Rows, columns_of


def custom(chart: Chart, settings: ChartSettings, rows: Rows) -> Chart:
    """The author's own option over the query's rows, which ECharts reads as its dataset."""
    names = columns_of(rows)
    chart, drawn = points(chart, rows)
    data = [[_plain(row[name]) for name in names] for row in drawn]
    option = _ground(chart) | copy.deepcopy(settings.option)
    option["dataset"] = {"source": [names, *data]}
    option["tooltip"] = {"show": False}
    columns = list(zip(*data, strict=True))
    series = [
        Series(name=settings.label(name), values=[number(value) for value in values])
        for name, values in list(zip(names, columns, strict=True))[1:]
        if any(isinstance(value, int | float | Decimal) for value in values)
    ]
    return msgspec.structs.replace(chart, labels=[str(value) for value in columns[0]], series=series, option=option)


def _ground(chart: Chart) -> dict[str, Any]:
    """What an author need not say."""
    option: dict[str, Any] = {
        "animation": False,
        "color": list(SERIES),
        "textStyle": {"color": LIGHT["ink"]},
        "grid": {"left": 12, "right": 30, "top": 34 if chart.title else 12, "bottom": 8, "containLabel": True},
    }
    if chart.title:
        text = {"fontSize": 14, "fontWeight": "bold", "color": LIGHT["ink"]}
        option["title"] = {"text": chart.title, "left": 0, "top": 0, "textStyle": text}
    return option


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
