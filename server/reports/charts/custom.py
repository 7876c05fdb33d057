"""The author's own ECharts option over the rows of a query."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import base_option, number, points
from server.reports.rows import Rows, columns_of


def custom(chart: Chart, settings: ChartSettings, rows: Rows) -> Chart:
    """The author's own option over the query's rows, which ECharts reads as its dataset."""
    names = columns_of(rows)
    chart, drawn = points(chart, rows)
    data = [[_plain(row[name]) for name in names] for row in drawn]
    option = base_option(chart, legend=False) | copy.deepcopy(settings.option)
    option["dataset"] = {"source": [names, *data]}
    if not isinstance(option.get("tooltip"), dict):
        option["tooltip"] = {}
    # Texts of an option never become HTML.
    option["tooltip"] = option["tooltip"] | {"renderMode": "richText"}
    columns = list(zip(*data, strict=True))
    series = [
        Series(name=name, values=[number(value) for value in values])
        for name, values in list(zip(names, columns, strict=True))[1:]
        if any(isinstance(value, int | float | Decimal) for value in values)
    ]
    return msgspec.structs.replace(chart, labels=[str(value) for value in columns[0]], series=series, option=option)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
