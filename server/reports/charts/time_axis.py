"""Days, months and moments as places on a line, and the marks that tell them in a reader's language.

Months are all as long as each other, so that bars of months are, too.
"""

from __future__ import annotations

import calendar
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from server.reports.formats import Formats
from server.reports.years import is_year

Day = TypeVar("Day", bound=date)
TimeUnit = Literal["month", "day", "second"]
_TEXTS = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-(\d{2}))?")
_QUARTERS = re.compile(r"(\d{4})[- ]?Q([1-4])")
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 12_000)
_DAY_STEPS = (1, 2, 7)
_HOUR = 3_600
_SECOND_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
_EPOCH = datetime.fromordinal(719_163)  # 1970
_UTC_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR, _SHIFT = 12, 7_200  # months; seconds that clocks may be put forward or back
_MOST_MARKS = 400


class Mark(msgspec.Struct, frozen=True):
    """`text` stands at each mark, `below` where it changes: the year of months, the day of hours."""

    at: float
    text: str
    below: str


class TimeAxis(msgspec.Struct, frozen=True, kw_only=True):
    """`places` are those of the labels, ascending, in `unit`s; `step` is the least distance between two.

    `of_years`: whole numbers that are years. Where clocks are put forward or back between moments, places go by what
    passed between these: `zone` has the clocks, which at the first place were `ahead` (seconds) of UTC.
    """

    unit: TimeUnit
    places: tuple[float, ...]
    step: float
    of_years: bool = False
    zone: ZoneInfo | None = None
    ahead: float = 0

    def clock(self, place: float) -> datetime:
        """What clocks say there."""
        if self.zone is None:
            return moment_at(place, self.unit)
        passed = _UTC_EPOCH + timedelta(seconds=place - self.ahead)
        return passed.astimezone(self.zone).replace(tzinfo=None)

    def place(self, clock: datetime, *, again: bool = False) -> float:
        """Where clocks say so; `again`: the second time, where they are put back."""
        if self.zone is None:
            return place_of(clock, self.unit)
        return (clock.replace(tzinfo=self.zone, fold=int(again)) - _UTC_EPOCH).total_seconds() + self.ahead

    def places_of(self, clock: datetime, low: float, high: float) -> Iterator[float]:
        """The places, none, one or two, where clocks say so."""
        if self.zone is None:
            places = [place_of(clock, self.unit)]
        else:
            found = {self.place(clock), self.place(clock, again=True)}
            places = [place for place in sorted(found) if self.clock(place) == clock]
        return (place for place in places if low <= place <= high)

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
                    yield _clock_marks(low, high, seconds, self, formats)
        if self.unit != "month":
            day = 86_400 if self.unit == "second" else 1
            for days in _DAY_STEPS:
                if days * day >= self.step * 0.5 and (high - low) / days / day < _MOST_MARKS:
                    yield _day_marks(low, high, days, day, self, formats)
        for months in _MONTH_STEPS:
            found = _month_marks(low, high, months, self, formats)
            if found:
                yield found
        yield [self._only(formats)]

    def _only(self, formats: Formats) -> Mark:
        moment = self.clock(self.places[0])
        return Mark(self.places[0], formats.short_day(moment.date()), _year(moment.year, formats))


def time_axis(values: Sequence[Any], formats: Formats, *, column: str = "") -> tuple[TimeAxis, list[float]] | None:
    """The axis and the place of each value; None where these are no days, no moments, and no years of a `column`."""
    of_years = bool(column) and all(isinstance(value, int) and is_year(value, column) for value in values)
    moments = [_first_of(value, 1) if of_years else _moment(value, formats) for value in values]
    known = [moment for moment in moments if moment is not None]
    if not known or len(known) < len(moments):
        return None
    unit = _unit(known)
    known = in_periods(known)
    places = [place_of(moment, unit) for moment in known]
    passed = _passed(values, places, formats) if unit == "second" else None
    if passed is not None:
        places, ahead = passed
    ascending = tuple(sorted(set(places)))
    step = min(_steps(ascending), default=_YEAR if of_years else 1.0)
    axis = TimeAxis(unit=unit, places=ascending, step=step, of_years=of_years)
    if passed is not None:
        axis = msgspec.structs.replace(axis, zone=formats.zone, ahead=ahead)
    return axis, places


def _passed(values: Sequence[Any], clocks: Sequence[float], formats: Formats) -> tuple[list[float], float] | None:
    """Places by what passed since the first moment, and how far clocks were ahead of UTC at it.

    None where clocks tell moments apart and are as regular: what comes at nine each morning does so in summer, too.
    """
    if not all(isinstance(value, datetime) and value.tzinfo is not None for value in values):
        return None
    since = [(value - _UTC_EPOCH).total_seconds() for value in values]
    ahead = [clock - at for clock, at in zip(clocks, since, strict=True)]
    if max(ahead) - min(ahead) < 1:
        return None
    first = ahead[since.index(min(since))]
    places = [at + first for at in since]
    is_told_apart = len(set(clocks)) == len(set(places))
    return None if is_told_apart and _regular(clocks) >= _regular(places) else (places, first)


def _regular(places: Iterable[float]) -> int:
    """How many follow the one before by the most frequent step."""
    return max(Counter(_steps(sorted(set(places)))).values(), default=0)


def _steps(places: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(places)]


def runs(places: Sequence[float], unit: TimeUnit) -> list[list[int]]:
    """Which of the ascending places a line joins: it breaks where a regular series misses a period."""
    if not places:
        return []
    steps = _steps(places)
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


def _clock_marks(low: float, high: float, step: int, axis: TimeAxis, formats: Formats) -> list[Mark]:
    ends = (low, high) if axis.zone is None else _by_clock(low, high, axis)
    first = -(-int(ends[0]) // step) * step
    moments = (_EPOCH + timedelta(seconds=at) for at in range(first, int(ends[1]) + 1, step))
    pattern = "%H:%M:%S" if step < 60 else "%H:%M"
    return sorted(
        (
            Mark(place, moment.strftime(pattern), formats.short_day(moment.date()))
            for moment in moments
            for place in axis.places_of(moment, low, high)
        ),
        key=lambda mark: mark.at,
    )


def _by_clock(low: float, high: float, axis: TimeAxis) -> tuple[float, float]:
    """What clocks say between these places, and a little more."""
    ends = [place_of(axis.clock(place), axis.unit) for place in (low, high)]
    return min(ends) - _SHIFT, max(ends) + _SHIFT


def _day_marks(low: float, high: float, step: int, day: int, axis: TimeAxis, formats: Formats) -> list[Mark]:
    """Counted from the first place, so that weeks begin on its weekday."""
    shift = int(axis.places[0] // day) % step
    first = -(-int(-(-low // day) - shift) // step) * step + shift
    found = []
    for number in range(first, int(high // day) + 1, step):
        moment = _EPOCH + timedelta(days=number) if day > 1 else datetime.fromordinal(number)
        found.append(Mark(axis.place(moment), formats.short_day(moment.date()), _year(moment.year, formats)))
    return found


def _month_marks(low: float, high: float, step: int, axis: TimeAxis, formats: Formats) -> list[Mark]:
    if axis.unit == "month" and step < axis.step and step < 12 and axis.step in _MONTH_STEPS:
        return []
    if axis.of_years and step < _YEAR:
        return []
    begin, end = axis.clock(max(low, 1)), axis.clock(high)
    first = -(-int(place_of(begin, "month")) // step) * step
    found = []
    for number in range(first, int(place_of(end, "month")) + 1, step):
        if number < 12:
            continue
        moment = moment_at(number, "month")
        at = axis.place(moment)
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
