"""Gauges: one value on a scale."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, Series
from server.reports.charts.look import number


def gauge(chart: Chart, value: Any, maximum: Any) -> Chart:
    value, maximum = number(value), number(maximum)
    if value is None:
        return msgspec.structs.replace(chart.noting("no_gauge"), is_empty=True)
    if not maximum or maximum < 0:
        maximum = 1 if chart.format.kind == "percent" else max(abs(value) * 1.25, 1)
    series = [Series(name=chart.title, values=[value], kind="gauge")]
    if not 0 <= value <= maximum:
        chart = chart.noting("beyond_scale")
    return msgspec.structs.replace(chart, labels=[chart.title], series=series, maximum=maximum)
