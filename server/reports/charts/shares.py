"""Pies and funnels: values by name, without axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import INK, PALETTE, added, base_option, number, points
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows

_MAX_SLICES = 12


def pie(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    chart, found = points(chart, rows)
    pairs = _pairs(settings, found, formats)
    negative = sum(value < 0 for _name, value in pairs)
    if negative:
        chart = chart.noting("no_slices", count=negative)
    pairs = [(name, value) for name, value in pairs if value > 0]
    if not pairs:
        return msgspec.structs.replace(chart, is_empty=True)
    chart, pairs = _with_rest(chart, pairs)
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
    chart, found = points(chart, rows)
    pairs = _pairs(settings, found, formats)
    if len(pairs) > _MAX_SLICES:
        chart = chart.noting("first_drawn", shown=_MAX_SLICES, count=len(pairs))
        pairs = pairs[:_MAX_SLICES]
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


def _pairs(settings: ChartSettings, data: Sequence[QueryRow], formats: Formats) -> list[tuple[str, Any]]:
    """Names with their values; those of one name are summed, as they are one slice."""
    found: dict[str, Any] = {}
    for row in data:
        name = formats.text(row[settings.x])
        found[name] = added(found.get(name), number(row[settings.y[0]]) or 0)
    return list(found.items())


def _with_rest(chart: Chart, pairs: list[tuple[str, Any]]) -> tuple[Chart, list[tuple[str, Any]]]:
    """Of too many slices the largest stay, in their order; the others are one at the end, and a note counts them."""
    if len(pairs) <= _MAX_SLICES:
        return chart, pairs
    kept = set(sorted(range(len(pairs)), key=lambda place: pairs[place][1], reverse=True)[: _MAX_SLICES - 1])
    rest: Any = 0
    for place, (_name, value) in enumerate(pairs):
        rest = rest if place in kept else added(rest, value)
    largest = [pair for place, pair in enumerate(pairs) if place in kept]
    return chart.noting("rest", count=len(pairs) - len(kept)), [*largest, ("…", rest)]


def _named(pairs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "itemStyle": {"color": PALETTE[index % len(PALETTE)]}}
        for index, (name, value) in enumerate(pairs)
    ]


def _named_chart(chart: Chart, settings: ChartSettings, pairs: list[tuple[str, Any]], option: dict[str, Any]) -> Chart:
    option["tooltip"] = option["tooltip"] | {"trigger": "item"}
    series = [Series(name=settings.label(settings.y[0]), values=[value for _name, value in pairs], kind=chart.kind)]
    return msgspec.structs.replace(chart, labels=[name for name, _value in pairs], series=series, option=option)
