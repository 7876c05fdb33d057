"""Gauges: one value as part of an arc."""

from __future__ import annotations

import math

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import Canvas, Point, wide
from server.reports.drawing.head import title
from server.reports.formats import Formats

_FROM, _TO = -110.0, 110.0  # degrees from the top
_THICK = 16.0


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    top = title(canvas, chart.title) + 4
    room = canvas.height - top - 22
    radius = max(24.0, min(room / (1 - math.cos(math.radians(_TO))), canvas.width / 2 - 40))
    center = (canvas.width / 2, top + radius)
    value = chart.series[0].values[0]
    share = min(max(float(value) / chart.maximum, 0.0), 1.0)
    canvas.shape(_arc(center, radius, 0, 1), canvas.color("line"))
    if share:
        canvas.shape(_arc(center, radius, 0, share), canvas.color(chart.series[0].color or "s0"))
    text = formats.text(value, chart.format)
    size = max(10.0, min(26.0, radius / 4, 2 * (radius - _THICK - 8) / wide(text, 1.0)))
    canvas.text(
        (center[0], center[1] + size / 3), text, size=size, paint="ink", anchor="middle",
        bold=True,
    )  # fmt: skip
    for place, end in ((0.0, 0.0), (1.0, chart.maximum)):
        x, y = _on(center, radius - _THICK / 2, place)
        canvas.text((x, min(y + 18, canvas.height - 2)), formats.on_axis(end, chart.format), anchor="middle")


def _arc(center: Point, outer: float, start: float, end: float) -> str:
    inner = max(outer - _THICK, outer * 0.5)
    long = int((end - start) * (_TO - _FROM) > 180)
    (x0, y0), (x1, y1) = _on(center, outer, start), _on(center, outer, end)
    (x2, y2), (x3, y3) = _on(center, inner, end), _on(center, inner, start)
    return (
        f"M{x0:.2f} {y0:.2f}A{outer:.2f} {outer:.2f} 0 {long} 1 {x1:.2f} {y1:.2f}"
        f"L{x2:.2f} {y2:.2f}A{inner:.2f} {inner:.2f} 0 {long} 0 {x3:.2f} {y3:.2f}z"
    )


def _on(center: Point, radius: float, share: float) -> Point:
    angle = math.radians(_FROM + share * (_TO - _FROM))
    return center[0] + radius * math.sin(angle), center[1] - radius * math.cos(angle)
