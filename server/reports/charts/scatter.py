"""Points: one column over another."""

from __future__ import annotations

from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import number, points
from server.reports.charts.rest import kept, rest_name
from server.reports.formats import Formats, ValueFormat
from server.reports.rows import Rows


def scatter(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """One series a value of the `series` column, each beside all labels: empty where a point is another's."""
    chart, data = points(chart, rows)
    pairs = [(number(row[settings.x]), number(row[settings.y[0]])) for row in data]
    placed = [place for place, pair in enumerate(pairs) if None not in pair]
    if not placed:
        return msgspec.structs.replace(chart, is_empty=True)
    if len(placed) < len(data):
        chart = chart.noting("no_point", count=len(data) - len(placed))
    own_name = settings.label(settings.y[0])
    groups: dict[str, list[int]] = {}
    for place in placed:
        row = data[place]
        name = formats.in_column(row[settings.series], settings.series) if settings.series else own_name
        groups.setdefault(name, []).append(place)
    chart, groups = _with_rest(chart, groups, formats)
    series = []
    for name, members in groups.items():
        values: list[Any] = [None] * len(data)
        for place in members:
            values[place] = pairs[place][1]
        xs = [x for x, _y in pairs]
        is_rest = name == next(reversed(groups)) and any(note.word == "rest" for note in chart.notes)
        series.append(
            Series(
                name=name, values=values, xs=xs, kind="scatter", color=settings.colors.get(name, ""), is_rest=is_rest
            )
        )
    kinds = {formats.kind_of(data[place][settings.x], settings.x) for place in placed}
    x_format = ValueFormat(kind="year" if kinds == {"year"} else "")
    return msgspec.structs.replace(
        chart,
        labels=[formats.text(row[settings.x], x_format) for row in data],
        series=series,
        x_title=chart.x_title or chart.x_label,
        x_format=x_format,
    )


def _with_rest(chart: Chart, groups: dict[str, list[int]], formats: Formats) -> tuple[Chart, dict[str, list[int]]]:
    """The groups of most points keep their names."""
    largest = kept([len(members) for members in groups.values()])
    if largest is None:
        return chart, groups
    named = {name: members for place, (name, members) in enumerate(groups.items()) if place in largest}
    others = [members for name, members in groups.items() if name not in named]
    name = rest_name(len(others), formats)
    named[name] = sorted(place for members in others for place in members)
    return chart.noting("rest", count=len(others), name=name), named
