"""Small multiples: the same chart for each value of a column, on one scale, so that they can be compared."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import TimeAxis
from server.reports.no_room import NoRoom
from server.reports.rows import QueryRow, Rows, columns_of, rows_of, some_of, unknown_column

BESIDE = 3  # in a row
_MOST = 24


def parts_of(rows: Rows, query: str, column: str) -> list[tuple[Any, Rows]]:
    """The rows of each value, in the order in which these come. Raises `NoRoom` for more than a page shows."""
    if column not in columns_of(rows):
        raise unknown_column(query, column, columns_of(rows))
    found: dict[Any, list[QueryRow]] = {}
    for row in rows_of(rows):
        found.setdefault(row[column], []).append(row)
    if len(found) > _MOST:
        raise NoRoom("too_many_small", column=column, count=len(found), limit=_MOST)
    return [(value, some_of(rows, members)) for value, members in found.items()]


def alike(charts: Sequence[Chart]) -> list[Chart]:
    """The same series in the same colors, and names or years at the same places, whatever each part has of them."""
    names = list(dict.fromkeys(one.name for chart in charts for one in chart.series))
    years = _years(charts)
    labels = list(dict.fromkeys(label for chart in charts if chart.times is None for label in chart.labels))
    return [
        _with_all(chart, names, list(years.values()), _axis(chart.times, years))
        if years and chart.times
        else _with_all(chart, names, labels if chart.times is None else chart.labels, chart.times)
        for chart in charts
    ]


def _years(charts: Sequence[Chart]) -> dict[float, str]:
    """Of all charts, by their places along an axis of years."""
    found = {
        place: label
        for chart in charts
        if chart.times and chart.times.of_years
        for place, label in zip(chart.times.places, chart.labels, strict=True)
    }
    return dict(sorted(found.items()))


def _axis(times: TimeAxis, years: dict[float, str]) -> TimeAxis:
    places = tuple(years)
    step = min((after - before for before, after in itertools.pairwise(places)), default=times.step)
    return msgspec.structs.replace(times, places=places, step=step)


def _with_all(chart: Chart, names: Sequence[str], labels: Sequence[str], times: TimeAxis | None) -> Chart:
    own = {one.name: one for one in chart.series}
    if chart.is_empty or len(set(chart.labels)) < len(chart.labels) or len(own) < len(chart.series):
        return chart  # of names that come twice nobody can tell which is which
    places = {label: place for place, label in enumerate(labels)}
    moved = [places[label] for label in chart.labels]
    model = chart.series[0]
    series = []
    for name in names:
        one = own.get(name)
        values: list[Any] = [None] * len(labels)
        for place, value in zip(moved, one.values, strict=True) if one else ():
            values[place] = value
        runs = [[moved[place] for place in run] for run in one.runs] if one else []
        if times is None:
            runs = [part for run in runs for part in _together(sorted(run))]
        incomplete = moved[one.incomplete] if one and one.incomplete is not None else None
        series.append(
            msgspec.structs.replace(
                one or model, name=name, values=values, runs=tuple(map(tuple, runs)), incomplete=incomplete
            )
        )
    full_labels = chart.full_labels if labels == chart.labels else []
    return msgspec.structs.replace(chart, labels=list(labels), full_labels=full_labels, times=times, series=series)


def _together(places: Sequence[int]) -> list[list[int]]:
    """A line does not go over names that its part does not have."""
    found: list[list[int]] = []
    for place in places:
        if found and found[-1][-1] == place - 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def on_one_scale(charts: Sequence[Chart]) -> list[Chart]:
    """All reach from the lowest value to the highest of any of them."""
    ends = [end for chart in charts for end in _ends(chart)]
    reach = (min(ends), max(ends)) if ends else None
    return [msgspec.structs.replace(chart, reach=reach) for chart in charts]


def _ends(chart: Chart) -> list[float]:
    """The lowest and the highest place of a mark."""
    if chart.stacked == "shares":
        return []
    values = [[float(value or 0) for value in one.values] for one in chart.series]
    if not chart.stacked:
        return [value for each in values for value in each]
    columns = list(zip(*values, strict=True))
    above = [sum(value for value in column if value > 0) for column in columns]
    return above + [sum(value for value in column if value < 0) for column in columns]
