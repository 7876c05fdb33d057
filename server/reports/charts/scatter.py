"""Points: one column over another."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import MUTED, PALETTE, base_option, number, points, value_axis
from server.reports.formats import Formats
from server.reports.rows import Rows


def scatter(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    chart, data = points(chart, rows)
    groups: dict[str, list[list[Any]]] = {}
    for row in data:
        name = formats.text(row[settings.series]) if settings.series else settings.label(settings.y[0])
        groups.setdefault(name, []).append([number(row[settings.x]), number(row[settings.y[0]])])
    drawn = [
        {"type": "scatter", "name": name, "data": points, "symbolSize": 8,
         "itemStyle": {"color": PALETTE[index % len(PALETTE)], "opacity": 0.75}}
        for index, (name, points) in enumerate(groups.items())
    ]  # fmt: skip
    plain = value_axis("plain") | {
        "scale": True,
        "name": settings.label(settings.x),
        "nameLocation": "middle",
        "nameGap": 28,
    }
    option = base_option(chart, legend=len(drawn) > 1) | {
        "xAxis": plain | {"nameTextStyle": {"color": MUTED}},
        "yAxis": [value_axis("main") | {"scale": True}],
        "series": drawn,
    }
    option["grid"] = option["grid"] | {"bottom": 40}
    labels = [formats.text(row[settings.x]) for row in data]
    series = [
        Series(name=settings.label(settings.y[0]), values=[number(row[settings.y[0]]) for row in data], kind="scatter")
    ]
    return msgspec.structs.replace(chart, labels=labels, series=series, option=option)
