"""The figures behind a chart, as they stand on a sheet: what Excel draws its chart from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from server.reports.charts.chart import Chart, Target
from server.reports.charts.time_axis import TimeAxis, moment_at
from server.reports.formats import ValueFormat
from server.reports.workbook import ReportBook

Blanks = Literal["gap", "span"]
_FIRST_YEAR = 1900
_MOST_STEPS = 400


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is the row of the chart's title, `first` and `last` are those of its values."""

    sheet: str
    title: int
    first: int
    last: int

    def name(self, column: int) -> list[Any]:
        return [self.sheet, self.first - 1, column]

    def range(self, column: int) -> list[Any]:
        return [self.sheet, self.first, column, self.last, column]


class _Row(msgspec.Struct, frozen=True):
    along: Any
    values: list[Any]


def write_figures(chart: Chart, book: ReportBook, targets: tuple[Target, ...]) -> Figures:
    """The x, each series, and each target at every x."""
    rows = list(_rows(chart))
    sheet, top = book.figures(len(rows) + 4)
    book.string(sheet, top, 0, chart.title or book.words.kinds[chart.kind], book.style(bold=True))
    head = book.style(bold=True, bottom=1)
    names = [chart.x_label, *(one.name for one in chart.series), *(one.label or book.words.target for one in targets)]
    right = book.style(bold=True, bottom=1, align="right", text_wrap=True)
    for column, name in enumerate(names):
        book.string(sheet, top + 1, column, name, right if column else head)
    along = ValueFormat(kind=_kind_along(chart))
    formats = [along, *(chart.format_of(one) for one in chart.series), *(chart.format for _one in targets)]
    for number, row in enumerate(rows, top + 2):
        values = [row.along, *row.values, *(one.value for one in targets)]
        for column, (value, written) in enumerate(zip(values, formats, strict=True)):
            book.cell(sheet, number, column, value, written, align="" if column else "left")
    return Figures(sheet=sheet.get_name(), title=top, first=top + 2, last=top + 1 + max(len(rows), 1))


def write_data(chart: Chart, book: ReportBook) -> tuple[str, int]:
    """The rows that an author's own drawing is made of. Returns their sheet and first row."""
    source: list[list[Any]] = chart.option["dataset"]["source"]
    sheet, top = book.figures(len(source) + 3)
    book.string(sheet, top, 0, chart.title or book.words.kinds[chart.kind], book.style(bold=True))
    for column, name in enumerate(source[0]):
        book.string(sheet, top + 1, column, str(name), book.style(bold=True, bottom=1))
    for number, row in enumerate(source[1:], top + 2):
        for column, value in enumerate(row):
            book.cell(sheet, number, column, value, ValueFormat() if column == 0 else chart.format)
    return sheet.get_name(), top


def dates_of(chart: Chart) -> TimeAxis | None:
    """None where these are no times, or some that Excel does not know."""
    times = chart.times
    return times if times and moment_at(times.places[0], times.unit).year > _FIRST_YEAR else None


def is_in_steps(chart: Chart) -> bool:
    """Bars of weeks, quarters or hours: on an axis of days each would be as thin as a day."""
    times = dates_of(chart)
    if times is None or times.step == 1 or not any(one.kind == "bar" for one in chart.series):
        return False
    is_regular = all((place - times.places[0]) % times.step == 0 for place in times.places)
    return is_regular and _step_count(times) <= _MOST_STEPS


def blanks_of(chart: Chart) -> Blanks:
    """What an empty cell is to lines: a gap, or only that another series has a value there."""
    runs = [run for one in chart.series for run in one.runs]
    is_joined = any(after - before > 1 for run in runs for before, after in itertools.pairwise(run))
    has_gaps = any(len(one.runs) > 1 for one in chart.series)
    return "span" if is_joined and not has_gaps else "gap"


def _rows(chart: Chart) -> Iterator[_Row]:
    if chart.kind == "scatter":
        yield from _points(chart)
        return
    times = dates_of(chart)
    if times and is_in_steps(chart):
        yield from _steps(chart, times)
        return
    broken = _broken(chart) if times else set()
    for place, label in enumerate(chart.labels):
        along = _moment(times, times.places[place]) if times else label
        yield _Row(along, [one.values[place] if place < len(one.values) else None for one in chart.series])
        if times and place in broken:
            yield _Row(_moment(times, times.places[place] + times.step), [None] * len(chart.series))


def _steps(chart: Chart, times: TimeAxis) -> Iterator[_Row]:
    """Every week or quarter, also those without values."""
    at = {place: number for number, place in enumerate(times.places)}
    for step in range(_step_count(times)):
        place = times.places[0] + step * times.step
        number = at.get(place)
        values = [None if number is None else one.values[number] for one in chart.series]
        yield _Row(_moment(times, place), values)


def _step_count(times: TimeAxis) -> int:
    return round((times.places[-1] - times.places[0]) / times.step) + 1


def _points(chart: Chart) -> Iterator[_Row]:
    """From left to right, as a target's line goes from each to the next."""
    xs = chart.series[0].xs
    placed = [place for place, x in enumerate(xs) if x is not None]
    for place in sorted(placed, key=xs.__getitem__):
        values = [one.values[place] for one in chart.series]
        if any(value is not None for value in values):
            yield _Row(xs[place], values)


def _broken(chart: Chart) -> set[int]:
    """After which places no line goes on: there a row without values keeps Excel from drawing one."""
    lines = [one for one in chart.series if one.kind == "line"]
    if not lines or blanks_of(chart) == "span":
        return set()
    crossed = {
        place
        for one in lines
        for run in one.runs
        for before, after in itertools.pairwise(run)
        for place in range(before, after)
    }
    assert chart.times is not None
    places, step = chart.times.places, chart.times.step
    return {
        place
        for place in range(len(places) - 1)
        if place not in crossed and places[place + 1] - places[place] > step
    }  # fmt: skip


def _moment(times: TimeAxis, place: float) -> date:
    moment: datetime = moment_at(place, times.unit)
    return moment if times.unit == "second" else moment.date()


def _kind_along(chart: Chart) -> str:
    times = dates_of(chart)
    if times:
        return {"month": "month", "day": "date", "second": "datetime"}[times.unit]
    return ""
