"""Box plots over names."""

from __future__ import annotations

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import Canvas, Look
from server.reports.drawing.head import title
from server.reports.drawing.upright import upright
from server.reports.formats import Formats

_WIDEST = 46.0
_LEAST_BOX = 6.0
_LEAST_SLOT, _BESIDE = 12.0, 60.0


def least_width(chart: Chart) -> float:
    """Each box has its name, so that a drawing of many is wider than its room, and shown smaller."""
    return len(chart.labels) * _LEAST_SLOT + _BESIDE


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    top = title(canvas, chart.title)
    values = [value for one in chart.series for value in one.values]
    values += [value for each in chart.outside for value in each]
    plot = upright(canvas, chart, formats, top, values, [], has_bars=True, from_zero=False)
    half = min(plot.slot * 0.6, _WIDEST) / 2
    look = Look(0)
    for place, x in enumerate(plot.places):
        low, first, median, third, high = (plot.value.at(one.values[place]) for one in chart.series)
        for whisker, edge in ((low, first), (high, third)):
            canvas.line((x, whisker), (x, edge), look.paint, thick=1.4)
            canvas.line((x - half / 2, whisker), (x + half / 2, whisker), look.paint, thick=1.4)
        canvas.shape(f"M{x - half:.1f} {third:.1f}h{2 * half:.1f}V{first:.1f}h-{2 * half:.1f}z", canvas.fill(look))
        # On the box; where all values are nearly the same there is little of it.
        canvas.line(
            (x - half, median), (x + half, median), "ground" if first - third > _LEAST_BOX else look.paint, thick=2.4
        )
        for value in chart.outside[place]:
            canvas.marker((x, plot.value.at(value)), look, size=2.2)
    canvas.fact("at", " ".join(f"{place:.0f}" for place in plot.places))
    canvas.fact("field", " ".join(f"{edge:.0f}" for edge in (plot.left, plot.top, plot.right, plot.bottom)))
    canvas.fact("way", "x")
