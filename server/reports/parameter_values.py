"""How incoming values (JSON or texts of forms) become those of a parameter's type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

_MAX_TEXT = 2_000
_MOST_IN_LIST = 500
_INT64 = range(-(2**63), 2**63)
_MONTH = re.compile(r"(\d{4})-(\d{1,2})(?:-\d{1,2})?")
# Commas between thousands are none of decimals where there are two of them, or a point behind.
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:(?<=,\d{3},\d{3})|\.\d*)")
_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


class Wrong(Exception):
    """A value does not fit; carries what to do about it."""

    def __init__(self, message: str, **parameters: Any) -> None:
        super().__init__(message)
        self.message = message
        self.parameters = parameters


def _text(value: Any) -> str:
    if isinstance(value, list | dict) or len(text := str(value)) > _MAX_TEXT:
        raise Wrong("This must be a text of at most {limit} characters.", limit=_MAX_TEXT)
    return text


def _integer(value: Any) -> int:
    try:
        whole = int(_digits(value))
    except ValueError:
        number = _float(value)
        if number is None or not number.is_integer():
            raise Wrong("“{value}” is no whole number.", value=value) from None
        whole = int(number)
    if whole not in _INT64:
        raise Wrong("“{value}” is too large for a whole number; it has at most 18 digits.", value=value)
    return whole


def _digits(value: Any) -> str:
    """A number's text without the commas between its thousands; raises `Wrong` where a comma may mean a point."""
    text = _text(value).strip()
    if "_" in text or ("," in text and not _THOUSANDS.fullmatch(text)):
        raise Wrong(
            "“{value}” can be read as several numbers; write it with a point and no comma, like 1.5.", value=value
        )
    return text.replace(",", "")


def _decimal(value: Any) -> float:
    number = _float(value)
    if number is None:
        raise Wrong("“{value}” is no number.", value=value)
    return number


def _float(value: Any) -> float | None:
    try:
        number = float(_digits(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _choice(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _text(value)
    return _integer(value) if isinstance(value, int) else _decimal(value)


def _boolean(value: Any) -> bool:
    word = _text(value).strip().lower()
    if word not in _WORDS:
        raise Wrong("“{value}” is neither true nor false.", value=value)
    return _WORDS[word]


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_text(value).strip()[:10])
    except ValueError:
        raise Wrong("“{value}” is no date; write it like 2026-10-31.", value=value) from None


def _month(value: Any) -> date:
    """Months are the first of their days, so that SQL and templates can count with them."""
    if isinstance(value, date):
        return date(value.year, value.month, 1)
    found = _MONTH.fullmatch(_text(value).strip()[:10])
    year, month = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if not (1 <= year <= 9999 and 1 <= month <= 12):
        raise Wrong("“{value}” is no month; write it like 2026-10.", value=value)
    return date(year, month, 1)


def _list(value: Any) -> list[Any]:
    """Of a text: a line for each, or what stands between commas."""
    if isinstance(value, str):
        value = value.splitlines() if "\n" in value.strip() else value.split(",")
        value = [part.strip() for part in value if part.strip()]
    if not isinstance(value, list | tuple):
        value = [value]
    if any(each is None for each in value):
        raise Wrong("A list is of values; null is none.")
    if len(value) > _MOST_IN_LIST:
        raise Wrong("A list has at most {limit} values.", limit=_MOST_IN_LIST)
    return list(dict.fromkeys(_choice(each) for each in value))


def _range(value: Any) -> dict[str, date]:
    """From one day to another, both among them: `{"from": …, "to": …}`, or `2026-10-01..2026-10-31`."""
    if isinstance(value, str):
        first, mark, last = value.partition("..")
        value = {"from": first, "to": last} if mark else value
    if not isinstance(value, Mapping) or set(value) != {"from", "to"}:
        raise Wrong("A range has a first and a last day; write it like 2026-10-01..2026-10-31.")
    days = {end: _date(value[end]) for end in ("from", "to")}
    if days["from"] > days["to"]:
        raise Wrong("The range ends before it begins: {first} to {last}.", first=days["from"], last=days["to"])
    return days


CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "choice": _choice,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "month": _month,
    "boolean": _boolean,
    "list": _list,
    "range": _range,
}
