"""Doughnuts: shares of a whole, each named beside its slice."""

from __future__ import annotations

import math

from server.reports.charts.chart import Chart
from server.reports.drawing.canvas import LETTERS, Canvas, Look, Point, wide
from server.reports.drawing.head import title
from server.reports.drawing.lettering import cut_apart
from server.reports.formats import Formats, ValueFormat

_LEADING = 14.0
_NARROW = 500.0
_BELOW = 8.0  # the second line of a name, from what is written below the drawing
_MOST_NAMES = 0.3  # of the width, on either side
_PERCENT = ValueFormat(kind="percent", decimals=1)


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    top = title(canvas, chart.title) + 2
    values = [float(value) for value in chart.series[0].values]
    total = math.fsum(values)
    lines = 2 if canvas.width < _NARROW else 1
    canvas.height = max(canvas.height, top + lines * _LEADING * (len(values) + 1) * 0.6)
    center = (canvas.width / 2, (top + canvas.height) / 2)
    texts = [formats.text(value / total, _PERCENT) for value in values]
    shares = max(map(wide, texts))
    names = max(map(wide, chart.labels))
    room = min(max(names, shares) if lines > 1 else names + shares + 12, canvas.width * _MOST_NAMES)
    outer = max(20.0, min((canvas.height - top) / 2 - 10, canvas.width / 2 - room - 32))
    looks = [
        Look(number, color=color, is_rest=chart.has_rest and number == len(values) - 1)
        for number, color in enumerate(chart.colors)
    ]
    canvas.group('data-marks=""')
    turned = 0.0
    middles = []
    for value, look in zip(values, looks, strict=True):
        share = value / total
        canvas.shape(_slice(center, outer, turned, share), canvas.fill(look), edge="ground")
        middles.append(turned + share / 2)
        turned += share
    canvas.end()
    _names(canvas, list(zip(chart.labels, texts, strict=True)), middles, center, outer, top, lines=lines)
    canvas.height += _BELOW * (lines - 1)


def _slice(center: Point, outer: float, start: float, share: float) -> str:
    inner = outer * 0.6
    if share <= 0:
        x, y = _on(center, outer, start)
        return f"M{x:.1f} {y:.1f}z"
    share = min(share, 0.999)  # an arc from a point to itself, as it is written here, is none
    long = int(share > 0.5)
    (x0, y0), (x1, y1) = _on(center, outer, start), _on(center, outer, start + share)
    (x2, y2), (x3, y3) = _on(center, inner, start + share), _on(center, inner, start)
    return (
        f"M{x0:.2f} {y0:.2f}A{outer:.2f} {outer:.2f} 0 {long} 1 {x1:.2f} {y1:.2f}"
        f"L{x2:.2f} {y2:.2f}A{inner:.2f} {inner:.2f} 0 {long} 0 {x3:.2f} {y3:.2f}z"
    )


def _on(center: Point, radius: float, turned: float) -> Point:
    angle = turned * 2 * math.pi
    return center[0] + radius * math.sin(angle), center[1] - radius * math.cos(angle)


def _names(
    canvas: Canvas,
    told: list[tuple[str, str]],
    middles: list[float],
    center: Point,
    outer: float,
    top: float,
    *,
    lines: int,
) -> None:
    """To the right and to the left, none over another, with a line to each slice."""
    room_each = _LEADING * lines
    for side in (1, -1):
        members = [number for number, middle in enumerate(middles) if (middle < 0.5) == (side > 0)]
        members.sort(key=lambda number: _on(center, outer, middles[number])[1])
        wanted = [_on(center, outer + 8, middles[number])[1] for number in members]
        heights = spread(wanted, top + room_each / 2, canvas.height - room_each / 2, room_each)
        edge = center[0] + side * (outer + 22 / lines)
        room = (canvas.width - edge if side > 0 else edge) - 6
        tight = 0 if lines > 1 else max((wide(f" · {told[number][1]}") for number in members), default=0)
        names = cut_apart([told[number][0] for number in members], room - tight, LETTERS)
        for number, y, name in zip(members, heights, names, strict=True):
            start, bend = _on(center, outer + 2, middles[number]), _on(center, outer + 8, middles[number])
            canvas.polyline([start, (bend[0], y if abs(y - bend[1]) < 2 else bend[1]), (edge, y)], "axis")
            share = told[number][1]
            for line, text in enumerate([name, share] if lines > 1 else [f"{name} · {share}"]):
                base = y + 4 + (line - (lines - 1) / 2) * _LEADING
                canvas.text((edge + side * 4, base), text, paint="ink", anchor="start" if side > 0 else "end")


def spread(wanted: list[float], low: float, high: float, least: float) -> list[float]:
    """The ascending places, moved so that each is so far from the next, and all lie between the ends."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + least if found else low))
    end = high
    for number in range(len(found) - 1, -1, -1):
        found[number] = min(found[number], end)
        end = found[number] - least
    return found
