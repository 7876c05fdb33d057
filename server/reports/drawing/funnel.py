"""Funnels: stages above each other, each as wide as its value."""

from __future__ import annotations

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import LETTERS, Canvas, Look, wide
from server.reports.drawing.head import title
from server.reports.drawing.lettering import cut_apart
from server.reports.formats import Formats

_GAP = 3.0
_LEAST = 15.0


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    top = title(canvas, chart.title) + 4
    values = [None if value is None or value < 0 else float(value) for value in chart.series[0].values]
    canvas.height = max(canvas.height, top + _LEAST * len(values) + 6)
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    row = (canvas.height - top - 6) / len(values)
    written = [formats.text(value, chart.format) for value in chart.series[0].values]
    names = min(max(map(wide, chart.labels)), canvas.width * 0.36)
    figures = max(map(wide, written))
    left, right = names + 10, canvas.width - figures - 10
    middle = (left + right) / 2
    canvas.group('data-marks=""')
    for number, value in enumerate(values):
        if not value:
            canvas.rect(middle, top + number * row, 0, 0, "none")
            continue
        upper = max((right - left) * value / most / 2, 1.5)
        following = next(iter(values[number + 1 : number + 2]), None)
        lower = max((right - left) * min(value if following is None else following, value) / most / 2, 1.5)
        y, end = top + number * row, top + (number + 1) * row - _GAP
        canvas.shape(
            f"M{middle - upper:.1f} {y:.1f}L{middle + upper:.1f} {y:.1f}"
            f"L{middle + lower:.1f} {end:.1f}L{middle - lower:.1f} {end:.1f}z",
            canvas.fill(Look(0, color=chart.colors[number])),
        )
    canvas.end()
    for number, (name, text) in enumerate(zip(cut_apart(chart.labels, names, LETTERS), written, strict=True)):
        y = top + (number + 0.5) * row - _GAP / 2 + 4
        canvas.text((0, y), name, paint="ink")
        canvas.text((canvas.width, y), text, paint="ink", anchor="end")
