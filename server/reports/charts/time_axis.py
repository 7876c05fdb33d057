"""Days, months and moments as places on a line, and the marks that tell them in a reader's language.

Months are all as long as each other, so that bars of months are, too.
"""

from __future__ import annotations

import calendar
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, TypeVar

import msgspec

from server.reports.formats import Formats

Day = TypeVar("Day", bound=date)
TimeUnit = Literal["month", "day", "second"]
_TEXTS = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-(\d{2}))?")
_QUARTERS = re.compile(r"(\d{4})[- ]?Q([1-4])")
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 12_000)
_DAY_STEPS = (1, 2, 7)
_HOUR = 3_600
_SECOND_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
_EPOCH = datetime.fromordinal(719_163)  # 1970
_MOST_MARKS = 400


class Mark(msgspec.Struct, frozen=True):
    """`text` stands at each mark, `below` where it changes: the year of months, the day of hours."""

    at: float
    text: str
    below: str


class TimeAxis(msgspec.Struct, frozen=True, kw_only=True):
    """`places` are those of the labels, ascending, in `unit`s; `step` is the least distance between two."""

    unit: TimeUnit
    places: tuple[float, ...]
    step: float

    def marks(self, low: float, high: float, *, most: int, formats: Formats) -> list[Mark]:
        """At most so many, from the finest that are few enough; there is always one.

        Where only one would be left, which tells nothing of distances, some of the finer ones are kept instead.
        """
        most = max(most, 1)
        finer: list[Mark] = []
        for found in self._choices(low, high, formats):
            if len(found) <= most:
                break
            finer = found
        if len(found) == 1 and finer:
            found = finer[:: -(-len(finer) // most)]
        return _with_changes(found)

    def _choices(self, low: float, high: float, formats: Formats) -> Iterator[list[Mark]]:
        """From fine to coarse."""
        if self.unit == "second":
            for seconds in _SECOND_STEPS:
                if seconds >= self.step * 0.5 and (high - low) / seconds < _MOST_MARKS:
                    yield _clock_marks(low, high, seconds, formats)
        if self.unit != "month":
            day = 86_400 if self.unit == "second" else 1
            for days in _DAY_STEPS:
                if days * day >= self.step * 0.5 and (high - low) / days / day < _MOST_MARKS:
                    yield _day_marks(low, high, days, day, self.places[0], formats)
        for months in _MONTH_STEPS:
            found = _month_marks(low, high, months, self, formats)
            if found:
                yield found
        yield [self._only(formats)]

    def _only(self, formats: Formats) -> Mark:
        moment = moment_at(self.places[0], self.unit)
        return Mark(self.places[0], formats.short_day(moment.date()), _year(moment.year, formats))


def time_axis(values: Sequence[Any], formats: Formats) -> tuple[TimeAxis, list[float]] | None:
    """The axis and the place of each value; None where these are no days and no moments."""
    moments = [_moment(value, formats) for value in values]
    known = [moment for moment in moments if moment is not None]
    if not known or len(known) < len(moments):
        return None
    unit = _unit(known)
    known = in_periods(known)
    places = [place_of(moment, unit) for moment in known]
    ascending = tuple(sorted(set(places)))
    steps = [after - before for before, after in itertools.pairwise(ascending)]
    step = min(steps) if steps else 1.0
    return TimeAxis(unit=unit, places=ascending, step=step), places


def runs(places: Sequence[float], unit: TimeUnit) -> list[list[int]]:
    """Which of the ascending places a line joins: it breaks where a regular series misses a period."""
    if not places:
        return []
    steps = [after - before for before, after in itertools.pairwise(places)]
    usual = _usual_step(steps)
    on_workdays = unit == "day" and usual == 1 and not any(_is_weekend(place) for place in places)
    found = [[0]]
    for number, step in enumerate(steps):
        if on_workdays:
            step = _workdays_between(places[number], places[number + 1])
        if usual is not None and step > usual * 1.5:
            found.append([])
        found[-1].append(number + 1)
    return found


def _usual_step(steps: Sequence[float]) -> float | None:
    """The step that at least half of the series keeps; None where there is no such rule."""
    if not steps:
        return None
    counts = Counter(steps)
    most = max(counts.values())
    usual = min(step for step, count in counts.items() if count == most)
    return usual if most * 2 >= len(steps) else None


def place_of(moment: datetime, unit: TimeUnit) -> float:
    if unit == "month":
        return moment.year * 12 + moment.month - 1
    if unit == "day":
        return moment.toordinal()
    return (moment - _EPOCH).total_seconds()


def moment_at(place: float, unit: TimeUnit) -> datetime:
    if unit == "month":
        return _first_of(int(place // 12), int(place % 12) + 1)
    if unit == "day":
        return datetime.fromordinal(int(place))
    return _EPOCH + timedelta(seconds=place)


def _first_of(year: int, month: int) -> datetime:
    """As clocks on the wall have it, like all moments here."""
    return datetime.fromordinal(date(year, month, 1).toordinal())


def _moment(value: Any, formats: Formats) -> datetime | None:
    try:
        if isinstance(value, datetime):
            return value.astimezone(formats.zone).replace(tzinfo=None) if value.tzinfo else value
        if isinstance(value, date):
            return datetime.fromordinal(value.toordinal())
        return _written_moment(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):  # no such day, or none that calendars hold
        return None


def _written_moment(text: str) -> datetime | None:
    """Of `2026-01`, `2026-01-31` or `2026-Q1`."""
    if found := _QUARTERS.fullmatch(text):
        return _first_of(int(found[1]), int(found[2]) * 3 - 2)
    if found := _TEXTS.fullmatch(text):
        return datetime.fromordinal(date(int(found[1]), int(found[2]), int(found[3] or 1)).toordinal())
    return None


def _unit(moments: Sequence[datetime]) -> TimeUnit:
    if any(moment.hour or moment.minute or moment.second or moment.microsecond for moment in moments):
        return "second"
    return "month" if are_months(moments) else "day"


def are_months(days: Sequence[date]) -> bool:
    """Whether all stand for a month, quarter or year: by its first day, or (several of them) by its last."""
    return all(day.day == 1 for day in days) or (len(set(days)) > 1 and all(map(_is_last, days)))


def _is_last(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


def in_periods(days: Sequence[Day]) -> list[Day]:
    """Last days as the first of what they end: a year or quarter, where all of them end one, else a month."""
    if not are_months(days) or all(day.day == 1 for day in days) or not all(map(_is_midnight, days)):
        return list(days)
    length = next((each for each in (12, 3) if all(day.month % each == 0 for day in days)), 1)
    return [day.replace(month=day.month - length + 1, day=1) for day in days]


def _is_midnight(day: date) -> bool:
    return not isinstance(day, datetime) or day.time() == time()


def _is_weekend(day: float) -> bool:
    return datetime.fromordinal(int(day)).weekday() >= 5


def _workdays_between(first: float, second: float) -> float:
    """Between two workdays."""
    weeks, days = divmod(int(second - first), 7)
    weekday = datetime.fromordinal(int(first)).weekday()
    return weeks * 5 + days - (2 if weekday + days > 4 and days else 0)


# -- marks: (place, text, what stands below it)


def _clock_marks(low: float, high: float, step: int, formats: Formats) -> list[Mark]:
    first = -(-int(low) // step) * step
    moments = (_EPOCH + timedelta(seconds=at) for at in range(first, int(high) + 1, step))
    pattern = "%H:%M:%S" if step < 60 else "%H:%M"
    return [
        Mark((moment - _EPOCH).total_seconds(), moment.strftime(pattern), formats.short_day(moment.date()))
        for moment in moments
    ]


def _day_marks(low: float, high: float, step: int, day: int, first_place: float, formats: Formats) -> list[Mark]:
    """Counted from the first place, so that weeks begin on its weekday."""
    shift = int(first_place // day) % step
    first = -(-int(-(-low // day) - shift) // step) * step + shift
    found = []
    for number in range(first, int(high // day) + 1, step):
        moment = _EPOCH + timedelta(days=number) if day > 1 else datetime.fromordinal(number)
        found.append(Mark(number * day, formats.short_day(moment.date()), _year(moment.year, formats)))
    return found


def _month_marks(low: float, high: float, step: int, axis: TimeAxis, formats: Formats) -> list[Mark]:
    if axis.unit == "month" and step < axis.step and step < 12 and axis.step in _MONTH_STEPS:
        return []
    begin, end = moment_at(max(low, 1), axis.unit), moment_at(high, axis.unit)
    first = -(-int(place_of(begin, "month")) // step) * step
    found = []
    for number in range(first, int(place_of(end, "month")) + 1, step):
        if number < 12:
            continue
        moment = moment_at(number, "month")
        at = place_of(moment, axis.unit)
        if at < low:
            continue
        if step >= 12:
            found.append(Mark(at, _year(moment.year, formats), ""))
        elif step % 3 == 0 and axis.step >= 3 and axis.unit == "month":
            found.append(Mark(at, formats.quarter(moment.date()), _year(moment.year, formats)))
        else:
            found.append(Mark(at, formats.short_month(moment.date(), with_year=False), _year(moment.year, formats)))
    return found


def _with_changes(marks: list[Mark]) -> list[Mark]:
    """What stands below is written once, where it begins."""
    told = ""
    found = []
    for mark in marks:
        found.append(mark if mark.below != told else Mark(mark.at, mark.text, ""))
        told = mark.below
    return found


def _year(year: int, formats: Formats) -> str:
    return f"{year}年" if formats.locale.language in ("zh", "ja") else str(year)
