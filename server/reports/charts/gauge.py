"""Gauges: one value on a scale."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, Series
from server.reports.charts.look import INK, LINE, PALETTE, base_option, number


def gauge(chart: Chart, value: Any, maximum: Any) -> Chart:
    value, maximum = number(value), number(maximum)
    if not isinstance(value, int | float):
        return msgspec.structs.replace(chart, is_empty=True)
    top = (
        maximum if isinstance(maximum, int | float) and maximum > 0 else (1 if chart.format.kind == "percent" else None)
    )
    top = top or max(abs(value) * 1.25, 1)
    drawn = {
        "type": "gauge",
        "min": 0,
        "max": top,
        "radius": "92%",
        "center": ["50%", "66%"],
        "startAngle": 200,
        "endAngle": -20,
        "progress": {"show": True, "width": 16, "itemStyle": {"color": PALETTE[0]}},
        "axisLine": {"lineStyle": {"width": 16, "color": [[1, LINE]]}},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "pointer": {"show": False},
        "anchor": {"show": False},
        "axisLabel": {"show": False},
        "detail": {
            "offsetCenter": [0, "-8%"],
            "fontSize": max(12, min(26, chart.height // 13)),
            "fontWeight": "bold",
            "color": INK,
            "jinduFormat": "exact",
        },
        "data": [{"value": value}],
    }
    option = base_option(chart, legend=False) | {"series": [drawn]}
    return msgspec.structs.replace(
        chart, labels=[chart.title], series=[Series(name=chart.title, values=[value], kind="gauge")], option=option
    )
