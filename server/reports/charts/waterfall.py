"""Waterfalls: changes that lead from one total to the next, each beginning where the one before ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.look import MOST_POINTS, labels_along, number
from server.reports.formats import Formats
from server.reports.rows import QueryRow, Rows, rows_of
from server.reports.sums import exact_sum
from server.reports.words import words_of


class _Step(msgspec.Struct, frozen=True):
    """`base` is where its bar begins, `value` what it adds, or of a total what is reached."""

    base: float
    value: Any
    is_total: bool


def waterfall(chart: Chart, settings: ChartSettings, rows: Rows, formats: Formats) -> Chart:
    """Rows in their order; one whose `totals` column is true stands from zero. Without any, a total is the last bar."""
    words = words_of(formats)
    data = rows_of(rows)
    steps, off = _steps(data, settings)
    if not any(step.value is not None for step in steps):
        return msgspec.structs.replace(chart, is_empty=True)
    total = exact_sum([step.value for step in steps if step.value is not None])
    if len(steps) > MOST_POINTS:
        chart = chart.noting("first_points", shown=MOST_POINTS, count=len(steps))
        steps = steps[:MOST_POINTS]
    labels, full_labels = labels_along([row[settings.x] for row in data[: len(steps)]], formats, column=settings.x)
    if not settings.totals:  # of all rows, also where only the first have bars
        steps.append(_Step(0.0, total, True))
        labels.append(words.total)
        full_labels += [words.total] if full_labels else []
    if off:
        told = [formats.in_column(data[place][settings.x], settings.x) for place in off]
        chart = chart.noting("waterfall_off", names=", ".join(told))
    names = (words.rise, words.fall, words.total)
    return msgspec.structs.replace(
        chart,
        labels=labels,
        full_labels=full_labels,
        horizontal=settings.horizontal,
        bases=[step.base for step in steps],
        series=[
            Series(name=name, values=values, color=settings.colors.get(name, ""), is_rest=name == words.total)
            for name, values in zip(names, _parted(steps), strict=True)
        ],
    )


def _steps(data: Sequence[QueryRow], settings: ChartSettings) -> tuple[list[_Step], list[int]]:
    """And the places of totals that say another figure than the changes before them come to."""
    steps: list[_Step] = []
    off = []
    reached: Any = 0
    summed: Any = 0  # from the first total on, whatever those after it say
    for place, row in enumerate(data):
        value = number(row[settings.y[0]])
        if settings.totals and row[settings.totals]:
            if value is not None and place and not _is_same(value, reached) and not _is_same(value, summed):
                off.append(place)
            reached = reached if value is None else value
            summed = summed if place else reached
            steps.append(_Step(0.0, reached, True))
            continue
        steps.append(_Step(float(reached), value, False))
        reached = exact_sum([reached, value or 0])
        summed = exact_sum([summed, value or 0])
    return steps, off


def _is_same(one: Any, other: Any) -> bool:
    """But for what adding up binary fractions leaves."""
    return abs(float(one) - float(other)) <= 1e-9 * max(abs(float(one)), abs(float(other)))


def _parted(steps: Sequence[_Step]) -> tuple[list[Any], list[Any], list[Any]]:
    rises = [None if step.is_total or step.value is None or step.value < 0 else step.value for step in steps]
    falls = [None if step.is_total or step.value is None or step.value >= 0 else step.value for step in steps]
    return rises, falls, [step.value if step.is_total else None for step in steps]
