"""What a page's script says at a place of a drawing: names of series, and a row of texts for each place."""

from __future__ import annotations

from typing import Any

from server.reports.charts.box_plot import beside_boxes
from server.reports.charts.chart import Chart
from server.reports.formats import Formats, ValueFormat

_SHARE = ValueFormat(kind="percent", decimals=1)


def tips(chart: Chart, formats: Formats) -> dict[str, Any]:
    """`names` and `rows`: a head, then a text for each name, None where there is nothing."""
    if chart.kind == "pie":
        return {"names": [""], "rows": _of_parts(chart, formats)}
    if chart.kind == "heatmap":
        return {"names": [""], "rows": _of_cells(chart, formats)}
    if chart.kind == "scatter":
        return {"names": [chart.x_title, chart.series[0].name], "rows": _of_points(chart, formats)}
    if chart.kind in ("gauge", "option"):
        return {"names": [], "rows": []}
    more = beside_boxes(chart, formats)
    rows = [
        [
            label,
            *(_text(one.values[place], chart.format_of(one), formats) for one in chart.series),
            *(formats.text(values[place]) or None for _name, values in more),
        ]
        for place, label in enumerate(chart.labels)
    ]
    return {"names": [*(one.name for one in chart.series), *(name for name, _values in more)], "rows": rows}


def _of_parts(chart: Chart, formats: Formats) -> list[list[Any]]:
    values = chart.series[0].values
    total = sum(map(float, values))
    return [
        [label, f"{formats.text(value, chart.format)} · {formats.text(float(value) / total, _SHARE)}"]
        for label, value in zip(chart.labels, values, strict=True)
    ]


def _of_cells(chart: Chart, formats: Formats) -> list[list[Any]]:
    return [
        [f"{series.name} · {label}", _text(value, chart.format, formats)]
        for series in chart.series
        for label, value in zip(chart.labels, series.values, strict=True)
    ]


def _of_points(chart: Chart, formats: Formats) -> list[list[Any]]:
    named = len(chart.series) > 1
    rows: list[list[Any]] = [["", None, None] for _label in chart.labels]
    for series in chart.series:
        for place, (x, y) in enumerate(zip(series.xs, series.values, strict=True)):
            if y is not None:
                told = formats.text(x, chart.x_format), formats.text(y, chart.format)
                rows[place] = [series.name if named else "", *told]
    return rows


def _text(value: Any, written: ValueFormat, formats: Formats) -> str | None:
    return None if value is None else formats.text(value, written)
