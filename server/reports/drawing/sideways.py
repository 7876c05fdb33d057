"""Charts whose values go from left to right, one name a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import LETTERS, Canvas, wide
from server.reports.drawing.lettering import cut_apart, fitted
from server.reports.drawing.names import LEADING
from server.reports.drawing.plot import TALLEST, Plot, along, time_range, title_above, title_below, value_format
from server.reports.drawing.scale import value_scale
from server.reports.formats import Formats

_LEAST_ROW = 14.0  # of a name beside a bar
_MARK_ROOM = 80.0  # pixels for each mark of the value axis
_MOST_NAMES = 0.36  # of the width
_TARGET_ROOM = 14.0  # of what targets are called


def sideways(
    canvas: Canvas, chart: Chart, formats: Formats, top: float, values: list[float], *, has_bars: bool
) -> Plot:
    """Lays out and draws the axes; the drawing grows where its rows need it."""
    top = title_above(canvas, chart.x_title, top) + (_TARGET_ROOM if chart.targets else 0)
    names, moments = _rows(chart, formats, has_bars=has_bars)
    foot = 22.0 + (16.0 if chart.y_title else 0)
    canvas.height = max(canvas.height, min(TALLEST, top + foot + len(names) * _LEAST_ROW))
    bottom = canvas.height - foot
    room = min(max(map(wide, names), default=0) + 4, canvas.width * _MOST_NAMES)
    left, right = room + 8, canvas.width - 16 - _label_room(chart, formats)
    marks = max(2, min(7, round((right - left) / _MARK_ROOM) + 1))
    places, slot = along(chart, top, bottom, has_bars=has_bars)
    plot = Plot(
        left=left, top=top, right=right, bottom=bottom, is_horizontal=True, places=places, slot=slot,
        value=value_scale(
            values, left, right, marks=marks, exact_high=chart.stacked == "shares",
            is_time=value_format(chart).kind == "duration",
        ),
    )  # fmt: skip
    for mark, text in zip(plot.value.marks, plot.value.written(formats, value_format(chart)), strict=True):
        x = plot.value.at(mark)
        canvas.line((x, top), (x, bottom), "axis" if mark == 0 else "line")
        canvas.text((x, bottom + 15), text, anchor="middle")
    beside = [top + share * (bottom - top) for share in moments] if chart.times else places
    _write_names(canvas, names, beside, left - 6, room)
    title_below(canvas, chart.y_title, left, right)
    return plot


def _rows(chart: Chart, formats: Formats, *, has_bars: bool) -> tuple[list[str], list[float]]:
    """What stands beside the rows: labels, or the marks of their time and where these lie between top and bottom."""
    if chart.times is None:
        return chart.labels, []
    low, high = time_range(chart, has_bars=has_bars)
    marks = chart.times.marks(low, high, most=40, formats=formats)
    return [f"{mark.text} {mark.below}".strip() for mark in marks], [(mark.at - low) / (high - low) for mark in marks]


def _label_room(chart: Chart, formats: Formats) -> float:
    """Beyond the longest bar, for the value at its end."""
    if not chart.data_labels or chart.stacked:
        return 0
    return max(wide(formats.text(value, chart.format_of(one))) for one in chart.series for value in one.values)


def _write_names(canvas: Canvas, names: Sequence[str], places: Sequence[float], right: float, room: float) -> None:
    row = places[1] - places[0] if len(places) > 1 else canvas.height
    lines_of = [fitted(name, room, LETTERS, lines=2 if row >= 2 * LEADING else 1) for name in names]
    if len({tuple(lines) for lines in lines_of}) < len(set(names)):
        lines_of = [[name] for name in cut_apart(names, room, LETTERS)]
    for number in range(0, len(names), max(1, math.ceil(LETTERS / row))):
        lines = lines_of[number]
        for line, text in enumerate(lines):
            canvas.text((right, places[number] + 4 + (line - (len(lines) - 1) / 2) * LEADING), text, anchor="end")
