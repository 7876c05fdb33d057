"""How incoming values (JSON or texts of forms) become those of a parameter's type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

_MAX_TEXT = 2_000
_MOST_IN_LIST = 500
_INT64 = range(-(2**63), 2**63)
_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
# One of several values in a text: in quotes (two for one within), or up to a comma, Chinese ones as well.
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,，、]*))\s*(?:[,，、]|$)')
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
    if isinstance(value, list | dict):
        raise Wrong("One value is expected here, not several.")
    if len(text := str(value)) > _MAX_TEXT:
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
        raise Wrong("“{value}” is neither true nor false; write yes or no.", value=value)
    return _WORDS[word]


def _date(value: Any) -> date:
    """The day of a moment is the one that is written, in whatever zone."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(_text(value).strip()).date()
    except ValueError:
        raise Wrong("“{value}” is no date; write it like 2026-10-31.", value=value) from None


def _month(value: Any) -> date:
    """Months are the first of their days, so that SQL and templates can count with them."""
    found = None if isinstance(value, date) else _MONTH.fullmatch(_text(value).strip())
    try:
        return date(int(found[1]), int(found[2]), 1) if found else _date(value).replace(day=1)
    except (ValueError, Wrong):
        raise Wrong("“{value}” is no month; write it like 2026-10.", value=value) from None


def _list(value: Any) -> list[Any]:
    """Of a text: a line for each, or what stands between commas; in quotes with commas of its own."""
    if isinstance(value, str):
        value = _parts(value.strip())
    if not isinstance(value, list | tuple):
        value = [value]
    if any(each is None for each in value):
        raise Wrong("A list is of values; null is none.")
    if len(value) > _MOST_IN_LIST:
        raise Wrong("A list has at most {limit} values.", limit=_MOST_IN_LIST)
    return list(dict.fromkeys(_choice(each) for each in value))


def _parts(text: str) -> list[str]:
    if "\n" in text:
        return [line.strip() for line in text.split("\n") if line.strip()]
    parts = [(quoted.replace('""', '"') if quoted else plain.strip()) for quoted, plain in _PART.findall(text)]
    return [part for part in parts if part]


def list_text(values: Sequence[Any]) -> str:
    """As somebody types it into a field, so that `_list` reads the same values: a line for each."""
    [*lines] = map(str, values)
    if len(lines) == 1 and _parts(lines[0]) != lines:
        return '"' + lines[0].replace('"', '""') + '"'
    return "\n".join(lines)


def _range(value: Any) -> dict[str, date]:
    """From one day to another, both among them: `{"from": …, "to": …}`, or `2026-10-01..2026-10-31`."""
    if isinstance(value, str):
        first, mark, last = value.partition("..")
        value = {"from": first, "to": last} if mark else value
    if not isinstance(value, Mapping) or set(value) != {"from", "to"}:
        raise Wrong("A range has a first and a last day; write it like 2026-10-01..2026-10-31, or last_month.")
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
