"""When a share link ends: a moment, which people give as a day and mean to its very end, where they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.errors import FieldError, Forbidden, InvalidInput

DEFAULT_DAYS = 30
_DAY_CHARACTERS = 10
_LAST_YEAR = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """What an administrator allows. `max_days` is 0 where a link need not have an end."""

    are_on: bool
    max_days: int

    def require_on(self) -> None:
        if not self.are_on:
            raise Forbidden("Share links are switched off on this server; an administrator can switch them on.")

    def today(self, time_zone: str, now: datetime) -> date:
        return _day_of(now, time_zone)

    def default_day(self, time_zone: str, now: datetime) -> date:
        """The last day of a link of which nobody says when it ends."""
        return _day_of(now, time_zone) + timedelta(days=min(DEFAULT_DAYS, self.max_days or DEFAULT_DAYS))

    def latest_day(self, time_zone: str, now: datetime) -> date | None:
        return _day_of(now, time_zone) + timedelta(days=self.max_days) if self.max_days else None

    def end_of(self, text: str | None, time_zone: str, now: datetime) -> datetime | None:
        """`2026-11-30` (24:00 of that day in `time_zone`) or RFC 3339, as UTC; None for none. Raises `InvalidInput`."""
        if text is None:
            if self.max_days:
                raise _wrong("A link lasts at most {days} days here; say when it ends.", days=self.max_days)
            return None
        try:
            end = _end(text, ZoneInfo(time_zone))
        except (ValueError, OverflowError):
            raise _wrong("Write a day like 2026-11-30, or a moment like 2026-11-30T18:00:00+08:00.") from None
        if end <= now:
            raise _wrong("This is over already; name a later day.")
        latest = self.latest_day(time_zone, now)
        if latest is not None and end > end_of_day(latest, time_zone):
            raise _wrong("A link lasts at most {days} days here; name an earlier day.", days=self.max_days)
        return end


def end_of_day(day: date, time_zone: str) -> datetime:
    """Its 24:00, which is 0:00 of the next one."""
    return _midnight_after(day, ZoneInfo(time_zone)).astimezone(UTC)


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _day_of(now: datetime, time_zone: str) -> date:
    return now.astimezone(ZoneInfo(time_zone)).date()


def _end(text: str, zone: ZoneInfo) -> datetime:
    if len(text) == _DAY_CHARACTERS:
        moment = _midnight_after(date.fromisoformat(text), zone)
    else:
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1 < moment.year < _LAST_YEAR:
        raise ValueError(text)
    return moment.astimezone(UTC).replace(microsecond=0)


def _wrong(message: str, **parameters: int) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field="expires_at", message=message, parameters={**parameters})])
