"""When a cron expression comes, as people say it, in their language; of what nobody has words for nothing is said.

Words are made of the hours and days that the expression really has, never of how it is written: `*/7` in the minutes is
not “every 7 minutes”, since it comes 4 minutes after the last one of each hour.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from babel import Locale
from babel.dates import get_day_names, get_month_names
from babel.lists import format_list
from cronsim import CronSim, CronSimError

from server.texts import Translate, phrase, told

_MOST_TIMES = 6  # of a day, that are named one by one
_MOST_DAYS = 8
_ALL_HOURS, _ALL_DAYS, _ALL_MONTHS, _ALL_WEEKDAYS = range(24), range(1, 32), range(1, 13), range(7)
_ODD, _EVEN = set(range(1, 32, 2)), set(range(2, 32, 2))
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def said_times(cron: str, translate: Translate, locale: Locale) -> str | None:
    """Such as “every Monday at 08:00”. None where there are no words that are certainly right."""
    try:
        known = CronSim(cron, _ANY_DAY)
    except (CronSimError, ValueError):
        return None
    words = _Words(translate, locale)
    days = words.days(known)
    times = _listed(sorted(known.hours), sorted(known.minutes))
    if days is None:
        return None
    if times:
        return words.said(phrase("{days} at {times}"), days=days, times=words.listed(times))
    span = _span(sorted(known.hours), sorted(known.minutes))
    if span is None:
        return None
    if not _is_every_day(known):
        return words.said(phrase("{days}, {often}"), days=days, often=words.often(span))
    return words.often(span)


@dataclass(frozen=True, slots=True)
class _Span:
    """Every so many minutes or hours, from one time of a day until another; `is_round` when all day long."""

    every: int
    unit: Literal["minutes", "hours"]
    first: str
    last: str
    is_round: bool


def _listed(hours: Sequence[int], minutes: Sequence[int]) -> list[str]:
    """Empty where they are too many."""
    if len(hours) * len(minutes) > _MOST_TIMES:
        return []
    return [_time(hour, minute) for hour in hours for minute in minutes]


def _span(hours: Sequence[int], minutes: Sequence[int]) -> _Span | None:
    first, last = _time(hours[0], minutes[0]), _time(hours[-1], minutes[-1])
    if len(minutes) == 1:
        step = _step(hours)
        if step is None:
            return None
        is_round = hours[0] + 24 - hours[-1] == step
        return _Span(step, "hours", first, last, is_round and hours[0] == minutes[0] == 0)
    step = _step(minutes)
    if step is None or minutes[0] + 60 - minutes[-1] != step or (len(hours) > 1 and _step(hours) != 1):
        return None
    return _Span(step, "minutes", first, last, len(hours) == len(_ALL_HOURS) and minutes[0] == 0)


def _step(values: Sequence[int]) -> int | None:
    """How far each is from the one before, where that is always the same."""
    steps = {after - before for before, after in pairwise(values)}
    return steps.pop() if len(steps) == 1 else None


def _time(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _is_every_day(known: CronSim) -> bool:
    in_any_month = known.months.issuperset(_ALL_MONTHS)
    return in_any_month and _has_all_days(known) and (_has_all_weekdays(known) or not known.day_and)


def _has_all_days(known: CronSim) -> bool:
    return known.days.issuperset(_ALL_DAYS)


def _has_all_weekdays(known: CronSim) -> bool:
    return {each % 7 for each in known.weekdays if isinstance(each, int)}.issuperset(_ALL_WEEKDAYS)


class _Words:
    """In one language."""

    def __init__(self, translate: Translate, locale: Locale) -> None:
        self._translate = translate
        self._locale = locale

    def said(self, words: dict[str, object], **values: object) -> str:
        return told(str(words["phrase"]), values, self._translate)

    def listed(self, parts: Sequence[str]) -> str:
        return format_list(parts, "standard", self._locale)

    def days(self, known: CronSim) -> str | None:
        """Either of two fields where both are restricted, unless one begins with `*`: then both, as cron has it."""
        has_all_days, has_all_weekdays = _has_all_days(known), _has_all_weekdays(known)
        months = self._months(known.months)
        if months is None:
            return None
        if (has_all_days and has_all_weekdays) or ((has_all_days or has_all_weekdays) and not known.day_and):
            return self._every_day(months)
        if has_all_days:
            return self._weekdays(known.weekdays, months)
        of_month = self._days(known.days, months)
        if has_all_weekdays or of_month is None:
            return of_month
        if known.day_and:
            names = self._weekday_names(known.weekdays)
            meant = phrase("{days}, but only on a {weekdays}")
            return self.said(meant, days=of_month, weekdays=format_list(names, "or", self._locale)) if names else None
        of_week = self._weekdays(known.weekdays, months)
        return self.said(phrase("{days} or {weekdays}"), days=of_month, weekdays=of_week) if of_week else None

    def often(self, span: _Span) -> str:
        if span.unit == "minutes":
            every = phrase("every {count} minutes") if span.every > 1 else phrase("every minute")
        else:
            every = phrase("every {count} hours") if span.every > 1 else phrase("every hour")
        often = self.said(every, count=span.every)
        if span.is_round:
            return often
        return self.said(phrase("{often} from {first} until {last}"), often=often, first=span.first, last=span.last)

    def _every_day(self, months: str) -> str:
        if not months:
            return self.said(phrase("every day"))
        return self.said(phrase("every day in {months}"), months=months)

    def _months(self, months: Collection[int]) -> str | None:
        """Empty for all of them; None for what nobody would want to hear."""
        if len(months) == len(_ALL_MONTHS):
            return ""
        names = get_month_names("wide", "format", self._locale)
        return self._ranges(sorted(months), [names[each] for each in sorted(months)])

    def _days(self, days: Collection[int], months: str) -> str | None:
        numbers = sorted(day for day in days if day > 0)
        if set(numbers) in (_ODD, _EVEN) and len(numbers) == len(days):
            named = self.said(phrase("odd days") if set(numbers) == _ODD else phrase("even days"))
        else:
            listed = self._ranges(numbers, [str(day) for day in numbers]) if numbers else ""
            if listed is None:
                return None
            one, more = phrase("day {days}"), phrase("days {days}")
            parts = [self.said(one if len(numbers) == 1 else more, days=listed)] if numbers else []
            parts += [self.said(phrase("the last day"))] if CronSim.LAST in days else []
            parts += [self.said(phrase("the last day from Monday to Friday"))] if CronSim.LAST_WEEKDAY in days else []
            named = self.listed(parts)
        if months:
            return self.said(phrase("on {days} of {months}"), days=named, months=months)
        return self.said(phrase("on {days} of each month"), days=named)

    def _weekdays(self, weekdays: Collection[int | tuple[int, int]], months: str) -> str | None:
        plain = {each % 7 for each in weekdays if isinstance(each, int)}
        placed = sorted({(day % 7, nth) for day, nth in (each for each in weekdays if isinstance(each, tuple))})
        if plain and placed:
            return None
        if placed:
            named = self._placed(placed)
            if months:
                return self.said(phrase("on {days} of {months}"), days=named, months=months)
            return self.said(phrase("on {days} of each month"), days=named)
        names = self._weekday_names(plain)
        numbers = sorted((each + 6) % 7 for each in plain)
        if len(numbers) == 1:
            said = self.said(phrase("every {weekday}"), weekday=names[0])
        elif len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
            said = self.said(phrase("{first} to {last}"), first=names[0], last=names[-1])
        else:
            said = self.said(phrase("every {weekday}"), weekday=self.listed(names))
        return self.said(phrase("{days} in {months}"), days=said, months=months) if months else said

    def _placed(self, placed: Sequence[tuple[int, int]]) -> str:
        """Such as “the first Monday”."""
        names = get_day_names("wide", "format", self._locale)
        nth = {
            1: phrase("the first {weekday}"),
            2: phrase("the second {weekday}"),
            3: phrase("the third {weekday}"),
            4: phrase("the fourth {weekday}"),
            5: phrase("the fifth {weekday}"),
            CronSim.LAST: phrase("the last {weekday}"),
        }
        return self.listed([self.said(nth[each], weekday=names[(day + 6) % 7]) for day, each in placed])

    def _weekday_names(self, weekdays: Collection[int | tuple[int, int]]) -> list[str]:
        """From Monday on; none where some are of a place in the month."""
        names = get_day_names("wide", "format", self._locale)
        numbers = {each % 7 for each in weekdays if isinstance(each, int)}
        if len(numbers) < len({each % 7 if isinstance(each, int) else each for each in weekdays}):
            return []
        return [names[each] for each in sorted((each + 6) % 7 for each in numbers)]

    def _ranges(self, numbers: Sequence[int], names: Sequence[str]) -> str | None:
        """Their names, or the first and last where three or more follow one another."""
        if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
            return self.said(phrase("{first} to {last}"), first=names[0], last=names[-1])
        return self.listed(names) if len(numbers) <= _MOST_DAYS else None
