"""The moment that reports speak of when it is not the present one: `as_of` of an order."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from server.errors import FieldError, InvalidInput
from server.reports.formats import Formats

# What zip archives and Excel can write, and a year in which no `last_month` falls out of it.
_FIRST, _LAST = 1981, 2099
_END_OF_DAY = time(23, 59, 59)
DAY_CHARACTERS = 10


def moment_of(text: str, time_zone: str) -> datetime:
    """`2026-10-31` (its last second in `time_zone`) or RFC 3339 as UTC, in whole seconds. Raises `InvalidInput`."""
    try:
        moment = _moment(text, ZoneInfo(time_zone))
    except ValueError:
        raise _wrong("Write a day like 2026-10-31, or a moment like 2026-10-31T18:00:00+08:00.") from None
    if not _FIRST <= moment.year <= _LAST:
        raise _wrong("Name a day from {first} to {last}.", first=_FIRST, last=_LAST)
    return moment.astimezone(UTC).replace(microsecond=0)


def is_end_of_day(moment: datetime) -> bool:
    """Whether a moment, in the zone it is in, is what a day alone stands for."""
    return moment.time() == _END_OF_DAY


def moment_told(local: datetime, formats: Formats, *, is_as_of: bool) -> str:
    """When reports were made, as people of `formats` write it: the day alone where they speak of its end."""
    is_day = is_as_of and is_end_of_day(local)
    return f"{formats.text(local.date() if is_day else local)} ({formats.zone})"


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if len(text) == DAY_CHARACTERS:
        return datetime.combine(date.fromisoformat(text), _END_OF_DAY, zone)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _wrong(message: str, **parameters: int) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field="as_of", message=message, parameters={**parameters})])
