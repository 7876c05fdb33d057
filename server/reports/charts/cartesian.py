"""Lines, bars, areas and combinations of them: values over labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import LINE, MUTED, PALETTE, added, axis_labels, base_option, number, points, value_axis
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows


def cartesian(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    chart, data = points(chart, rows)
    if settings.series:
        chart, labels, series = _by_series(chart, settings, data, formats)
    else:
        labels, series = _by_column(settings, data, formats)
    if not any(value is not None for one in series for value in one.values):
        return msgspec.structs.replace(chart, is_empty=True)
    drawn = [_drawn(one, settings, index) for index, one in enumerate(series)]
    category = {
        "type": "category",
        "data": labels,
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisLabel": {"color": MUTED, "hideOverlap": True, "fontSize": 11},
        "boundaryGap": settings.kind not in ("line", "area"),
    }
    value = value_axis("main")
    axes: list[dict[str, Any]] = [value]
    if any(one.second_axis for one in series):
        axes.append(value_axis("line") | {"splitLine": {"show": False}})
    option = base_option(chart, legend=len(series) > 1) | {"series": drawn}
    if settings.horizontal:
        option |= {"yAxis": category | {"inverse": True}, "xAxis": axes}
    else:
        option |= {"xAxis": category, "yAxis": axes}
    return msgspec.structs.replace(chart, labels=labels, series=series, option=option)


def _by_column(settings: ChartSettings, data: Sequence[QueryRow], formats: Formats) -> tuple[list[str], list[Series]]:
    labels = axis_labels([row[settings.x] for row in data], formats)
    combo = settings.kind == "combo"
    series = [
        Series(name=settings.label(name), values=[number(row[name]) for row in data], kind=_kind(settings.kind))
        for name in settings.y
    ]
    own_scale = bool(settings.line_format.kind) or bool(settings.y)
    series += [
        Series(
            name=settings.label(name), values=[number(row[name]) for row in data], kind="line", second_axis=own_scale
        )
        for name in settings.lines
        if combo
    ]
    return labels, series


def _by_series(
    chart: Chart, settings: ChartSettings, data: Sequence[QueryRow], formats: Formats
) -> tuple[Chart, list[str], list[Series]]:
    """One series a value of the `series` column: what is missing for an x stays empty, what comes twice is summed."""
    keys: dict[Any, int] = {}
    found: dict[Any, dict[int, Any]] = {}
    summed = 0
    for row in data:
        place = keys.setdefault(row[settings.x], len(keys))
        values = found.setdefault(row[settings.series], {})
        summed += place in values
        values[place] = added(values.get(place), number(row[settings.y[0]]))
    if summed:
        chart = chart.noting("summed", count=summed, column=settings.label(settings.x))
    series = [
        Series(
            name=settings.label(formats.text(name)),
            values=[values.get(place) for place in range(len(keys))],
            kind=_kind(settings.kind),
        )
        for name, values in found.items()
    ]
    return chart, axis_labels(list(keys), formats), series


def _kind(chart: str) -> str:
    return {"line": "line", "area": "line", "scatter": "scatter"}.get(chart, "bar")


def _drawn(series: Series, settings: ChartSettings, index: int) -> dict[str, Any]:
    color = PALETTE[index % len(PALETTE)]
    drawn: dict[str, Any] = {
        "type": series.kind,
        "name": series.name,
        "data": series.values,
        "itemStyle": {"color": color},
    }
    if series.kind == "line":
        few = len(series.values) <= 40
        drawn |= {
            "lineStyle": {"width": 2.2},
            "showSymbol": few,
            "symbol": "circle",
            "symbolSize": 5,
            "connectNulls": False,
        }
    if series.kind == "bar":
        radius = [0, 3, 3, 0] if settings.horizontal else [3, 3, 0, 0]
        drawn |= {
            "barMaxWidth": 34,
            "itemStyle": {"color": color, "borderRadius": 0 if settings.kind == "stacked_bar" else radius},
        }
    if settings.kind == "stacked_bar" or (settings.kind == "area" and index >= 0 and settings.series):
        drawn["stack"] = "all"
    if settings.kind == "area":
        drawn["areaStyle"] = {"opacity": 0.22 if not settings.series else 0.55}
        drawn["showSymbol"] = False
    if series.second_axis:
        axis = "xAxisIndex" if settings.horizontal else "yAxisIndex"
        drawn |= {axis: 1, "jinduFormat": "line"}
    return drawn
