"""Values as Excel holds them: numbers, dates, truths; as text what it could not hold."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from server.datasets.decimals import fits_float
from server.reports.formats import Formats, ValueFormat

_SAFE_INTEGER = 10**15
_MOST = 9.99e307
_DAY = 86_400  # seconds
_DATES = ("date", "month", "year", "datetime")


def excel_value(value: Any, format: ValueFormat, formats: Formats) -> Any:  # noqa: A002
    """None is an empty cell. Durations are days (below zero texts), moments those of the report's time zone."""
    match value:
        case bool() | None:
            return value
        case timedelta() if value < timedelta():
            return formats.text(value, format)  # Excel knows no time before its first day, and shows ####
        case timedelta():
            return value.total_seconds() / _DAY
        case datetime():
            local = value.astimezone(formats.zone).replace(tzinfo=None) if value.tzinfo else value
            return local if local.year >= 1900 else str(value)
        case date():
            return value if value.year >= 1900 else str(value)
        case time() if value.tzinfo is None and not value.microsecond:
            return value
        case int() | float() | Decimal() if format.kind == "duration" and value < 0:
            return formats.text(value, format)
        case int() | float() | Decimal():
            number = _number(value, formats)
            return number / _DAY if format.kind == "duration" and is_number(number) else number
        case str() if format.kind in _DATES:
            return _date(value, format)
    return str(value)


def is_number(value: Any) -> bool:
    """Whether Excel reckons with it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text_of_number(value: Any, formats: Formats) -> bool:
    """Whether it has more digits than Excel holds, and stands there as a text."""
    return isinstance(value, int | Decimal) and isinstance(excel_value(value, ValueFormat(), formats), str)


def _number(value: int | float | Decimal, formats: Formats) -> Any:
    """The same digits, or a text of them."""
    if isinstance(value, int):
        return value if abs(value) < _SAFE_INTEGER else str(value)
    if not math.isfinite(value):
        return formats.text(value)
    if isinstance(value, Decimal):
        return float(value) if fits_float(value) else f"{value:f}"
    return value if abs(value) < _MOST else str(value)


def _date(text: str, format: ValueFormat) -> Any:  # noqa: A002
    """What other forms write as a date is one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.year < 1900 or moment.tzinfo is not None:
        return text
    return moment if format.kind == "datetime" else moment.date()
