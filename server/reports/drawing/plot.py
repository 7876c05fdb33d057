"""The field of a chart with axes: where its places and values lie."""

from __future__ import annotations

import msgspec

from server.reports.charts.chart import Chart, Target
from server.reports.drawing.canvas import LETTERS, Canvas, Point
from server.reports.drawing.lettering import cut
from server.reports.drawing.scale import Scale
from server.reports.formats import Formats, ValueFormat

SHARES = ValueFormat(kind="percent", decimals=0)
TALLEST = 880.0  # what a page of paper has room for
TITLE_ROOM = 18.0  # of what an axis is called


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
    second: Scale | None = None

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


def title_above(canvas: Canvas, text: str, top: float) -> float:
    """What the axis at the left is called, above it. Returns where what is below it begins."""
    if not text:
        return top
    canvas.text((0, top + 10), cut(text, canvas.width, LETTERS))
    return top + TITLE_ROOM


def title_below(canvas: Canvas, text: str, left: float, right: float) -> None:
    """What the axis at the bottom is called, below it."""
    if text:
        canvas.text(((left + right) / 2, canvas.height - 4), cut(text, right - left, LETTERS), anchor="middle")


def value_format(chart: Chart) -> ValueFormat:
    """How marks of the first axis are written."""
    return SHARES if chart.stacked == "shares" else chart.format


def target_text(target: Target, format: ValueFormat, formats: Formats) -> str:  # noqa: A002
    """What a target is called, and how much it is."""
    return f"{target.label} {formats.text(target.value, format)}".strip()
