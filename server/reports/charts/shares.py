"""Pies and funnels: values by name, without axes."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import INK, PALETTE, base_option, number
from server.reports.formats import Formats
from server.reports.rows import Rows, rows_of

_MAX_SLICES = 12


def pie(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    pairs = [(formats.text(row[settings.x]), number(row[settings.y[0]]) or 0) for row in rows_of(rows)]
    pairs = [(name, value) for name, value in pairs if value > 0]
    if not pairs:
        return msgspec.structs.replace(chart, is_empty=True)
    if len(pairs) > _MAX_SLICES:
        rest = sum(value for _name, value in pairs[_MAX_SLICES - 1 :])
        pairs = [*pairs[: _MAX_SLICES - 1], ("…", rest)]
    data = _named(pairs)
    drawn = {
        "type": "pie",
        "radius": ["46%", "72%"],
        "center": ["50%", "52%"],
        "data": data,
        "percentPrecision": 9,  # rounded once, where they are written
        "itemStyle": {"borderColor": "#ffffff", "borderWidth": 2},
        "label": {"color": INK, "fontSize": 11, "jinduFormat": "name-percent", "lineHeight": 14},
        "labelLine": {"length": 8, "length2": 8},
    }
    return _named_chart(chart, settings, pairs, base_option(chart, legend=False) | {"series": [drawn]})


def funnel(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    pairs = [(formats.text(row[settings.x]), number(row[settings.y[0]]) or 0) for row in rows_of(rows)][:_MAX_SLICES]
    drawn = {
        "type": "funnel",
        "left": "6%",
        "width": "60%",
        "top": 10 if not chart.title else 34,
        "bottom": 8,
        "minSize": "4%",
        "gap": 3,
        "sort": "none",
        "data": _named(pairs),
        "label": {"position": "right", "color": INK, "fontSize": 11, "jinduFormat": "name-value"},
        "labelLine": {"show": False},
    }
    return _named_chart(chart, settings, pairs, base_option(chart, legend=False) | {"series": [drawn]})


def _named(pairs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "itemStyle": {"color": PALETTE[index % len(PALETTE)]}}
        for index, (name, value) in enumerate(pairs)
    ]


def _named_chart(chart: Chart, settings: ChartSettings, pairs: list[tuple[str, Any]], option: dict[str, Any]) -> Chart:
    option["tooltip"] = option["tooltip"] | {"trigger": "item"}
    series = [Series(name=settings.label(settings.y[0]), values=[value for _name, value in pairs], kind=chart.kind)]
    return msgspec.structs.replace(chart, labels=[name for name, _value in pairs], series=series, option=option)
