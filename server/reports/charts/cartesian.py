"""Lines, bars, areas and combinations of them: values over names or over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.incomplete import with_incomplete
from server.reports.charts.look import added, axis_labels, number, points
from server.reports.charts.rest import kept, rest_name
from server.reports.charts.time_axis import TimeAxis, runs, time_axis
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows

_MOST_NAMES = 50  # that a page is wide enough for
_MOST_ROWS = 70  # that a page is high enough for


def cartesian(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats, now: datetime | None) -> Chart:
    chart, data = points(chart, rows)
    chart, data, times = _in_time(chart, settings, data, formats)
    if settings.series:
        chart, along, series = _by_series(chart, settings, data, formats)
    elif times:
        chart, along, series = _by_column_in_time(chart, settings, data)
    else:
        along, series = [row[settings.x] for row in data], _by_column(settings, data)
    if not any(value is not None for one in series for value in one.values):
        return msgspec.structs.replace(chart, is_empty=True)
    if any(one.kind == "line" for one in series):
        series = _joined(series, times, settings)
    by_numbers = all(number(value) is not None for value in along)
    most = _MOST_NAMES if any(one.kind == "line" for one in series) else _MOST_ROWS
    if times is None and not by_numbers and len(along) > most:
        chart = chart.noting("thinned", count=len(along))
    drawn = msgspec.structs.replace(
        chart,
        labels=axis_labels(along, formats, column=settings.x),
        series=[msgspec.structs.replace(one, color=settings.colors.get(one.name, "")) for one in series],
        times=times,
        numbers_along=by_numbers,
        horizontal=settings.horizontal and settings.kind != "combo",
        stacked=settings.stacked,
    )
    return with_incomplete(drawn, settings, along, now=now, formats=formats)


def _in_time(
    chart: Chart, settings: ChartSettings, data: list[QueryRow], formats: Formats
) -> tuple[Chart, list[QueryRow], TimeAxis | None]:
    """Rows of days or moments in their order; those without one have no place there, and a note counts them."""
    placed = [row for row in data if row[settings.x] is not None]
    found = time_axis([row[settings.x] for row in placed], formats)
    if found is None or len(found[0].places) < len({row[settings.x] for row in placed}):
        return chart, data, None
    if len(placed) < len(data):
        chart = chart.noting("no_time", count=len(data) - len(placed), column=settings.label(settings.x))
    axis, places = found
    order = sorted(range(len(placed)), key=places.__getitem__)
    return chart, [placed[number] for number in order], axis


def _by_column(settings: ChartSettings, data: Sequence[Mapping[str, Any]]) -> list[Series]:
    own_scale = not settings.one_axis and (bool(settings.line_format.kind) or bool(settings.y))
    series = [
        Series(name=settings.label(name), values=[number(row[name]) for row in data], kind=_kind(settings.kind))
        for name in settings.y
    ]
    return series + [
        Series(
            name=settings.label(name), values=[number(row[name]) for row in data], kind="line", second_axis=own_scale
        )
        for name in settings.lines
        if settings.kind == "combo"
    ]


def _by_column_in_time(
    chart: Chart, settings: ChartSettings, data: Sequence[QueryRow]
) -> tuple[Chart, list[Any], list[Series]]:
    """Rows of one moment are one point, their values summed."""
    found: dict[Any, dict[str, Any]] = {}
    for row in data:
        point = found.setdefault(row[settings.x], {})
        for name in (*settings.y, *settings.lines):
            point[name] = added(point.get(name), number(row[name]))
    if len(found) < len(data):
        chart = chart.noting("summed", count=len(data) - len(found), column=settings.label(settings.x))
    return chart, list(found), _by_column(settings, list(found.values()))


def _by_series(
    chart: Chart, settings: ChartSettings, data: Sequence[QueryRow], formats: Formats
) -> tuple[Chart, list[Any], list[Series]]:
    """One series a value of the `series` column: what is missing for an x stays empty, what comes twice is summed."""
    keys: dict[Any, int] = {}
    found: dict[Any, dict[int, Any]] = {}
    summed = 0
    for row in data:
        place = keys.setdefault(row[settings.x], len(keys))
        values = found.setdefault(row[settings.series], {})
        summed += place in values
        values[place] = added(values.get(place), number(row[settings.y[0]]))
    if summed:
        chart = chart.noting("summed", count=summed, column=settings.label(settings.x))
    series = [
        _pivoted(settings.label(formats.in_column(name, settings.series)), values, len(keys), settings)
        for name, values in found.items()
    ]
    chart, series = _with_rest(chart, settings, series, formats)
    return chart, list(keys), series


def _pivoted(name: str, values: Mapping[int, Any], count: int, settings: ChartSettings) -> Series:
    return Series(
        name=name,
        values=[values.get(place) for place in range(count)],
        kind=_kind(settings.kind),
        # What has no row is only not there; what has one without a value is a gap.
        runs=tuple((place,) for place in sorted(values)),
    )


def _with_rest(
    chart: Chart, settings: ChartSettings, series: list[Series], formats: Formats
) -> tuple[Chart, list[Series]]:
    largest = kept([sum(abs(value) for value in one.values if value is not None) for one in series])
    if largest is None:
        return chart, series
    others = [one for place, one in enumerate(series) if place not in largest]
    total: list[Any] = [None] * len(others[0].values)
    for one in others:
        total = [added(sum_, value) for sum_, value in zip(total, one.values, strict=True)]
    there = sorted({place for one in others for run in one.runs for place in run})
    name = rest_name(len(others), formats)
    rest = Series(
        name=name, values=total, kind=others[0].kind, runs=tuple((place,) for place in there), is_rest=True
    )  # fmt: skip
    chart = chart.noting("rest", count=len(others), name=name)
    return chart, [*(one for place, one in enumerate(series) if place in largest), rest]


def _joined(series: list[Series], times: TimeAxis | None, settings: ChartSettings) -> list[Series]:
    """With what a line joins: neither across a missing value nor across periods that a regular series lacks."""
    if settings.stacked:  # stacked areas are there wherever one of them is
        values = [
            next((v for v in found if v is not None), None)
            for found in zip(*(one.values for one in series), strict=True)
        ]
        together = _runs(range(len(values)), values, times)
        return [msgspec.structs.replace(one, runs=together) for one in series]
    found = []
    for one in series:
        there = [run[0] for run in one.runs] or range(len(one.values))
        found.append(msgspec.structs.replace(one, runs=_runs(there, one.values, times)))
    return found


def _runs(there: Sequence[int], values: Sequence[Any], times: TimeAxis | None) -> tuple[tuple[int, ...], ...]:
    if times is None:  # one name is beside the next, whichever rows a series has
        return tuple(_without_gaps(range(len(values)), values))
    spans = runs([times.places[place] for place in there], times.unit)
    return tuple(part for span in spans for part in _without_gaps([there[number] for number in span], values))


def _without_gaps(places: Sequence[int], values: Sequence[Any]) -> list[tuple[int, ...]]:
    found: list[list[int]] = [[]]
    for place in places:
        if values[place] is None:
            found.append([])
        else:
            found[-1].append(place)
    return [tuple(run) for run in found if run]


def _kind(chart: str) -> str:
    return "line" if chart in ("line", "area") else "bar"
