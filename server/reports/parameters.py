"""The parameters of a template: their types, defaults and allowed values, and how incoming values become theirs."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from server.errors import FieldError, InvalidInput
from server.reports.reading import near_hint
from server.texts import phrase

ParameterType = Literal["text", "integer", "decimal", "date", "month", "boolean", "choice", "list", "range"]
TYPES: tuple[ParameterType, ...] = get_args(ParameterType)
_MAX_TEXT = 2_000
_MOST_IN_LIST = 500
_INT64 = range(-(2**63), 2**63)
_MONTH = re.compile(r"(\d{4})-(\d{1,2})(?:-\d{1,2})?")
_WORDS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


class Wrong(Exception):
    """A value does not fit; carries what to do about it."""

    def __init__(self, message: str, **parameters: Any) -> None:
        super().__init__(message)
        self.message = message
        self.parameters = parameters


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter as a template declares it; `line` and `column` say where.

    `each` and `options` are a query (a text) or fixed values (a tuple). `default` is as written: a value, or a word
    such as `last_month`.
    """

    name: str
    type: ParameterType = "text"
    label: str = ""
    description: str = ""
    default: Any = None
    required: bool = True
    each: str | tuple[Any, ...] | None = None
    options: str | tuple[Any, ...] = ()
    min: float | None = None
    max: float | None = None
    line: int = 1
    column: int = 1

    @property
    def has_default(self) -> bool:
        return self.default is not None

    def converted(self, value: Any) -> Any:
        """An incoming value (JSON or form text) as this parameter's own type; raises `Wrong`."""
        if value is None or value == [] or (isinstance(value, str) and not value.strip() and self.type != "text"):
            if self.required:
                raise Wrong("“{label}” needs a value.", label=self.label or self.name)
            return None
        result = _CONVERTERS[self.type](value)
        for each in result if self.type == "list" else [result]:
            self._require_offered(each)
        self._require_between(result)
        return result

    def require_some(self, value: Any) -> None:
        """Nobody who asks for none means the default. Raises `Wrong`."""
        if value == [] and self.type == "list" and self.has_default:
            raise Wrong("“{label}” has no values; leave it out to have its default.", label=self.label or self.name)

    def _require_offered(self, value: Any) -> None:
        if isinstance(self.options, tuple) and self.options and value not in self.options:
            raise Wrong(
                "“{value}” is not one of: {options}.",
                value=value,
                options=", ".join(str(option) for option in self.options[:20]),
            )

    def default_value(self, today: date) -> Any:
        """The default with words such as `last_month` filled in; None when there is none."""
        word = self.default if isinstance(self.default, str) else ""
        named = _NAMED_DATES.get(word) if self.type in ("date", "month") else None
        if named:
            return named(today)
        if self.type == "range" and word in RANGES:
            return named_range(word, today)
        if self.type == "integer" and word in YEARS:
            return _NAMED_DATES[word](today).year
        return None if self.default is None else self.converted(self.default)

    def _require_between(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if (self.min is not None and value < self.min) or (self.max is not None and value > self.max):
            raise Wrong(
                "It must lie between {least} and {most}.",
                least="–" if self.min is None else self.min,
                most="–" if self.max is None else self.max,
            )


def as_json(value: Any, type: ParameterType = "text") -> Any:  # noqa: A002 – the word of the templates
    """A parameter's value as it is stored and sent: dates as texts, months without a day."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()[:7] if type == "month" else value.isoformat()
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    return value


def as_typed(value: Any, type: ParameterType = "text") -> str:  # noqa: A002
    """As somebody would write it in an order."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return f"{value['from']}..{value['to']}"
    return str(as_json(value, type))


def bound_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """As queries know them: a range by its days as well, `$period_from` and `$period_to`."""
    bound = dict(values)
    for name, value in values.items():
        if isinstance(value, dict):
            bound |= {f"{name}_{end}": value[end] for end in ("from", "to")}
    return bound


def complete(
    parameters: tuple[Parameter, ...], given: Mapping[str, Any], today: date, *, field: str = "parameters"
) -> dict[str, Any]:
    """Every parameter's value; raises `InvalidInput` that names each wrong one."""
    names = [parameter.name for parameter in parameters]
    errors = [
        FieldError(
            field=f"{field}.{name}",
            message="The template has no parameter “{name}”.{hint}",
            parameters={"name": name, "hint": near_hint(name, names)},
        )
        for name in given
        if name not in names
    ]
    values: dict[str, Any] = {}
    for parameter in parameters:
        try:
            values[parameter.name] = _value(parameter, given, today)
        except Wrong as wrong:
            errors.append(
                FieldError(field=f"{field}.{parameter.name}", message=wrong.message, parameters=wrong.parameters)
            )
    if errors:
        raise InvalidInput(
            "Some parameters are wrong: {problem}",
            errors=errors,
            problem=phrase(errors[0].message, **errors[0].parameters),
        )
    return values


def _value(parameter: Parameter, given: Mapping[str, Any], today: date) -> Any:
    value = given.get(parameter.name)
    parameter.require_some(value)
    if value is None or value in ("", []):
        default = parameter.default_value(today)
        if default is not None:
            return default
    return parameter.converted(value)


def _text(value: Any) -> str:
    if isinstance(value, list | dict) or len(text := str(value)) > _MAX_TEXT:
        raise Wrong("This must be a text of at most {limit} characters.", limit=_MAX_TEXT)
    return text


def _integer(value: Any) -> int:
    text = _text(value).replace(",", "").strip()
    try:
        whole = int(text)
    except ValueError:
        number = _float(value)
        if number is None or not number.is_integer():
            raise Wrong("“{value}” is no whole number.", value=value) from None
        whole = int(number)
    if whole not in _INT64:
        raise Wrong("“{value}” is too large for a whole number; it has at most 18 digits.", value=value)
    return whole


def _decimal(value: Any) -> float:
    number = _float(value)
    if number is None:
        raise Wrong("“{value}” is no number.", value=value)
    return number


def _float(value: Any) -> float | None:
    try:
        number = float(_text(value).replace(",", "").strip())
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


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
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


def _first(day: date) -> date:
    return day.replace(day=1)


def _last(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


_NAMED_DATES: dict[str, Callable[[date], date]] = {
    "today": lambda today: today,
    "yesterday": lambda today: today - timedelta(days=1),
    "this_month": _first,
    "last_month": lambda today: _first(_first(today) - timedelta(days=1)),
    "start_of_month": _first,
    "end_of_month": _last,
    "start_of_last_month": lambda today: _first(_first(today) - timedelta(days=1)),
    "end_of_last_month": lambda today: _first(today) - timedelta(days=1),
    "start_of_year": lambda today: date(today.year, 1, 1),
    "this_year": lambda today: date(today.year, 1, 1),
    "last_year": lambda today: date(today.year - 1, 1, 1),
}
NAMED_DATES = tuple(_NAMED_DATES)
YEARS = ("this_year", "last_year")


def _quarter(day: date) -> date:
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def _before(first: date) -> date:
    return first - timedelta(days=1)


_NAMED_RANGES: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (_before(today), _before(today)),
    "last_7_days": lambda today: (today - timedelta(days=6), today),
    "last_30_days": lambda today: (today - timedelta(days=29), today),
    "this_month": lambda today: (_first(today), _last(today)),
    "last_month": lambda today: (_first(_before(_first(today))), _before(_first(today))),
    "this_quarter": lambda today: (_quarter(today), _last(_quarter(today) + timedelta(days=62))),
    "last_quarter": lambda today: (_quarter(_before(_quarter(today))), _before(_quarter(today))),
    "this_year": lambda today: (date(today.year, 1, 1), date(today.year, 12, 31)),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    "year_to_date": lambda today: (date(today.year, 1, 1), today),
}
RANGES = tuple(_NAMED_RANGES)


def named_range(word: str, today: date) -> dict[str, date]:
    first, last = _NAMED_RANGES[word](today)
    return {"from": first, "to": last}


def sample_value(type: ParameterType) -> Any:  # noqa: A002
    """Some value of a type, to check a query's words without data."""
    day = date(2026, 1, 1)
    samples = {
        "integer": 1, "decimal": 1.0, "date": day, "month": day, "boolean": True, "list": ["x"],
        "range": {"from": day, "to": day},
    }  # fmt: skip
    return samples.get(type, "x")
