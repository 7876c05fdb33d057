"""Draws a chart: each kind by its module."""

from __future__ import annotations

from server.reports.charts.chart import IN_COURSE, Chart
from server.reports.drawing import box_plot, cartesian, funnel, gauge, heatmap, pie, scatter
from server.reports.drawing.canvas import Canvas
from server.reports.formats import Formats
from server.reports.words import words_of

_KINDS = {
    **dict.fromkeys((*IN_COURSE, "waterfall"), cartesian.draw),
    "box": box_plot.draw,
    "pie": pie.draw,
    "funnel": funnel.draw,
    "scatter": scatter.draw,
    "heatmap": heatmap.draw,
    "gauge": gauge.draw,
}


class CannotBeDrawn(Exception):
    """Says why, in a sentence for readers of the report."""


def drawn(
    chart: Chart, formats: Formats, *, width: float, font: str = "", on_page: bool = False, prefix: str = "c"
) -> str:
    """As SVG, the same for the same chart. Raises `CannotBeDrawn` for numbers that no drawing has room for."""
    if chart.kind == "box":
        width = max(width, box_plot.least_width(chart))
    canvas = Canvas(width, chart.height, on_page=on_page, font=font, prefix=prefix)
    try:
        _KINDS[chart.kind](canvas, chart, formats)
        return canvas.svg()
    except (OverflowError, ValueError, ZeroDivisionError):
        raise CannotBeDrawn(words_of(formats).beyond_drawing) from None
