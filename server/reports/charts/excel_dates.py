"""Days and months along Excel's charts: an axis of dates, or one of periods that each have a name."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from server.reports.charts.chart import Chart
from server.reports.charts.time_axis import TimeAxis
from server.reports.drawing.scale import value_scale
from server.reports.formats import Formats

DAY = 86_400  # seconds; Excel counts days
_FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 – as clocks on the wall have it
_CLOCK_MARKS = 8
_FIRST_YEAR = 1900
_MOST_PERIODS = 400
_WEEK, _QUARTER, _YEAR = 7, 3, 12  # in days and in months
_MONTH = 31  # days at most
_DAY_STEPS, _MONTH_STEPS, _MOST_MARKS = (1, 2, 7), (1, 3, 6, 12, 24, 60, 120), 12
_WRITTEN = {"month": "yyyy-mm", "day": "yyyy-mm-dd", "second": "yyyy-mm-dd hh:mm"}


def dates_of(chart: Chart) -> TimeAxis | None:
    """None where these are no times, or some that Excel does not know."""
    times = chart.times
    return times if times and times.clock(times.places[0]).year > _FIRST_YEAR else None


def period_of(chart: Chart) -> float | None:
    """Of bars of weeks, quarters, years or hours: on an axis of days or months each would be as thin as one."""
    times = dates_of(chart)
    if times is None or not any(one.kind == "bar" for one in chart.series):
        return None
    period = _period(times)
    if period == 1 or any((place - times.places[0]) % period for place in times.places):
        return None
    return period if len(periods(times, period)) <= _MOST_PERIODS else None


def periods(times: TimeAxis, period: float) -> list[float]:
    """The place of each from the first to the last, also of those without values."""
    count = round((times.places[-1] - times.places[0]) / period) + 1
    return [times.places[0] + number * period for number in range(count)]


def along(times: TimeAxis, place: float, period: float | None, formats: Formats) -> date | str:
    """What a cell says of a place; Excel has no number format for quarters."""
    moment: datetime = times.clock(place)
    if times.unit == "month" and period == _QUARTER:
        return formats.quarter_of_year(moment.date())
    return moment if times.unit == "second" else moment.date()


def axis_of(times: TimeAxis, period: float | None, *, is_clock: bool) -> dict[str, Any]:
    """`is_clock`: it has points over moments, which no axis of dates knows."""
    is_years = times.of_years or (times.unit == "month" and period == _YEAR)
    written = "yyyy" if is_years else _WRITTEN[times.unit]
    if period is not None or (times.unit == "second" and not is_clock):
        return {"num_format": written, "text_axis": True}
    if is_clock:
        return {"num_format": written, **_clock_reach(times)}
    return {"num_format": written, "date_axis": True, **_marks(times)}


def on_base(drawn: Any, times: TimeAxis) -> None:
    """Days stay days, which Excel may put on the first of their month else; xlsxwriter has no option for it."""
    write_axis, write_offset = drawn._write_date_axis, drawn._write_label_offset

    def write_both(offset: int) -> None:
        write_offset(offset)
        drawn._xml_empty_tag("c:baseTimeUnit", [("val", f"{times.unit}s")])

    def write(arguments: Any) -> None:
        drawn._write_label_offset = write_both
        write_axis(arguments)
        drawn._write_label_offset = write_offset

    drawn._write_date_axis = write


def _clock_reach(times: TimeAxis) -> dict[str, float]:
    """From one full hour to another, or what a clock else has: Excel itself would divide days into tenths."""
    first, last = ((times.clock(place) - _FIRST_DAY).total_seconds() for place in (times.places[0], times.places[-1]))
    if first == last:
        return {}
    scale = value_scale((first, last), 0, 1, from_zero=False, marks=_CLOCK_MARKS, is_time=True)
    return {"min": scale.low / DAY, "max": scale.high / DAY, "major_unit": scale.step / DAY}


def _period(times: TimeAxis) -> float:
    """A week, quarter or year where all places are as far apart, or several of them: some may have no value."""
    if times.unit == "month":
        return next((each for each in (_YEAR, _QUARTER) if times.step % each == 0), 1)
    return _WEEK if times.unit == "day" and times.step % _WEEK == 0 else times.step


def _marks(times: TimeAxis) -> dict[str, Any]:
    """How far they are from each other: as many as have room for their names."""
    span = times.places[-1] - times.places[0]
    if times.unit == "day" and span <= 2 * _MONTH:
        step = next((days for days in _DAY_STEPS if span / days <= _MOST_MARKS), _DAY_STEPS[-1])
        return {"major_unit": max(step, min(times.step, _DAY_STEPS[-1])), "major_unit_type": "days"}
    months = span / _MONTH if times.unit == "day" else span
    step = next((step for step in _MONTH_STEPS if months / step <= _MOST_MARKS), _MONTH_STEPS[-1])
    step = max(step, _YEAR) if times.of_years else step
    return {"major_unit": step, "major_unit_type": "months"}
