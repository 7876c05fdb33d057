"""The field of a chart with axes: where its places and values lie, and what is written along them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import Mark
from server.reports.drawing.canvas import LETTERS, Canvas, Point, wide
from server.reports.drawing.lettering import cut, fitted
from server.reports.drawing.names import LEADING, LONGEST_TURNED, Names, arranged
from server.reports.drawing.scale import Scale, value_scale
from server.reports.formats import Formats, ValueFormat

SHARES = ValueFormat(kind="percent", decimals=0)
_MARK_ROOM = 44.0  # pixels for each mark of a value axis
_LEAST_ROW = 14.0  # of a name beside a horizontal bar
TALLEST = 880.0  # what a page of paper has room for


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """`places` are where labels lie along, `slot` the room of one. Upright charts go along x, others along y."""

    left: float
    top: float
    right: float
    bottom: float
    is_horizontal: bool
    places: list[float]
    slot: float
    value: Scale
    second: Scale | None

    def at(self, place: float, height: float) -> Point:
        """`height` is a place on the scale of values."""
        return (height, place) if self.is_horizontal else (place, height)


def along(chart: Chart, start: float, end: float, *, has_bars: bool) -> tuple[list[float], float]:
    """Where each label lies, and the room of one."""
    times = chart.times
    if times is None:
        slot = (end - start) / max(len(chart.labels), 1)
        return [start + (number + 0.5) * slot for number in range(len(chart.labels))], slot
    low, high = time_range(chart, has_bars=has_bars)
    per_unit = (end - start) / (high - low)
    return [start + (place - low) * per_unit for place in times.places], times.step * per_unit


def time_range(chart: Chart, *, has_bars: bool) -> tuple[float, float]:
    """From the first place to the last, and half a bar more."""
    times = chart.times
    assert times is not None
    low, high = times.places[0], times.places[-1]
    pad = times.step / 2 if has_bars or low == high else 0
    return low - pad, high + pad


def upright(
    canvas: Canvas,
    chart: Chart,
    formats: Formats,
    top: float,
    values: list[float],
    seconds: list[float],
    *,
    has_bars: bool,
) -> Plot:
    """Lays out and draws the axes of a chart that goes from left to right."""
    if chart.y_title:
        canvas.text((0, top + 10), cut(chart.y_title, canvas.width, LETTERS))
        top += 18
    top += 4
    rough = max(2, min(6, round((canvas.height - top - 40) / _MARK_ROOM) + 1))
    value_format = SHARES if chart.stacked == "shares" else chart.format
    marks = value_scale(values, 0, 1, marks=rough, exact_high=chart.stacked == "shares").marks
    written = [formats.on_axis(mark, value_format) for mark in marks]
    left = max(map(wide, written)) + 8
    second_format = chart.line_format if chart.line_format.kind else chart.format
    second = value_scale(seconds, 0, 1, marks=rough) if seconds else None
    right = 12.0
    if second:
        right = max(wide(formats.on_axis(mark, second_format)) for mark in second.marks) + 10
    foot = 18.0 if chart.x_title else 0.0
    names: Names | None = None
    if chart.times is None:
        for _try in range(2):  # what the first name needs may narrow the slots
            slot = (canvas.width - left - right) / max(len(chart.labels), 1)
            names = arranged(chart.labels, slot, longest=LONGEST_TURNED * canvas.height, may_thin=chart.numbers_along)
            left = max(left, min(names.overhang - slot / 2, canvas.width * 0.3))
        height = names.height if names else 0.0
    else:
        height = 20 + LEADING
    bottom = max(canvas.height - height - foot, top + 40)
    canvas.height = max(canvas.height, bottom + height + foot)
    end = canvas.width - right
    places, slot = along(chart, left, end, has_bars=has_bars)
    plot = Plot(
        left=left, top=top, right=end, bottom=bottom, is_horizontal=False, places=places, slot=slot,
        value=value_scale(values, bottom, top, marks=rough, exact_high=chart.stacked == "shares"),
        second=value_scale(seconds, bottom, top, marks=rough) if seconds else None,
    )  # fmt: skip
    _value_axis(canvas, plot, written)
    if plot.second:
        for mark in plot.second.marks:
            canvas.text((end + 6, plot.second.at(mark) + 4), formats.on_axis(mark, second_format))
    if names:
        names.draw(canvas, places, bottom)
    else:
        _time_marks(canvas, chart, formats, plot, has_bars=has_bars)
    if chart.x_title:
        canvas.text(((left + end) / 2, canvas.height - 4), cut(chart.x_title, end - left, LETTERS), anchor="middle")
    return plot


def sideways(
    canvas: Canvas, chart: Chart, formats: Formats, top: float, values: list[float], *, has_bars: bool
) -> Plot:
    """Lays out and draws the axes of a chart whose bars go from left to right, one name a row."""
    names, starts = _row_names(chart, formats)
    if chart.x_title:
        canvas.text((0, top + 10), cut(chart.x_title, canvas.width, LETTERS))
        top += 18
    top += 14 if chart.targets else 0
    foot = 22.0 + (16.0 if chart.y_title else 0)
    canvas.height = max(canvas.height, min(TALLEST, top + foot + len(names) * _LEAST_ROW))
    bottom = canvas.height - foot
    room = min(max(map(wide, names), default=0) + 4, canvas.width * 0.36)
    left = room + 8
    end = canvas.width - 16
    if chart.data_labels and not chart.stacked:
        end -= max(wide(formats.text(value, chart.format_of(one))) for one in chart.series for value in one.values)
    value_format = SHARES if chart.stacked == "shares" else chart.format
    rough = max(2, min(7, round((end - left) / 80) + 1))
    exact = chart.stacked == "shares"
    places, slot = along(chart, top, bottom, has_bars=has_bars)
    plot = Plot(
        left=left, top=top, right=end, bottom=bottom, is_horizontal=True, places=places, slot=slot,
        value=value_scale(values, left, end, marks=rough, exact_high=exact), second=None,
    )  # fmt: skip
    for mark in plot.value.marks:
        x = plot.value.at(mark)
        canvas.line((x, top), (x, bottom), "axis" if mark == 0 else "line")
        canvas.text((x, bottom + 15), formats.on_axis(mark, value_format), anchor="middle")
    row = starts[1] - starts[0] if chart.times and len(starts) > 1 else slot
    each = 1 if chart.times else max(1, math.ceil(LETTERS / slot))
    at = _row_places(chart, plot, starts, has_bars=has_bars)
    for number in range(0, len(names), each):
        lines = fitted(names[number], room, LETTERS, lines=2 if row >= 2 * LEADING else 1)
        for line_number, line in enumerate(lines):
            y = at[number] + 4 + (line_number - (len(lines) - 1) / 2) * LEADING
            canvas.text((left - 6, y), line, anchor="end")
    if chart.y_title:
        canvas.text(((left + end) / 2, canvas.height - 4), cut(chart.y_title, end - left, LETTERS), anchor="middle")
    return plot


def _row_names(chart: Chart, formats: Formats) -> tuple[list[str], list[float]]:
    """Beside the rows: labels, or the marks of their time with the places of these."""
    if chart.times is None:
        return chart.labels, []
    low, high = time_range(chart, has_bars=True)
    marks = chart.times.marks(low, high, most=40, formats=formats)
    joined = [f"{mark.text} {mark.below}".strip() for mark in marks]
    return joined, [mark.at for mark in marks]


def _row_places(chart: Chart, plot: Plot, starts: Sequence[float], *, has_bars: bool) -> list[float]:
    if chart.times is None:
        return plot.places
    low, high = time_range(chart, has_bars=has_bars)
    return [plot.top + (start - low) / (high - low) * (plot.bottom - plot.top) for start in starts]


def _value_axis(canvas: Canvas, plot: Plot, written: Sequence[str]) -> None:
    for mark, text in zip(plot.value.marks, written, strict=True):
        y = plot.value.at(mark)
        canvas.line((plot.left, y), (plot.right, y), "axis" if mark == 0 else "line")
        canvas.text((plot.left - 6, y + 4), text, anchor="end")


def _time_marks(canvas: Canvas, chart: Chart, formats: Formats, plot: Plot, *, has_bars: bool) -> None:
    assert chart.times is not None
    low, high = time_range(chart, has_bars=has_bars)
    length = plot.right - plot.left
    most = 40
    marks = chart.times.marks(low, high, most=most, formats=formats)
    while len(marks) > 1 and most > 1 and not _have_room(marks, length / (high - low)):
        most = min(len(marks), most) - 1
        marks = chart.times.marks(low, high, most=most, formats=formats)
    for mark in marks:
        x = plot.left + (mark.at - low) / (high - low) * length
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
