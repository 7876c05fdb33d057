"""Periods that are not over when a report is made: what is counted in them so far looks like a fall, and is none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from server.reports.charts.chart import Chart, ChartSettings, Series
from server.reports.charts.time_axis import TimeAxis, moment_at
from server.reports.formats import Formats, ValueFormat
from server.reports.words import words_of

_YEAR, _QUARTER, _MONTH = 12, 3, 1  # in months
_WEEK, _DAY = 7, 1  # in days
_HOUR = 3_600  # in seconds
_SECOND = timedelta(seconds=1)  # a day alone stands for its last second, in which it is over
_REGULAR = 3  # years and the like that are known by how far they are apart, not by where they begin


class _Period(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands along the axis, what it is called, and the places of what comes after it."""

    place: int
    name: str
    later: Sequence[int] = ()


def with_incomplete(chart: Chart, settings: ChartSettings, *, now: datetime | None, formats: Formats) -> Chart:
    """The chart with what will still change marked in each series, and a note that names it.

    `now` is the moment that the report speaks of, as clocks of its time zone have it.
    A series with values for later periods is no count of what was (a plan, a forecast): it stays as it is.
    """
    if settings.incomplete == "never":
        return chart
    if settings.incomplete == "last":
        return _marked(chart, _Period(place=len(chart.labels) - 1, name=f"“{chart.labels[-1]}”"), "incomplete")
    found = _present(chart, now, formats) if now is not None else None
    if found is None or now is None:
        return chart
    # Of an hour the day alone would not say that it is not over.
    is_clock = chart.times is not None and chart.times.unit == "second"
    moment = formats.text(now, ValueFormat(kind="datetime")) if is_clock else formats.text(now.date())
    return _marked(chart, found, "not_over", moment=formats.isolated(moment))


def _marked(chart: Chart, period: _Period, word: str, **told: Any) -> Chart:
    series = [_of_series(one, period) for one in chart.series]
    if not any(one.incomplete is not None for one in series):
        return chart
    chart = msgspec.structs.replace(chart, series=series)
    return chart.noting(word, warns=False, period=period.name, **told)


def _of_series(series: Series, period: _Period) -> Series:
    if series.values[period.place] is None or any(series.values[place] is not None for place in period.later):
        return series
    return msgspec.structs.replace(series, incomplete=period.place)


def _present(chart: Chart, now: datetime, formats: Formats) -> _Period | None:
    """One alone is no course of time."""
    times = chart.times
    if times is None or len(chart.labels) < 2:
        return None
    length, at, after = _length(times), times.place(now), times.place(now + _SECOND)
    for place, begin in enumerate(times.places):
        if length and begin <= at and after < begin + length:
            later = range(place + 1, len(times.places))
            return _Period(place=place, name=_name(begin, length, times, formats), later=later)
    return None


def _length(times: TimeAxis) -> int | None:
    """Of what each place stands for, in the axis' units; None where that is not known: days at random, say."""
    if times.of_years:
        return _YEAR
    steps = [after - before for before, after in itertools.pairwise(times.places)]

    def are(length: int) -> bool:
        return all(step % length == 0 for step in steps)

    first, is_regular = times.places[0], len(times.places) >= _REGULAR
    if times.unit == "month":
        if are(_YEAR) and is_regular:
            return _YEAR
        return _QUARTER if are(_QUARTER) and (is_regular or first % _QUARTER == 0) else _MONTH
    if times.unit == "day":
        if are(_WEEK):  # of other weekdays nobody knows whether they begin a week or end one
            return _WEEK if moment_at(first, "day").weekday() == 0 else None
        return _DAY if times.step == _DAY else None
    return _HOUR if times.step == _HOUR and all(place % _HOUR == 0 for place in times.places) else None


def _name(begin: float, length: int, times: TimeAxis, formats: Formats) -> str:
    moment = times.clock(begin)
    if times.unit == "second":
        return formats.text(moment, ValueFormat(kind="datetime"))
    if times.unit == "day":
        day = formats.text(moment.date(), ValueFormat(kind="date"))
        return words_of(formats).week_of.format(day=day) if length == _WEEK else day
    if length == _YEAR and moment.month == 1:
        return formats.text(moment.year, ValueFormat(kind="year"))
    if length == _QUARTER and moment.month % _QUARTER == 1:
        return formats.quarter_of_year(moment.date())
    if length == _MONTH:
        return formats.short_month(moment.date(), with_year=True)
    end = moment_at(begin + length - 1, "month")
    return f"{formats.short_month(moment.date(), with_year=True)} – {formats.short_month(end.date(), with_year=True)}"
