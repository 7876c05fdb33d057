"""Colours, marks and number formats of Excel's charts: those that charts on paper have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, Series
from server.reports.drawing.paints import LIGHT, PLAIN, SERIES, readable_on
from server.reports.excel_formats import is_rounded_away, number_format, short_number_format
from server.reports.formats import Formats, ValueFormat
from server.reports.short_numbers import units

_DASHES = ("solid", "dash", "round_dot", "long_dash_dot")
_MARKERS = ("circle", "square", "diamond", "triangle", "x")
_HATCHES = (
    "wide_upward_diagonal", "wide_downward_diagonal", "dark_horizontal", "dark_vertical", "trellis",
)  # fmt: skip
_ALL_MARKED = 60  # points of a line


def color_of(place: int, color: str, *, is_rest: bool) -> str:
    return color or (LIGHT["rest"] if is_rest else SERIES[place % len(SERIES)])


def bar_look(place: int, series: Series, *, transparency: int = 0) -> dict[str, Any]:
    return _filled(place, series.color, is_rest=series.is_rest, transparency=transparency)


def slice_look(place: int, chart: Chart) -> dict[str, Any]:
    is_rest = chart.has_rest and place == len(chart.labels) - 1
    return _filled(place, chart.colors[place] if chart.colors else "", is_rest=is_rest)


def label_color(place: int, color: str, *, is_rest: bool) -> str:
    """Of what is written on it."""
    is_plain = color or is_rest or not _variant(place)
    return readable_on(color_of(place, color, is_rest=is_rest)) if is_plain else "#000000"


def slice_label_color(place: int, chart: Chart) -> str:
    is_rest = chart.has_rest and place == len(chart.labels) - 1
    return label_color(place, chart.colors[place] if chart.colors else "", is_rest=is_rest)


def line_look(place: int, series: Series) -> dict[str, Any]:
    """With a mark at each point, of a long line at those that stand alone."""
    color = color_of(place, series.color, is_rest=series.is_rest)
    dash = "solid" if series.is_rest else _DASHES[_variant(place)]
    count = sum(value is not None for value in series.values)
    is_marked = count <= _ALL_MARKED or any(len(run) == 1 for run in series.runs)
    return {
        "line": {"color": color, "width": 2.25, "dash_type": dash},
        "marker": _marker(place, color) if is_marked else {"type": "none"},
    }


def marker_look(place: int, series: Series) -> dict[str, Any]:
    """Of points that no line joins."""
    color = color_of(place, series.color, is_rest=series.is_rest)
    return {"marker": _marker(place, color) | {"size": 6}, "line": {"none": True}}


def target_look() -> dict[str, Any]:
    return {
        "line": {"color": LIGHT["target"], "width": 1.5, "dash_type": "dash"},
        "marker": {"type": "none"},
    }


def label_format(format: ValueFormat, values: Sequence[Any], formats: Formats) -> str:  # noqa: A002
    """As the report writes such values."""
    first = next((value for value in values if value is not None), None)
    kind = format.kind or formats.kind_of(first)
    if kind == "compact" and (short := short_number_format(formats, values, format)):
        return short
    return number_format(formats, msgspec.structs.replace(format, kind=kind), kind) or "General"


def told_one_by_one(format: ValueFormat, values: Sequence[Any], formats: Formats) -> list[str | None]:  # noqa: A002
    """Texts of the values that `label_format`, one for all of them, writes as another number: 0.0012 as 0.00, what
    rounds to zero as -0.00, and -20K beside 1.2M as -0.0M."""
    known = [value for value in values if value is not None]
    kind = format.kind or formats.kind_of(known[0] if known else None)
    written = msgspec.structs.replace(format, kind=kind)
    unit = 0
    if kind == "compact" and min(known, default=0) < 0:  # Excel then has one unit for all
        unit = max((size for size, _ in units(formats.locale) if size <= max(map(abs, known))), default=0)

    def differs(value: Any) -> bool:
        if value is None or not value:
            return False
        if kind == "compact":
            return bool(abs(value) < unit)
        places = formats.decimals(written)
        return formats.decimals(written, value) != places or is_rounded_away(formats, value, written, kind)

    return [formats.text(value, written) if differs(value) else None for value in values]


def falling(format: ValueFormat, values: Sequence[Any], formats: Formats) -> str:  # noqa: A002
    """Of values below zero that are drawn by their opposites."""
    number = label_format(format, [None if value is None else -value for value in values], formats)
    sections = number.split(";")
    if sections[0].startswith("["):  # a unit for each size
        return ";".join(re.sub(r"^(\[.*?\])?", r"\1-", section) for section in sections)
    below = re.sub(r"^\[.*?\]", "", sections[1]) if len(sections) > 1 else f"-{number}"
    return f"{below};{below}"


def on_axis(format: ValueFormat, values: Sequence[Any], formats: Formats) -> str:  # noqa: A002
    """Without the decimals that marks of large values do not have."""
    known = [abs(value) for value in values if value is not None]
    is_large = max(known, default=0) >= 10
    if format.kind not in ("percent", "duration") and (short := short_number_format(formats, values, format, few=True)):
        return short
    if not format.kind:
        return "#,##0" if is_large else "General"
    if format.kind == "percent":
        return "#,##0%" if max(known, default=0) >= 0.1 else "0.0%"
    if format.kind in ("currency", "decimal") and is_large:
        return number_format(formats, msgspec.structs.replace(format, decimals=0), format.kind)
    return label_format(format, values, formats) if is_large or format.kind not in ("integer", "compact") else "General"


def _filled(place: int, color: str, *, is_rest: bool, transparency: int = 0) -> dict[str, Any]:
    """Plain, or hatched from the sixth on, as not all eyes and printers tell more colours apart."""
    paint = color_of(place, color, is_rest=is_rest)
    if color or is_rest or not _variant(place):
        fill: dict[str, Any] = {"color": paint}
        return {"fill": fill | ({"transparency": transparency} if transparency else {})}
    return {"pattern": {"pattern": _HATCHES[place % PLAIN], "fg_color": paint, "bg_color": "#FFFFFF"}}


def _variant(place: int) -> int:
    return place // PLAIN % len(_DASHES)


def _marker(place: int, color: str) -> dict[str, Any]:
    fill = {"color": color}
    return {"type": _MARKERS[place % len(_MARKERS)], "size": 5, "fill": fill, "border": fill}
