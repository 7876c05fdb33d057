"""Lines, bars and areas over names or time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from server.reports.charts.chart import Chart, Series
from server.reports.drawing.canvas import LETTERS, Canvas, Look, Point, wide
from server.reports.drawing.head import area_key, legend, line_key, title
from server.reports.drawing.lettering import ELLIPSIS, cut
from server.reports.drawing.names import LONGEST_TURNED, arranged
from server.reports.drawing.plot import Plot, target_text, value_format
from server.reports.drawing.scale import Scale
from server.reports.drawing.sideways import sideways
from server.reports.drawing.targets import Box, along_curve, around, draw_targets, meet, text_box, write_target
from server.reports.drawing.upright import upright
from server.reports.formats import Formats, ValueFormat

_ALL_MARKED = 60  # points of a line that each have a marker
_MARKED = 12  # of a longer line, so that its shape is known
_WIDEST_BAR = 34.0
_LABEL = 10  # size of the letters at marks
SHORTENED = ("", "integer", "decimal", "currency")

Span = tuple[Any, Any]  # from where to where a value reaches


def draw(canvas: Canvas, chart: Chart, formats: Formats) -> None:
    looks = [Look(number, color=series.color, is_rest=series.is_rest) for number, series in enumerate(chart.series)]
    top = title(canvas, chart.title)
    if len(chart.series) > 1:
        keys = [line_key if one.kind == "line" and chart.kind != "area" else area_key for one in chart.series]
        names = [one.name for one in chart.series]
        top = legend(canvas, top, list(zip(names, looks, keys, strict=True)))
    bars = [one for one in chart.series if one.kind == "bar"]
    spans = _spans(chart)
    firsts, seconds = _ranges(chart, spans)
    if chart.data_labels and not chart.stacked:
        top += 10
    if chart.horizontal or _needs_rows(canvas, chart, bars):
        plot = sideways(canvas, chart, formats, top, firsts, has_bars=bool(bars))
    else:
        plot = upright(canvas, chart, formats, top, firsts, seconds, has_bars=bool(bars))
    number = 0
    drawn: list[Box] = []
    for series, look, span in zip(chart.series, looks, spans, strict=True):
        scale = plot.second if series.second_axis and plot.second else plot.value
        if series.kind == "bar":
            place, groups = (0, 1) if chart.stacked or chart.bases else (number, len(bars))
            drawn += _bars(
                canvas, plot, scale, look, span,
                place=place, groups=groups, is_stacked=bool(chart.stacked), incomplete=series.incomplete,
            )  # fmt: skip
            number += 1
        else:
            drawn += _line(canvas, plot, scale, look, span, series, chart)
    if chart.bases:
        _steps(canvas, plot, chart)
    taken = _targets(canvas, plot, chart, formats, drawn)
    if chart.data_labels:
        _data_labels(canvas, plot, chart, formats, spans, taken)
    canvas.fact("at", " ".join(f"{place:.0f}" for place in plot.places))
    canvas.fact("field", " ".join(f"{edge:.0f}" for edge in (plot.left, plot.top, plot.right, plot.bottom)))
    canvas.fact("way", "y" if plot.is_horizontal else "x")


def _needs_rows(canvas: Canvas, chart: Chart, bars: Sequence[Series]) -> bool:
    """Bars side by side whose names have no room, or become the same when they are cut, lie one above the other."""
    if len(bars) < len(chart.series) or chart.times is not None or chart.numbers_along:
        return False
    slot = (canvas.width - 60) / max(len(chart.labels), 1)
    names = arranged(chart.labels, slot, longest=LONGEST_TURNED * canvas.height)
    begun = {tuple(line.partition(ELLIPSIS)[0] for line in lines) for lines in names.lines}
    return names.each > 1 or len(begun) < len(set(chart.labels))


def _ranges(chart: Chart, spans: Sequence[Sequence[Span]]) -> tuple[list[float], list[float]]:
    """The values of the first axis and of the second."""
    firsts = [*(target.value for target in chart.targets), *(chart.reach or ())]
    seconds: list[float] = []
    for series, span in zip(chart.series, spans, strict=True):
        wanted = seconds if series.second_axis else firsts
        wanted.extend(end for pair in span for end in pair if end is not None and pair[1] is not None)
    # What is wholly of the second axis needs none of the first.
    return firsts or [0.0], seconds


def _spans(chart: Chart) -> list[list[Span]]:
    """From where to where each value reaches, by series."""
    if chart.stacked:
        return _stacked(chart)
    bases = chart.bases or [0.0] * len(chart.labels)
    return [
        [(base, None if value is None else base + value) for base, value in zip(bases, one.values, strict=True)]
        for one in chart.series
    ]


def _steps(canvas: Canvas, plot: Plot, chart: Chart) -> None:
    """From where one bar of a waterfall ends to the next."""
    half = min(plot.slot * 0.78, _WIDEST_BAR) / 2
    for place in range(len(chart.labels) - 1):
        at = plot.value.at(chart.bases[place] + chart.step(place))
        before, after = plot.places[place] + half, plot.places[place + 1] - half
        canvas.line(plot.at(before, at), plot.at(after, at), "axis")


def _stacked(chart: Chart) -> list[list[Span]]:
    """Each value on those before it; below zero, downwards. As shares, each is its part of all at that place."""
    count = len(chart.labels)
    totals = [sum(abs(one.values[place] or 0) for one in chart.series) for place in range(count)]
    above, below = [0.0] * count, [0.0] * count
    spans: list[list[Span]] = []
    for series in chart.series:
        span: list[Span] = []
        for place, value in enumerate(series.values):
            if value is None and series.kind == "bar":
                span.append((None, None))
                continue
            part = float(value or 0)
            if chart.stacked == "shares":
                part = part / totals[place] if totals[place] else 0.0
            base = above if part >= 0 else below
            span.append((base[place], base[place] + part))
            base[place] += part
        spans.append(span)
    return spans


def _bars(
    canvas: Canvas,
    plot: Plot,
    scale: Scale,
    look: Look,
    span: Sequence[Span],
    *,
    place: int,
    groups: int,
    is_stacked: bool,
    incomplete: int | None,
) -> list[Box]:
    """All of a series as one shape, but for the bar that will still grow. Returns where they stand."""
    room = plot.slot * 0.78
    thick = max(min(room / groups, _WIDEST_BAR), 0.6)
    shift = (place - (groups - 1) / 2) * thick
    inner = thick - 1 if thick > 4 else thick
    parts: list[str] = []
    boxes: list[Box] = []
    for number, (at, (base, value)) in enumerate(zip(plot.places, span, strict=True)):
        if value is None or value == base:
            continue
        low, high = sorted((scale.at(base), scale.at(value)))
        begin = at + shift - inner / 2
        x, y, wide_, tall = (low, begin, high - low, inner) if plot.is_horizontal else (begin, low, inner, high - low)
        boxes.append((x, y, x + wide_, y + tall))
        bar = f"M{x:.1f} {y:.1f}h{wide_:.2f}v{tall:.2f}h-{wide_:.2f}z"
        if number == incomplete:
            canvas.open_shape(bar, look)
        else:
            parts.append(bar)
    if parts:
        canvas.shape("".join(parts), canvas.fill(look), edge="ground" if is_stacked and inner > 4 else "")
    return boxes


def _line(
    canvas: Canvas, plot: Plot, scale: Scale, look: Look, span: Sequence[Span], series: Series, chart: Chart
) -> list[Box]:
    """Returns what it covers, where somebody asks."""

    def point(place: int, end: int = 1) -> Point:
        return plot.at(plot.places[place], scale.at(span[place][end]))

    is_area = chart.kind == "area"
    count = sum(map(len, series.runs))
    step = 1 if count <= _ALL_MARKED else (0 if len(chart.series) == 1 else math.ceil(count / _MARKED))
    for run in series.runs:
        for part, is_open in _parts(run, series.incomplete):
            line = [point(place) for place in part]
            if is_area:
                base = (
                    [point(place, 0) for place in reversed(part)]
                    if chart.stacked
                    else [plot.at(plot.places[place], scale.at(0)) for place in (part[-1], part[0])]
                )
                opacity = 0.75 if chart.stacked else 0.22
                canvas.area([*line, *base], look, opacity=opacity / 3 if is_open else opacity)
            canvas.curve(line, look, thick=1.4 if is_area and chart.stacked else 2.2, is_open=is_open)
        if len(run) == 1 and is_area:
            foot = plot.at(plot.places[run[0]], scale.at(span[run[0]][0]))
            canvas.line(foot, point(run[0]), look.paint, thick=3)
        is_marked = step and not (is_area and chart.stacked)
        marked = run if len(run) == 1 else run[::step] if is_marked else ()
        for place in marked:
            if place != series.incomplete:
                canvas.marker(point(place), look, size=3.4 if len(run) == 1 else 2.8)
        if series.incomplete in run:
            canvas.open_marker(point(series.incomplete), look, size=3.2)
    if not chart.targets:
        return []
    curves = [[point(place) for place in run] for run in series.runs]
    return [box for curve in curves for box in (along_curve(curve) if len(curve) > 1 else map(around, curve))]


def _parts(run: Sequence[int], incomplete: int | None) -> Iterator[tuple[Sequence[int], bool]]:
    """What is drawn in one go, and whether it leads to or from a value that will still change."""
    if incomplete is None or incomplete not in run:
        cuts = [(run, False)]
    else:
        at = run.index(incomplete)
        cuts = [(run[:at], False), (run[max(at - 1, 0) : at + 2], True), (run[at + 1 :], False)]
    yield from ((part, is_open) for part, is_open in cuts if len(part) > 1)


def _targets(canvas: Canvas, plot: Plot, chart: Chart, formats: Formats, drawn: Sequence[Box]) -> list[Box]:
    """Returns where their labels stand."""
    told = [(plot.value.at(each.value), target_text(each, value_format(chart), formats)) for each in chart.targets]
    if not plot.is_horizontal:
        return draw_targets(canvas, told, (plot.left, plot.top, plot.right, plot.bottom), drawn)
    taken: list[Box] = []
    for at, _text in told:
        canvas.line((at, plot.top), (at, plot.bottom), "target", thick=1.4, dash="6 3")
    for at, whole in told:  # above the field
        text = cut(whole, (plot.right - plot.left) / 2, LETTERS)
        middle = min(at, canvas.width - wide(text) / 2)
        box = _free(text_box(middle, plot.top - 3, wide(text)), taken, plot)
        write_target(canvas, box, text)
        taken.append(box)
    return taken


def _free(box: Box, taken: Sequence[Box], plot: Plot) -> Box:
    """Moved to the left until it stands on no other; where there is no room left, it stands where it was."""
    left, top, right, bottom = box
    while blockers := [each for each in taken if meet((left, top, right, bottom), each)]:
        left, right = (edge := min(each[0] for each in blockers) - 8) - (right - left), edge
        if left < plot.left:
            return box
    return left, top, right, bottom


def _data_labels(
    canvas: Canvas, plot: Plot, chart: Chart, formats: Formats, spans: Sequence[Sequence[Span]], taken: list[Box]
) -> None:
    """The value at each mark, where it runs into nothing that is written."""
    bars = [one for one in chart.series if one.kind == "bar"]
    for series, span in zip(chart.series, spans, strict=True):
        scale = plot.second if series.second_axis and plot.second else plot.value
        for place, (base, end) in enumerate(span):
            value = series.values[place]
            if value is None or end is None:
                continue
            found = _label(canvas, plot, scale, chart, formats, series, bars, place, base, end)
            if found is None:
                continue
            text, (x, y), is_inside = found
            box = text_box(x, y, wide(text))
            if any(meet(box, each) for each in taken):
                continue
            taken.append(box)
            canvas.text((x, y), text, size=_LABEL, paint="ground" if is_inside else "ink", anchor="middle")


def _label(
    canvas: Canvas, plot: Plot, scale: Scale, chart: Chart, formats: Formats, series: Series, bars: Sequence[Series],
    place: int, base: Any, end: Any,
) -> tuple[str, Point, bool] | None:  # fmt: skip
    """What is written, where, and whether in white: that needs a bar around all of it, else 100M reads as 00M."""
    value, own = series.values[place], chart.format_of(series)
    text = formats.text(value, own)
    piece = (0.0, 0.0)
    if series.kind == "bar" and not chart.bases:
        piece = _piece(plot, scale, chart, bars, base, end)
    is_inside = series.kind == "bar" and bool(chart.stacked)
    if is_inside and not _has_room(piece, text):
        text = formats.text(value, ValueFormat(kind="compact")) if own.kind in SHORTENED else ""
        if not text or not _has_room(piece, text):
            return None
    x, y = _label_at(plot, scale, chart, series, bars, place, base, end, wide(text))
    half = wide(text) / 2
    x = min(max(x, half if plot.is_horizontal else plot.left + half), canvas.width - half)
    if series.kind == "bar" and not (plot.is_horizontal or chart.bases or chart.stacked) and end < base:
        is_above = y < scale.at(end)
        is_inside = is_above and _has_room(piece, text)
        if is_above and not is_inside:
            y = scale.at(base) - 5
    return text, (x, y), is_inside and place != series.incomplete  # whose bar is pale


def _label_at(
    plot: Plot, scale: Scale, chart: Chart, series: Series, bars: Sequence[Series],
    place: int, base: Any, end: Any, room: float,
) -> Point:  # fmt: skip
    """The middle of the label's base line."""
    at = plot.places[place]
    if series.kind == "bar" and not chart.stacked and not chart.bases:
        at += (bars.index(series) - (len(bars) - 1) / 2) * _thickness(plot, chart, bars)
    if chart.stacked:
        middle = scale.at((base + end) / 2)
        return (middle, at + 4) if plot.is_horizontal else (at, middle + 4)
    if chart.bases and not plot.is_horizontal:
        return (at, scale.at(max(base, end)) - 5)
    beyond = 1 if end >= base else -1
    if plot.is_horizontal:
        if beyond < 0 and scale.at(end) - room - 4 < plot.left:  # there, the names begin
            return (scale.at(base) + room / 2 + 4, at + 4)
        return (scale.at(end) + beyond * (room / 2 + 4), at + 4)
    if beyond > 0 or scale.at(end) + 13 > plot.bottom:  # below there, the names of the axis begin
        return (at, scale.at(end) - 5)
    return (at, scale.at(end) + 12)


def _thickness(plot: Plot, chart: Chart, bars: Sequence[Series]) -> float:
    return min(plot.slot * 0.78 / (1 if chart.stacked else len(bars)), _WIDEST_BAR)


def _piece(
    plot: Plot, scale: Scale, chart: Chart, bars: Sequence[Series], base: Any, end: Any
) -> tuple[float, float]:  # fmt: skip
    """How wide and how high a bar, or its part of a stack, is drawn."""
    long, thick = abs(scale.at(end) - scale.at(base)), _thickness(plot, chart, bars)
    return (long, thick) if plot.is_horizontal else (thick, long)


def _has_room(piece: tuple[float, float], text: str) -> bool:
    return piece[0] >= wide(text, _LABEL) and piece[1] >= _LABEL
