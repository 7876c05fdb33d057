"""What counts as a day or a time in a cell, and how they may be written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal

from server.datasets.cells import IN_UTC, PLAIN, TURNED_INTO_UTC, plain
from server.datasets.month_names import month_number

DateOrder = Literal["YMD", "DMY", "MDY", "yMD"]  # "yMD": a year of two digits first
FINER_THAN_MICROSECONDS = r":\d\d[.,]\d{6}\d*[1-9]"
_FINER = re.compile(FINER_THAN_MICROSECONDS)
_YEAR_FIRST = re.compile(
    r"(\d{4})\s?(?:[-/.年년]|\s)\s?(\d{1,2})\s?(?:[-/.月월]|\s)\s?(\d{1,2})(?:\s?[日일]|\.(?=\s|$))?"
)
_YEAR_LAST = re.compile(r"(\d{1,2})\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{4}|\d{2})(?![\d:])")
# `10.1.2` is a section or a version.
_SHORT_YEAR_FIRST = re.compile(
    r"(\d{2})(?!\.\d\.|\.\d\d?\.\d(?!\d))\s?[-/. ]\s?(\d{1,2})\s?[-/. ]\s?(\d{1,2})(?![\d:])"
)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_NAME = r"([^\W\d_][^\d\s,./_-]{1,14})"
_DAY_MONTH_NAME = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|er|o|\.)?[-/ ]?\s?(?:de\s|of\s)?{_NAME}\.?"
    r"(?:[-/, ]+|\sdel?\s)(\d{4}|\d{2})(?![\d:])(?:\s[гр]\.?)?"
)
_MONTH_NAME_DAY = re.compile(rf"{_NAME}\.?[-/ ]?(\d{{1,2}})(?:st|nd|rd|th)?[-/, ]+(\d{{4}})")
_BARE_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2})?")  # as most are written
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})([A-Za-z]{3})(\d{4})(?!\d)")  # 26OCT2026, as SAS writes it
# `Mon`, `Montag, `, `Mo. ` before a day; not those that months are called as well, such as `mar`.
_WEEKDAY = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag|Mittwoch|Sonnabend|Mo|Di|Mi|Do|Fr|Sa|So"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
    r"|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|sabato|domenica"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|(?:星期|周)[一二三四五六日天])(?:\.?,\s*|\.\s*|\s+|(?<=[\u4e00-\u9fff]))(?=\w)",
    re.IGNORECASE,
)
_WEEKDAY_BEHIND = re.compile(
    r"\s*\((?:[月火水木金土日]|(?:星期|周)[一二三四五六日天]|[월화수목금토일]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Mo|Di|Mi|Do|Fr|Sa|So)\.?)\)|\s*(?:星期|周)[一二三四五六日天]"
)
_CLOSE_TIME = re.compile(r"T(\d\d)(\d\d)(\d\d)?(?=[\dZ.,+-]|$)")  # of ISO 8601: T100000Z
_TIME = re.compile(
    r"(?:T|\s*,?\s+)(?P<half>上午|下午|AM|PM)?\s*(?P<hour>\d{1,2})(?::|时|點|点)(?P<minute>\d{2})"
    r"(?:(?::|分)(?:(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?秒?)?)?"
    r"\s*(?:(?P<half2>AM|PM|am|pm)|Uhr)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)


def read_date(text: str, order: DateOrder) -> date | None:
    """A day; a time of midnight (as spreadsheets write it) is allowed behind it, any other is not."""
    moment = read_moment(text, order)
    if moment is None or moment.time() != time() or _FINER.search(text):
        return None
    return moment.date()


def read_moment(text: str, order: DateOrder) -> datetime | None:
    """A day with or without a time. With an offset it is turned into UTC; the result is always without a zone.

    Whatever begins with a four-digit year is year, month, day; `order` decides the rest.
    """
    moment = read_time(text, order)
    return moment and moment.replace(tzinfo=None)


def read_instant(text: str, order: DateOrder) -> datetime | None:
    """A day, a time and its offset, in UTC; None for what has no offset, since nobody knows when it was."""
    moment = read_time(text, order)
    return moment if moment is not None and moment.tzinfo is not None else None


def notation_of_time(text: str, time: datetime) -> str:
    """What the time that was read of a text does not keep of it."""
    if time.tzinfo is None:
        return PLAIN
    return IN_UTC if is_in_utc(text) else TURNED_INTO_UTC


def is_in_utc(text: str) -> bool:
    """Of a time with an offset: whether it is none."""
    return plain(text).endswith(("Z", "UTC", "GMT", "+00:00", "+0000", "+00"))


@lru_cache(16_384)  # while a column is judged, its cells are read for one type after the other
def read_time(text: str, order: DateOrder) -> datetime | None:
    """A day with or without a time: in UTC where it has an offset, else without a zone."""
    if _BARE_MOMENT.fullmatch(text) is not None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    text = plain(text)
    if (weekday := _WEEKDAY.match(text)) is not None:
        text = text[weekday.end() :]
    found = _day(text, order)
    if found is None:
        return None
    day, rest = found
    if not rest:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 – it has none
    return _at(day, rest)


def _day(text: str, order: DateOrder) -> tuple[date, str] | None:
    for pattern, places in (
        (_YEAR_FIRST, "YMD"),
        (_SHORT_YEAR_FIRST, "YMD") if order == "yMD" else (_YEAR_LAST, "DMY" if order == "YMD" else order),
        (_COMPACT, "YMD"),
        (_DAY_MONTH_NAME, "DMY"),
        (_DAY_MONTH_YEAR, "DMY"),
        (_MONTH_NAME_DAY, "MDY"),
    ):
        found = pattern.match(text)
        if found is None:
            continue
        if pattern is _YEAR_LAST and order == "YMD":
            return None
        parts = dict(zip(places, found.groups(), strict=True))
        month = int(parts["M"]) if parts["M"].isdecimal() else month_number(parts["M"]) or 0
        try:
            return date(_year(parts["Y"]), month, int(parts["D"])), _behind_day(text, found.end())
        except ValueError:
            return None
    return None


def _behind_day(text: str, end: int) -> str:
    """What stands behind a day, but for the name of its weekday."""
    rest = text[end:].rstrip()
    if rest and (weekday := _WEEKDAY_BEHIND.match(rest)) is not None:
        rest = rest[weekday.end() :]
    return f" {rest}" if rest and text[end - 1] in "日일" else rest


def _year(digits: str) -> int:
    # Two digits as POSIX reads them: 69 to 99 are of the last century.
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 69 else 2000)


def _at(day: date, text: str) -> datetime | None:
    found = _TIME.fullmatch(_CLOSE_TIME.sub(lambda part: "T" + ":".join(filter(None, part.groups())), text))
    if found is None:
        return None
    hour = int(found["hour"])
    half = (found["half"] or found["half2"] or "").upper()
    if half in ("PM", "下午") and hour < 12:
        hour += 12
    elif half in ("AM", "上午") and hour == 12:
        hour = 0
    microsecond = int((found["fraction"] or "").ljust(6, "0")[:6])
    try:
        moment = datetime(  # noqa: DTZ001 – its zone, if there is one, comes next
            day.year, day.month, day.day, hour, int(found["minute"]), int(found["second"] or 0), microsecond
        )
        return _in_utc(moment, found["zone"]) if found["zone"] else moment
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime, zone: str) -> datetime:
    if zone in ("Z", "UTC", "GMT"):
        return moment.replace(tzinfo=UTC)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset)).astimezone(UTC)


_DAY_WITH_POINTS = re.compile(r"\d{1,2}\. ?\d{1,2}\. ?(?:\d{4}|\d{2})(?![\d.])")
_SHORT_YEAR = re.compile(r"(?:%y|[Yy]{2})(?![Yy])")


def is_day_with_points(text: str) -> bool:
    """`01.02.2026`, `1.2.26 10:00`."""
    return _DAY_WITH_POINTS.match(text.lstrip()) is not None


def has_short_year(text: str, order: DateOrder) -> bool:
    """Whether two digits of a day are its year."""
    text = plain(text)
    if (weekday := _WEEKDAY.match(text)) is not None:
        text = text[weekday.end() :]
    if _YEAR_FIRST.match(text) is not None:
        return False
    found = _YEAR_LAST.match(text) or _DAY_MONTH_NAME.match(text)
    return order == "yMD" or (found is not None and len(found[3]) == 2)


def could_begin_with_short_year(text: str) -> bool:
    return _SHORT_YEAR_FIRST.match(text.lstrip()) is not None


def order_of(date_format: str | None) -> DateOrder:
    """The order in a format such as `DD.MM.YYYY`, `%d/%m/%Y` or `yyyy年m月d日`: where each of the three stands."""
    if date_format and _SHORT_YEAR.match(date_format):
        return "yMD"
    letters = (date_format or "YMD").upper().replace("年", "Y").replace("月", "M").replace("日", "D")
    places = {letter: letters.find(letter) for letter in "YMD"}
    if -1 in places.values() or places["Y"] < places["D"]:
        return "YMD"
    return "DMY" if places["D"] < places["M"] else "MDY"


DATE_FORMATS: dict[DateOrder, str] = {
    "YMD": "YYYY-MM-DD", "DMY": "DD/MM/YYYY", "MDY": "MM/DD/YYYY", "yMD": "YY-MM-DD",
}  # fmt: skip
