"""A month of schedules, day by day: what ran, what comes."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from server.deliveries.delivery import BatchDelivered
from server.schedules.schedule import RunsOfDay, RunState, Schedule
from server.schedules.timing import times_after

_MOST_TIMES = 62  # of a schedule in a month: what comes more often is told once a day
_MOST_YEAR = 2089


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """`at` is in the reader's zone, `state` that of a run, or `planned`; `more` times come on the same day."""

    at: datetime
    schedule: Schedule
    state: str
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDeliveries:
    """What was delivered on a day, and what was not. `batch_id`: the first that needs somebody, else the last."""

    batch_id: str
    sent: int
    troubled: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    day: date
    is_inside: bool
    is_today: bool
    entries: Sequence[CalendarEntry]
    delivered: DayDeliveries | None = None

    @property
    def is_empty(self) -> bool:
        return not self.entries and self.delivered is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarMonth:
    first: date

    @property
    def shown(self) -> datetime:
        """A moment in it, in every time zone."""
        return datetime.combine(self.first.replace(day=15), time(12), UTC)

    @property
    def before(self) -> CalendarMonth:
        return CalendarMonth(first=(self.first - timedelta(days=1)).replace(day=1))

    @property
    def after(self) -> CalendarMonth:
        return CalendarMonth(first=(self.first + timedelta(days=32)).replace(day=1))


def month_of(text: str, now: datetime, time_zone: str) -> CalendarMonth:
    """`2026-12`; this month for what is none."""
    today = now.astimezone(ZoneInfo(time_zone)).date()
    try:
        first = date.fromisoformat(f"{text}-01") if len(text) == len("2026-12") else today.replace(day=1)
    except ValueError:
        first = today.replace(day=1)
    return CalendarMonth(first=first if 2000 <= first.year <= _MOST_YEAR else today.replace(day=1))


def days_of(month: CalendarMonth, time_zone: str) -> list[datetime]:
    """When each day of its weeks begins, and when the last ends, in UTC."""
    zone, weeks = ZoneInfo(time_zone), calendar.Calendar().monthdatescalendar(month.first.year, month.first.month)
    days = [*(day for week in weeks for day in week), weeks[-1][-1] + timedelta(days=1)]
    return [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]


def calendar_of(
    schedules: Sequence[Schedule],
    runs: Mapping[str, Sequence[RunsOfDay]],
    month: CalendarMonth,
    *,
    now: datetime,
    time_zone: str,
    delivered: Sequence[BatchDelivered] = (),
) -> list[list[CalendarDay]]:
    """Weeks from Monday on."""
    zone = ZoneInfo(time_zone)
    weeks = calendar.Calendar().monthdatescalendar(month.first.year, month.first.month)
    begin, *_, end = days_of(month, time_zone)
    by_day: dict[date, list[CalendarEntry]] = {}
    for schedule in schedules:
        entries = [*_ran(schedule, runs[schedule.id]), *_coming(schedule, max(begin, now), end)]
        for entry in _once_a_day(entries, zone):
            by_day.setdefault(entry.at.astimezone(zone).date(), []).append(entry)
    today = now.astimezone(zone).date()
    by_delivery = _by_day(delivered, zone)
    return [
        [
            CalendarDay(
                day=day,
                is_inside=day.month == month.first.month,
                is_today=day == today,
                entries=sorted(by_day.get(day, ()), key=lambda entry: entry.at),
                delivered=by_delivery.get(day),
            )
            for day in week
        ]
        for week in weeks
    ]


def _by_day(delivered: Sequence[BatchDelivered], zone: ZoneInfo) -> dict[date, DayDeliveries]:
    """Days on which something was delivered, or was to be."""
    days: dict[date, list[BatchDelivered]] = {}
    for each in delivered:
        if each.sent or each.troubled or each.skipped:
            days.setdefault(each.at.astimezone(zone).date(), []).append(each)
    return {
        day: DayDeliveries(
            batch_id=next((each.batch_id for each in of_day if each.troubled), of_day[-1].batch_id),
            sent=sum(each.sent for each in of_day),
            troubled=sum(each.troubled for each in of_day),
            skipped=sum(each.skipped for each in of_day),
        )
        for day, of_day in days.items()
    }


def _ran(schedule: Schedule, runs: Sequence[RunsOfDay]) -> list[CalendarEntry]:
    return [
        CalendarEntry(at=each.run.planned_at, schedule=schedule, state=each.run.shown_state, more=each.count - 1)
        for each in runs
        if each.run.state is not RunState.DUE
    ]


def _coming(schedule: Schedule, begin: datetime, end: datetime) -> list[CalendarEntry]:
    if not schedule.is_on or not schedule.cron or begin >= end:
        return []
    times = islice(times_after(schedule.cron, schedule.time_zone, begin, schedule.workdays), _MOST_TIMES)
    return [CalendarEntry(at=at, schedule=schedule, state="planned") for at in times if at < end]


def _once_a_day(entries: Sequence[CalendarEntry], zone: ZoneInfo) -> list[CalendarEntry]:
    """The first of each day and state, and how many more there are."""
    counts: Counter[tuple[date, str]] = Counter()
    for entry in entries:
        counts[entry.at.astimezone(zone).date(), entry.state] += 1 + entry.more
    found: dict[tuple[date, str], CalendarEntry] = {}
    for entry in sorted(entries, key=lambda each: each.at):
        key = entry.at.astimezone(zone).date(), entry.state
        if key not in found:
            found[key] = CalendarEntry(
                at=entry.at.astimezone(zone), schedule=entry.schedule, state=entry.state, more=counts[key] - 1
            )
    return list(found.values())
