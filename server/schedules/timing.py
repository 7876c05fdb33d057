"""When a cron expression fires, by the clock on the wall of a time zone.

As Debian's cron: what has fixed hours fires once a day, also on days on which the clocks change: right after a gap when
its time does not exist, the first of two times when it comes twice. What has `*` hours or minutes goes by elapsed time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from server.errors import FieldError, InvalidInput
from server.schedules.workdays import DayOff, WorkdayRule

MOST_CHARACTERS = 100
_FIELDS = 5
_FIRST_YEAR, _LAST_YEAR = 1990, 2090
# Looked back over so far, step by step: whoever is rare is found in a later one, whoever is frequent in an early one.
_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366), timedelta(days=3_660))
_A_MINUTE = timedelta(minutes=1)
_AN_INSTANT = timedelta(microseconds=1)
_DAYS_OFF = timedelta(days=40)  # looked back over for what comes later than its day


class ClockChange(StrEnum):
    """How daylight saving touches a time."""

    NONE = ""
    SKIPPED = "skipped"  # it does not exist on this day: right after the gap
    REPEATED = "repeated"  # it comes twice on this day: the first


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTime:
    """`local` is in the zone of its schedule. `moved_from`: the day off that it would have come on."""

    local: datetime
    change: ClockChange
    moved_from: date | None = None

    @property
    def at(self) -> datetime:
        return self.local.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTimes:
    """The newest times of a span, the oldest first; `has_more` when it had others before them."""

    times: list[datetime]
    has_more: bool


def require_cron(cron: str) -> None:
    """Raises `InvalidInput` for what is no cron expression of five fields, or never fires."""
    message = (
        "Write five fields: minute, hour, day of the month, month, day of the week, such as “0 8 1 * *”; L is the last "
        "day of the month."
    )
    if len(cron) > MOST_CHARACTERS or not cron.isascii() or len(cron.split()) != _FIELDS:
        raise InvalidInput(errors=[FieldError(field="cron", message=message)])
    try:
        found = next(times_after(cron, "UTC", datetime(2024, 1, 1, tzinfo=UTC)), None)
    except (CronSimError, ValueError):
        if not _is_right_in_any_month(cron):
            raise InvalidInput(errors=[FieldError(field="cron", message=message)]) from None
        found = None
    if found is None:
        problem = FieldError(field="cron", message="There is no such day: this would never come.")
        raise InvalidInput(errors=[problem])


def _is_right_in_any_month(cron: str) -> bool:
    """Whether only the day is none of the month's, as in `0 0 30 2 *`."""
    minute, hour, day, month, weekday = cron.split()
    try:
        CronSim(f"0 0 1 {month} *", datetime(2024, 1, 1, tzinfo=UTC))
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime(2024, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError):
        return False
    return True


def times_after(cron: str, time_zone: str, after: datetime, workdays: WorkdayRule | None = None) -> Iterator[datetime]:
    """All times after a moment, in UTC, each later than the one before; with `workdays` on these alone."""
    return (at for at, _day in _times(cron, time_zone, after, workdays))


def _times(
    cron: str, time_zone: str, after: datetime, workdays: WorkdayRule | None
) -> Iterator[tuple[datetime, date | None]]:
    """With the day off that each was moved away from."""
    if workdays is None:
        return ((at, None) for at in _all_times(cron, time_zone, after))
    if workdays.day_off is DayOff.SKIP:
        return ((at, None) for at in _on_workdays(cron, time_zone, after, workdays))
    return _moved_times(cron, time_zone, after, workdays)


def _on_workdays(cron: str, time_zone: str, after: datetime, workdays: WorkdayRule) -> Iterator[datetime]:
    """Whole days off are left out at once: what comes each minute has thousands of times on them."""
    zone, start = ZoneInfo(time_zone), after
    while True:
        day: date | None = None
        for at in _all_times(cron, time_zone, start):
            if not workdays.is_workday(at.astimezone(zone).date()):
                day = workdays.next_workday(at.astimezone(zone).date())
                break
            yield at
        if day is None:
            return
        start = datetime.combine(day, time(), zone).astimezone(UTC) - _AN_INSTANT


def _moved_times(
    cron: str, time_zone: str, after: datetime, workdays: WorkdayRule
) -> Iterator[tuple[datetime, date | None]]:
    """Several days may be moved to one; what would come twice at one time there comes once."""
    zone, last = ZoneInfo(time_zone), after.astimezone(UTC)
    start = last - _DAYS_OFF if workdays.day_off is DayOff.NEXT else last
    of_day: dict[datetime, date | None] = {}
    target: date | None = None
    for at in _all_times(cron, time_zone, start):
        local = at.astimezone(zone)
        to = workdays.moved(local.date())
        if to is None:
            continue
        if to != target:
            yield from sorted(found for found in of_day.items() if found[0] > last)
            last, target, of_day = max([last, *of_day]), to, {}
        if to == local.date():
            of_day[at] = None
        else:
            of_day.setdefault(datetime.combine(to, local.time(), zone).astimezone(UTC), local.date())
    yield from sorted(found for found in of_day.items() if found[0] > last)


def _all_times(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    if not _FIRST_YEAR <= after.year <= _LAST_YEAR:
        return
    last = after.astimezone(UTC)
    for local in CronSim(cron, after.astimezone(ZoneInfo(time_zone))):
        if local.year > _LAST_YEAR:
            return
        at = local.astimezone(UTC)
        if at > last:  # within an hour that comes twice, its first round is over
            yield at
            last = at


def next_time(cron: str, time_zone: str, after: datetime, workdays: WorkdayRule | None = None) -> datetime | None:
    return next(times_after(cron, time_zone, after, workdays), None)


def next_times(
    cron: str, time_zone: str, after: datetime, count: int, workdays: WorkdayRule | None = None
) -> list[PlannedTime]:
    """With what the clocks do to each."""
    zone, known = ZoneInfo(time_zone), CronSim(cron, after)
    has_fixed_hours = not any(field.startswith("*") for field in cron.split()[:2])
    return [
        PlannedTime(
            local=at.astimezone(zone),
            change=_change(at.astimezone(zone), known) if has_fixed_hours else ClockChange.NONE,
            moved_from=day,
        )
        for at, day in islice(_times(cron, time_zone, after, workdays), count)
    ]


def times_until(
    cron: str, time_zone: str, *, first: datetime, until: datetime, most: int, workdays: WorkdayRule | None = None
) -> PastTimes:
    """The newest of the times from `first`, which is one, to `until`."""
    before = first - timedelta(seconds=1)
    for back in _BACK:
        start = max(before, until - back)
        times = [first] if start == before else []
        for at in times_after(cron, time_zone, start, workdays):
            if at > until:
                break
            if at != first:
                times.append(at)
        if len(times) >= most or start == before:
            return PastTimes(times=times[-most:], has_more=len(times) > most or start > before)
    return PastTimes(times=times[-most:] or [first], has_more=True)


def has_fixed_times(cron: str) -> bool:
    """Whether it comes at hours and minutes that are named, and not all day long."""
    minute, hour = cron.split()[:2]
    return minute.isdecimal() and "*" not in hour


class DaysMeant(StrEnum):
    """What a day of the month and a day of the week mean together, as in Debian's cron."""

    ONE = ""  # not both are restricted
    EITHER = "either"
    BOTH = "both"  # one of the two begins with `*`, such as `*/2`


def days_meant(cron: str) -> DaysMeant:
    _, _, day, _, weekday = cron.split()
    if "*" in (day, weekday):
        return DaysMeant.ONE
    return DaysMeant.BOTH if day.startswith("*") or weekday.startswith("*") else DaysMeant.EITHER


def _change(local: datetime, known: CronSim) -> ClockChange:
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return ClockChange.REPEATED
    earlier = (local.astimezone(UTC) - _A_MINUTE).astimezone(local.tzinfo)
    has_jumped = (earlier.utcoffset() or timedelta()) < (local.utcoffset() or timedelta())
    is_asked_for = local.hour in known.hours and local.minute in known.minutes
    return ClockChange.SKIPPED if has_jumped and not is_asked_for else ClockChange.NONE
