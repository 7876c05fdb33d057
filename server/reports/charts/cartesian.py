"""Lines, bars, areas and combinations of them: values over names or over time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.incomplete import with_incomplete
from server.reports.charts.look import MOST_POINTS, added_up, key, labels_along, named, number
from server.reports.charts.rest import kept, rest_name
from server.reports.charts.time_axis import TimeAxis, runs, time_axis
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows, rows_of

_MOST_NAMES = 50  # that a page is wide enough for
_MOST_ROWS = 70  # that a page is high enough for

_Part = tuple[str, dict[int, Any]]  # of all rows: a name, and its values by their places


def cartesian(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats, now: datetime | None) -> Chart:
    chart, data, times = _in_time(chart, settings, rows_of(rows), formats)
    if settings.series:
        chart, along, series = _by_series(chart, settings, data, formats)
    else:
        chart, along, series = _by_column(chart, settings, data)
    count = _drawn(settings, series)
    if count < len(along):
        chart = chart.noting("first_points", shown=count, count=len(along))
        along, series = along[:count], [_first(one, count) for one in series]
        times = times and msgspec.structs.replace(times, places=times.places[:count])
    if not any(value is not None for one in series for value in one.values):
        return msgspec.structs.replace(chart, is_empty=True)
    if settings.stacked:
        chart = _with_layers_told(chart, settings, series, formats)
    if any(one.kind == "line" for one in series):
        series = _joined(series, times, settings)
    by_numbers = all(number(value) is not None for value in along)
    most = _MOST_NAMES if any(one.kind == "line" for one in series) else _MOST_ROWS
    if times is None and not by_numbers and len(along) > most:
        chart = chart.noting("thinned", count=len(along))
    labels, full_labels = labels_along(along, formats, column=settings.x)
    drawn = msgspec.structs.replace(
        chart,
        labels=labels,
        full_labels=full_labels,
        series=series,
        times=times,
        numbers_along=by_numbers,
        horizontal=settings.horizontal and settings.kind != "combo",
        stacked=settings.stacked,
    )
    return with_incomplete(drawn, settings, now=now, formats=formats)


def _in_time(
    chart: Chart, settings: ChartSettings, data: list[QueryRow], formats: Formats
) -> tuple[Chart, list[QueryRow], TimeAxis | None]:
    """Rows of days or moments in their order; those without one have no place there, and a note counts them."""
    distinct = [value for value in dict.fromkeys(key(row[settings.x]) for row in data) if value is not None]
    found = time_axis(distinct, formats, column=settings.x)
    if found is None or len(found[0].places) < len(distinct):
        return chart, data, None
    placed = [row for row in data if row[settings.x] is not None]
    if len(placed) < len(data):
        chart = chart.noting("no_time", count=len(data) - len(placed), column=settings.label(settings.x))
    axis, places = found
    at = dict(zip(distinct, places, strict=True))
    return chart, sorted(placed, key=lambda row: at[row[settings.x]]), axis


def _by_column(
    chart: Chart, settings: ChartSettings, data: Sequence[QueryRow]
) -> tuple[Chart, list[Any], list[Series]]:
    """One series a column. Rows of one x are one point, their values added up."""
    found: dict[Any, list[QueryRow]] = {}
    for row in data:
        found.setdefault(key(row[settings.x]), []).append(row)
    if len(found) < len(data):
        chart = chart.noting("summed", count=len(data) - len(found), column=settings.label(settings.x))
    own_scale = not settings.one_axis and (bool(settings.line_format.kind) or bool(settings.y))
    columns = [(name, _kind(settings.kind), False) for name in settings.y]
    if settings.kind == "combo":
        columns += [(name, "line", own_scale) for name in settings.lines]
    series = [
        Series(
            name=settings.label(name),
            values=[added_up(number(row[name]) for row in members) for members in found.values()],
            kind=kind,
            second_axis=second_axis,
            color=settings.colors.get(settings.label(name)) or settings.colors.get(name, ""),
        )
        for name, kind, second_axis in columns
    ]
    return chart, list(found), series


def _by_series(
    chart: Chart, settings: ChartSettings, data: Sequence[QueryRow], formats: Formats
) -> tuple[Chart, list[Any], list[Series]]:
    """One series a value of the `series` column: what is missing for an x stays empty, what comes twice is summed."""
    keys: dict[Any, int] = {}
    found: dict[Any, dict[int, list[Any]]] = {}
    for row in data:
        place = keys.setdefault(key(row[settings.x]), len(keys))
        found.setdefault(key(row[settings.series]), {}).setdefault(place, []).append(number(row[settings.y[0]]))
    summed = len(data) - sum(map(len, found.values()))
    if summed:
        column, other = settings.label(settings.x), settings.label(settings.series)
        chart = chart.noting("summed_both", count=summed, column=column, other=other)
    sums = {series: {place: added_up(values) for place, values in members.items()} for series, members in found.items()}
    # As the data say it: what makes names of columns readable is not for values.
    names = [formats.in_column(value, settings.series) for value in sums]
    chart, parts = _with_rest(chart, list(zip(names, sums.values(), strict=True)), formats)
    series = [
        Series(
            name=name,
            values=[members.get(place) for place in range(len(keys))],
            kind=_kind(settings.kind),
            # What has no row is only not there; what has one without a value is a gap.
            runs=tuple((place,) for place in sorted(members)),
            color=settings.colors.get(name, ""),
            is_rest=len(parts) < len(names) and number_ == len(parts) - 1,
        )
        for number_, (name, members) in enumerate(parts)
    ]
    return chart, list(keys), series


def _drawn(settings: ChartSettings, series: Sequence[Series]) -> int:
    """How many places along x are drawn, from the first: so many that no chart has more points than can be seen."""
    if settings.series:
        there = [
            sum(value is not None for value in values) for values in zip(*(one.values for one in series), strict=True)
        ]
        return max(1, sum(total <= MOST_POINTS for total in itertools.accumulate(there)))
    return MOST_POINTS


def _first(series: Series, count: int) -> Series:
    runs_ = tuple(run for run in series.runs if run[0] < count)
    return msgspec.structs.replace(series, values=series.values[:count], runs=runs_)


def _with_rest(chart: Chart, parts: list[_Part], formats: Formats) -> tuple[Chart, list[_Part]]:
    """Of too many the largest stay, in their order; the others are one at the end, and a note counts them."""
    largest = kept([sum(abs(value) for value in members.values() if value is not None) for _name, members in parts])
    if largest is None:
        return chart, parts
    found: dict[int, list[Any]] = {}
    for number_, (_name, members) in enumerate(parts):
        if number_ not in largest:
            for place, value in members.items():
                found.setdefault(place, []).append(value)
    count = len(parts) - len(largest)
    name = rest_name(count, formats)
    rest = {place: added_up(values) for place, values in found.items()}
    chart = chart.noting("rest", count=count, name=name)
    return chart, [*(part for number_, part in enumerate(parts) if number_ in largest), (name, rest)]


def _with_layers_told(chart: Chart, settings: ChartSettings, series: Sequence[Series], formats: Formats) -> Chart:
    """With a note of what a stack cannot show: a layer has no gap, and its share has no sign.

    Where no layer has a value, the gap is seen; so is that a series begins later, as what has no row is not there.
    """
    known = {place for one in series for place, value in enumerate(one.values) if value is not None}
    missing: dict[str, int] = {}
    for one in series:
        there = {run[0] for run in one.runs} if settings.series else known
        if count := sum(one.values[place] is None for place in there & known):
            missing[one.name] = count
    if missing:
        chart = chart.noting("no_layer", count=sum(missing.values()), names=named(list(missing)))
    below = [
        f"{one.name} ({formats.text(least, chart.format)})"
        for one in series
        if (least := min((value for value in one.values if value is not None), default=0)) < 0
    ]
    if below and settings.stacked == "shares":
        chart = chart.noting("shares_below", names=named(below))
    return chart


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
