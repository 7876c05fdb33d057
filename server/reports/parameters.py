"""The parameters of a template: their types, defaults and allowed values, and how incoming values become theirs."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from server.errors import FieldError, InvalidInput
from server.reports.reading import near_hint

ParameterType = Literal["text", "integer", "decimal", "date", "month", "boolean", "choice"]
TYPES: tuple[ParameterType, ...] = ("text", "integer", "decimal", "date", "month", "boolean", "choice")
_MAX_TEXT = 2_000
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
        if value is None or (isinstance(value, str) and not value.strip() and self.type != "text"):
            if self.required:
                raise Wrong("“{label}” needs a value.", label=self.label or self.name)
            return None
        result = _CONVERTERS[self.type](value)
        if isinstance(self.options, tuple) and self.options and result not in self.options:
            raise Wrong(
                "“{value}” is not one of: {options}.",
                value=value,
                options=", ".join(str(option) for option in self.options[:20]),
            )
        self._require_between(result)
        return result

    def default_value(self, today: date) -> Any:
        """The default with words such as `last_month` filled in; None when there is none."""
        word = self.default if isinstance(self.default, str) else ""
        named = _NAMED_DATES.get(word) if self.type in ("date", "month") else None
        if named:
            return named(today)
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
    return value


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
        raise InvalidInput("Some parameters are wrong: {problem}", errors=errors, problem=errors[0].text)
    return values


def _value(parameter: Parameter, given: Mapping[str, Any], today: date) -> Any:
    value = given.get(parameter.name)
    if value is None or value == "":
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


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "choice": _choice,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "month": _month,
    "boolean": _boolean,
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


def sample_value(type: ParameterType) -> Any:  # noqa: A002
    """Some value of a type, to check a query's words without data."""
    samples = {"integer": 1, "decimal": 1.0, "date": date(2026, 1, 1), "month": date(2026, 1, 1), "boolean": True}
    return samples.get(type, "x")
