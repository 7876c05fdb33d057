"""Charts that go from left to right, with values upwards."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import Mark
from server.reports.drawing.canvas import Canvas, wide
from server.reports.drawing.names import LEADING, LONGEST_TURNED, Names, arranged
from server.reports.drawing.plot import TITLE_ROOM, Plot, along, time_range, title_above, title_below, value_format
from server.reports.drawing.scale import Scale, value_scale, with_one_zero
from server.reports.formats import Formats

_MARK_ROOM = 44.0  # pixels for each mark of a value axis
_LEAST_FIELD = 40.0  # pixels that lines and bars always have
_MOST_OVERHANG = 0.3  # of the width, for a slanted name
_TIME_ROOM = 20.0 + LEADING


def upright(
    canvas: Canvas,
    chart: Chart,
    formats: Formats,
    top: float,
    values: list[float],
    seconds: list[float],
    *,
    has_bars: bool,
    from_zero: bool = True,
) -> Plot:
    """Lays out and draws the axes; `seconds` are the values of the axis at the right, if there is one."""
    top = title_above(canvas, chart.y_title, top) + 4
    marks = max(2, min(6, round((canvas.height - top - 40) / _MARK_ROOM) + 1))
    exact = chart.stacked == "shares"
    is_time, is_time_2 = value_format(chart).kind == "duration", chart.line_format.kind == "duration"
    first = value_scale(values, 0, 1, marks=marks, exact_high=exact, from_zero=from_zero, is_time=is_time)
    second = value_scale(seconds, 0, 1, marks=marks, is_time=is_time_2) if seconds else None
    if second is not None:
        first, second = with_one_zero(first, second)
    written = first.written(formats, value_format(chart))
    second_written = (
        second.written(formats, chart.line_format if chart.line_format.kind else chart.format) if second else []
    )
    left = max(map(wide, written)) + 8
    right = canvas.width - max([12.0, *(wide(text) + 10 for text in second_written)])
    names, left = _names(canvas, chart, left, right)
    foot = (names.height if names else _TIME_ROOM) + (TITLE_ROOM if chart.x_title else 0)
    bottom = max(canvas.height - foot, top + _LEAST_FIELD)
    canvas.height = max(canvas.height, bottom + foot)
    places, slot = along(chart, left, right, has_bars=has_bars)
    plot = Plot(
        left=left, top=top, right=right, bottom=bottom, is_horizontal=False, places=places, slot=slot,
        value=first.between(bottom, top), second=second.between(bottom, top) if second else None,
    )  # fmt: skip
    _value_axis(canvas, plot, written)
    if plot.second:
        _second_axis(canvas, plot.second, right, second_written)
    if names:
        names.draw(canvas, places, bottom)
    else:
        _time_marks(canvas, chart, formats, plot, has_bars=has_bars)
    title_below(canvas, chart.x_title, left, right)
    return plot


def _names(canvas: Canvas, chart: Chart, left: float, right: float) -> tuple[Names | None, float]:
    """None on an axis of time. What the first name needs may move the left edge, which narrows the slots."""
    if chart.times is not None:
        return None, left
    longest = LONGEST_TURNED * canvas.height
    for _try in range(2):
        slot = (right - left) / max(len(chart.labels), 1)
        names = arranged(chart.labels, slot, longest=longest, may_thin=chart.numbers_along)
        left = max(left, min(names.overhang - slot / 2, canvas.width * _MOST_OVERHANG))
    return names, left


def _value_axis(canvas: Canvas, plot: Plot, written: Sequence[str]) -> None:
    for mark, text in zip(plot.value.marks, written, strict=True):
        y = plot.value.at(mark)
        canvas.line((plot.left, y), (plot.right, y), "axis" if mark == 0 else "line")
        canvas.text((plot.left - 6, y + 4), text, anchor="end")


def _second_axis(canvas: Canvas, scale: Scale, right: float, written: Sequence[str]) -> None:
    for mark, text in zip(scale.marks, written, strict=True):
        canvas.text((right + 6, scale.at(mark) + 4), text)


def _time_marks(canvas: Canvas, chart: Chart, formats: Formats, plot: Plot, *, has_bars: bool) -> None:
    """The finest marks whose texts do not run into each other."""
    assert chart.times is not None
    low, high = time_range(chart, has_bars=has_bars)
    per_unit = (plot.right - plot.left) / (high - low)
    most = 40
    marks = chart.times.marks(low, high, most=most, formats=formats)
    while len(marks) > 1 and most > 1 and not _have_room(marks, per_unit):
        most = min(len(marks), most) - 1
        marks = chart.times.marks(low, high, most=most, formats=formats)
    for mark in marks:
        x = plot.left + (mark.at - low) * per_unit
        canvas.line((x, plot.bottom), (x, plot.bottom + 4), "axis")
        _time_text(canvas, x, plot.bottom + 16, mark.text)
        if mark.below:
            _time_text(canvas, x, plot.bottom + 16 + LEADING, mark.below)


def _have_room(marks: Sequence[Mark], per_unit: float) -> bool:
    """Whether no text runs into the next."""
    texts = [(mark.at, wide(mark.text)) for mark in marks]
    below = [(mark.at, wide(mark.below)) for mark in marks if mark.below]
    return all(
        (after[0] - before[0]) * per_unit >= (before[1] + after[1]) / 2 + 7
        for line in (texts, below)
        for before, after in itertools.pairwise(line)
    )


def _time_text(canvas: Canvas, x: float, y: float, text: str) -> None:
    """Around its mark, but never beyond the drawing."""
    half = wide(text) / 2
    canvas.text((min(max(x, half), canvas.width - half), y), text, anchor="middle")
