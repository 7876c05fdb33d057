"""Values of typed formats as the texts that stand for them, and which texts such a format means as texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

# `1E5`, `84E31`: whoever means a number writes one where a number can be told from a text.
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_SIGNIFICANT = 15  # digits that spreadsheets calculate with and show
_NO_NAME = 1e18  # nobody numbers things so far: it is a quantity
_LONGEST = 40  # places after which an exponent says more


def as_text(cell: Any) -> str:
    """A cell as text that reads back as the same value; whole numbers without `.0`, midnight without a time."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return duration_text(cell)
    if isinstance(cell, Decimal) and cell.is_finite() and abs(cell.adjusted()) < _LONGEST:
        return f"{cell:f}"
    return "" if cell is None else str(cell)


def duration_text(length: timedelta) -> str:
    """Hours, which go on beyond a day, minutes, seconds: `40:01:02`."""
    sign = "-" if length < timedelta() else ""
    seconds, micros = divmod(abs(length) // timedelta(microseconds=1), 1_000_000)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def seen_number(number: float) -> str:
    """As a spreadsheet shows it: 0.1 + 0.2 is 0.3 there, since the digits behind the fifteenth are noise."""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if abs(number) >= _NO_NAME:
        return f"{number:.{_SIGNIFICANT}g}"
    text = repr(number)
    return as_text(Decimal(f"{number:.{_SIGNIFICANT}g}")) if len(text) > _SIGNIFICANT + 1 or "e" in text else text


def is_said_text(values: Iterable[Any]) -> bool:
    """Whether a column of a format that tells numbers from texts holds texts that only look like numbers."""
    values = list(values)
    return all(isinstance(value, str) for value in values) and any(
        _EXPONENT.fullmatch(value.strip()) for value in values
    )
