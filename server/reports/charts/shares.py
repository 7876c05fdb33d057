"""Pies and funnels: values by name, without axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import added_up, key, named, number
from server.reports.charts.rest import kept, rest_name
from server.reports.formats import Formats
from server.reports.rows import Rows, rows_of

_MAX_STAGES = 12


def pie(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """Shares of what is above zero. What is below has none: a note names it, and what the shares are of."""
    chart, pairs = _pairs(chart, settings, rows, formats)
    negative = [(name, value) for name, value in pairs if value is not None and value < 0]
    pairs = [(name, value) for name, value in pairs if value is not None and value >= 0]
    if not any(value for _name, value in pairs):
        if negative:
            chart = chart.noting("only_negative", names=_named(negative, chart, formats))
        elif pairs:
            chart = chart.noting("all_zero", names=named([name for name, _value in pairs]))
        return msgspec.structs.replace(chart, is_empty=True)
    if negative:
        total = formats.text(added_up(value for _name, value in pairs), chart.format)
        names = _named(negative, chart, formats)
        chart = chart.noting("no_slices", count=len(negative), names=names, total=total)
    chart, pairs = _with_rest(chart, pairs, formats)
    return _named_chart(chart, settings, pairs)


def funnel(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """A stage without a value, or with one below zero, has no width: it says so, and a note names the latter."""
    chart, pairs = _pairs(chart, settings, rows, formats)
    if all(value is None for _name, value in pairs):
        return msgspec.structs.replace(chart, is_empty=True)
    if len(pairs) > _MAX_STAGES:
        chart = chart.noting("first_boxes", shown=_MAX_STAGES, count=len(pairs))
        pairs = pairs[:_MAX_STAGES]
    negative = [(name, value) for name, value in pairs if value is not None and value < 0]
    if negative:
        chart = chart.noting("no_width", names=_named(negative, chart, formats))
    return _named_chart(chart, settings, pairs)


def _pairs(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> tuple[Chart, list[tuple[str, Any]]]:
    """Names with their values; those of one name are added up, as they are one slice, and a note says so."""
    data = rows_of(rows)
    found: dict[Any, list[Any]] = {}
    for row in data:
        found.setdefault(key(row[settings.x]), []).append(number(row[settings.y[0]]))
    by_name: dict[str, list[Any]] = {}
    for value, members in found.items():
        by_name.setdefault(formats.in_column(value, settings.x), []).extend(members)
    if len(by_name) < len(data):
        chart = chart.noting("summed", count=len(data) - len(by_name), column=settings.label(settings.x))
    return chart, [(name, added_up(members)) for name, members in by_name.items()]


def _named(pairs: Sequence[tuple[str, Any]], chart: Chart, formats: Formats) -> str:
    return named([f"{name} ({formats.text(value, chart.format)})" for name, value in pairs])


def _with_rest(chart: Chart, pairs: list[tuple[str, Any]], formats: Formats) -> tuple[Chart, list[tuple[str, Any]]]:
    """Of too many slices the largest stay, in their order; the others are one at the end, and a note counts them."""
    largest = kept([value for _name, value in pairs])
    if largest is None:
        return chart, pairs
    rest = added_up(value for place, (_name, value) in enumerate(pairs) if place not in largest)
    name = rest_name(len(pairs) - len(largest), formats)
    chart = msgspec.structs.replace(chart, has_rest=True).noting("rest", count=len(pairs) - len(largest), name=name)
    return chart, [*(pair for place, pair in enumerate(pairs) if place in largest), (name, rest)]


def _named_chart(chart: Chart, settings: ChartSettings, pairs: list[tuple[str, Any]]) -> Chart:
    series = [Series(name=settings.label(settings.y[0]), values=[value for _name, value in pairs], kind=chart.kind)]
    names = [name for name, _value in pairs]
    colors = [settings.colors.get(name, "") for name in names]
    return msgspec.structs.replace(chart, labels=names, series=series, colors=colors)
