"""Pies and funnels: values by name, without axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import added, number, points
from server.reports.charts.rest import kept, rest_name
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows

_MAX_STAGES = 12
_NAMED = 3  # values without a slice that a note names


def pie(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """Shares of what is above zero. What is below has none: a note names it, and what the shares are of."""
    chart, found = points(chart, rows)
    pairs = _pairs(settings, found, formats)
    negative = [(name, value) for name, value in pairs if value is not None and value < 0]
    pairs = [(name, value) for name, value in pairs if value is not None and value >= 0]
    if not any(value for _name, value in pairs):
        return msgspec.structs.replace(_without(chart, negative, 0, formats), is_empty=True)
    total: Any = 0
    for _name, value in pairs:
        total = added(total, value)
    chart = _without(chart, negative, total, formats)
    chart, pairs = _with_rest(chart, pairs, formats)
    return _named_chart(chart, settings, pairs)


def funnel(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """A stage without a value, or with one below zero, has no width: it says so, and a note names the latter."""
    chart, found = points(chart, rows)
    pairs = _pairs(settings, found, formats)
    if all(value is None for _name, value in pairs):
        return msgspec.structs.replace(chart, is_empty=True)
    if len(pairs) > _MAX_STAGES:
        chart = chart.noting("first_drawn", shown=_MAX_STAGES, count=len(pairs))
        pairs = pairs[:_MAX_STAGES]
    negative = [(name, value) for name, value in pairs if value is not None and value < 0]
    if negative:
        chart = chart.noting("no_width", names=_named(negative, chart, formats))
    return _named_chart(chart, settings, pairs)


def _pairs(settings: ChartSettings, data: Sequence[QueryRow], formats: Formats) -> list[tuple[str, Any]]:
    """Names with their values; those of one name are summed, as they are one slice."""
    found: dict[str, Any] = {}
    for row in data:
        name = formats.in_column(row[settings.x], settings.x)
        found[name] = added(found.get(name), number(row[settings.y[0]]))
    return list(found.items())


def _without(chart: Chart, negative: list[tuple[str, Any]], total: Any, formats: Formats) -> Chart:
    if not negative:
        return chart
    names = _named(negative, chart, formats)
    return chart.noting("no_slices", count=len(negative), names=names, total=formats.text(total, chart.format))


def _named(pairs: Sequence[tuple[str, Any]], chart: Chart, formats: Formats) -> str:
    told = ", ".join(f"{name} ({formats.text(value, chart.format)})" for name, value in pairs[:_NAMED])
    return told + " …" if len(pairs) > _NAMED else told


def _with_rest(chart: Chart, pairs: list[tuple[str, Any]], formats: Formats) -> tuple[Chart, list[tuple[str, Any]]]:
    """Of too many slices the largest stay, in their order; the others are one at the end, and a note counts them."""
    largest = kept([value for _name, value in pairs])
    if largest is None:
        return chart, pairs
    rest: Any = 0
    for place, (_name, value) in enumerate(pairs):
        rest = rest if place in largest else added(rest, value)
    name = rest_name(len(pairs) - len(largest), formats)
    chart = msgspec.structs.replace(chart, has_rest=True).noting("rest", count=len(pairs) - len(largest), name=name)
    return chart, [*(pair for place, pair in enumerate(pairs) if place in largest), (name, rest)]


def _named_chart(chart: Chart, settings: ChartSettings, pairs: list[tuple[str, Any]]) -> Chart:
    series = [Series(name=settings.label(settings.y[0]), values=[value for _name, value in pairs], kind=chart.kind)]
    names = [name for name, _value in pairs]
    colors = [settings.colors.get(name, "") for name in names]
    return msgspec.structs.replace(chart, labels=names, series=series, colors=colors)
