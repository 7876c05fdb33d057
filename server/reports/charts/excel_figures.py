"""The figures behind a chart, as they stand on a sheet: what Excel draws its chart from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from server.reports.charts.chart import Chart, Target
from server.reports.charts.excel_dates import along, dates_of, period_of, periods
from server.reports.formats import Formats, ValueFormat
from server.reports.workbook import ReportBook

Blanks = Literal["gap", "span"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is the row of the chart's title, `first` and `last` are those of its values.

    `drawn` are the columns of what is drawn in place of others, `points` which value from the first each place of
    the chart has.
    """

    sheet: str
    title: int
    first: int
    last: int
    drawn: dict[int, int]
    points: dict[int, int]

    def name(self, column: int) -> list[Any]:
        return [self.sheet, self.first - 1, column]

    def range(self, column: int) -> list[Any]:
        shown = self.drawn.get(column, column)
        return [self.sheet, self.first, shown, self.last, shown]


class _Row(msgspec.Struct, frozen=True):
    along: Any
    values: list[Any]
    place: int | None = None


def write_figures(chart: Chart, book: ReportBook, targets: tuple[Target, ...], *, name: str) -> Figures:
    """Below `name`: the x, each series, each target at every x, and the opposite of what is drawn by it."""
    rows = list(_rows(chart, book.formats))
    sheet, top = book.figures(len(rows) + 4)
    book.string(sheet, top, 0, name, book.style(bold=True))
    head = book.style(bold=True, bottom=1)
    names = [chart.x_label, *(one.name for one in chart.series), *(one.label or book.words.target for one in targets)]
    mirrored = [place for place, one in enumerate(chart.series) if one.is_mirrored]
    drawn = {place + 1: len(names) + number for number, place in enumerate(mirrored)}
    names += ["–"] * len(mirrored)
    right = book.style(bold=True, bottom=1, align="right", text_wrap=True)
    for column, name in enumerate(names):
        book.string(sheet, top + 1, column, name, right if column else head)
    formats = [ValueFormat(kind=_kind_along(chart)), *(chart.format_of(one) for one in chart.series)]
    formats += [chart.format] * (len(targets) + len(mirrored))
    for number, row in enumerate(rows, top + 2):
        opposites = [None if row.values[place] is None else -row.values[place] for place in mirrored]
        values = [row.along, *row.values, *(one.value for one in targets), *opposites]
        for column, (value, written) in enumerate(zip(values, formats, strict=True)):
            book.cell(sheet, number, column, value, written, align="" if column else "left")
    points = {row.place: number for number, row in enumerate(rows) if row.place is not None}
    last = top + 1 + max(len(rows), 1)
    return Figures(sheet=sheet.get_name(), title=top, first=top + 2, last=last, drawn=drawn, points=points)


def write_data(chart: Chart, book: ReportBook) -> tuple[str, int]:
    """The rows that an author's own drawing is made of. Returns their sheet and first row."""
    source: list[list[Any]] = chart.option["dataset"]["source"]
    sheet, top = book.figures(len(source) + 3)
    book.string(sheet, top, 0, chart.title or book.words.kinds[chart.kind], book.style(bold=True))
    for column, name in enumerate(source[0]):
        book.string(sheet, top + 1, column, str(name), book.style(bold=True, bottom=1))
    plain = {0, len(chart.series) + 1} if chart.counts else {0}  # how many values a box has is none of them
    for number, row in enumerate(source[1:], top + 2):
        for column, value in enumerate(row):
            book.cell(sheet, number, column, value, ValueFormat() if column in plain else chart.format)
    return sheet.get_name(), top


def blanks_of(chart: Chart) -> Blanks:
    """What an empty cell is to lines: a gap, or only that another series has a value there."""
    runs = [run for one in chart.series for run in one.runs]
    is_joined = any(after - before > 1 for run in runs for before, after in itertools.pairwise(run))
    has_gaps = any(len(one.runs) > 1 for one in chart.series)
    return "span" if is_joined and not has_gaps else "gap"


def _rows(chart: Chart, formats: Formats) -> Iterator[_Row]:
    if chart.kind == "scatter":
        yield from _points(chart)
        return
    times = dates_of(chart)
    if times is None:
        for place, label in enumerate(chart.labels):
            values = [one.values[place] if place < len(one.values) else None for one in chart.series]
            yield _Row(label, values, place)
        return
    period = period_of(chart)
    broken = () if period is not None else (times.places[number] + times.step for number in _broken(chart))
    at = {at: number for number, at in enumerate(times.places)}
    for each in periods(times, period) if period is not None else sorted({*times.places, *broken}):
        found = at.get(each)
        values = [None if found is None else one.values[found] for one in chart.series]
        yield _Row(along(times, each, period, formats), values, found)


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


def _kind_along(chart: Chart) -> str:
    times = dates_of(chart)
    if times and times.of_years:
        return "year"
    if times:
        return {"month": "month", "day": "date", "second": "datetime"}[times.unit]
    return chart.x_format.kind
