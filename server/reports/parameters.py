"""The parameters of a template: their types, defaults and allowed values, and how incoming values become theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, get_args

import msgspec

from server.errors import FieldError, InvalidInput
from server.reports.named_days import DATES, RANGES, YEARS, named_range
from server.reports.parameter_values import CONVERTERS, Wrong
from server.reports.reading import near_hint
from server.texts import phrase

ParameterType = Literal["text", "integer", "decimal", "date", "month", "boolean", "choice", "list", "range"]
TYPES: tuple[ParameterType, ...] = get_args(ParameterType)
ListedType = Literal["", "text", "integer", "decimal", "date"]
LISTED_TYPES: tuple[ListedType, ...] = get_args(ListedType)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter as a template declares it; `line` and `column` say where.

    `each` and `options` are a query (a text) or fixed values (a tuple). `default` is as written: a value, or a word
    such as `last_month`. `of` is what the values of a list are; empty: as they come.
    """

    name: str
    type: ParameterType = "text"
    of: ListedType = ""
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
        result = CONVERTERS[self.type](value)
        if self.type == "list":
            return list(dict.fromkeys(self._fitting(CONVERTERS[self.of or "choice"](each)) for each in result))
        return self._fitting(result)

    def _fitting(self, value: Any) -> Any:
        """A value that is one of the fixed ones, as it stands there, and neither too small nor too large."""
        fitting = self._offered(value)
        self._require_between(fitting)
        return fitting

    def require_some(self, value: Any) -> None:
        """Nobody who asks for none means the default. Raises `Wrong`."""
        if value == [] and self.type == "list" and self.has_default:
            raise Wrong(
                "“{label}” has no values; choose some, or leave it out to have its default.",
                label=self.label or self.name,
            )

    def _offered(self, value: Any) -> Any:
        """The value as it stands among the fixed ones: forms and flags write numbers as texts. Raises `Wrong`."""
        if not isinstance(self.options, tuple) or not self.options:
            return value
        text = value.strip() if isinstance(value, str) else as_typed(value, self.type)
        for option in self.options:
            if value == option or text in (str(option), as_typed(option)):
                return option if self._has_values_as_they_come else value
        raise Wrong(
            "“{value}” is not one of: {options}.",
            value=value,
            options=", ".join(str(option) for option in self.options[:20]),
        )

    def default_value(self, today: date) -> Any:
        """The default with words such as `last_month` filled in; None when there is none."""
        named = self.named_value(self.default, today)
        if named is not None:
            return named
        return None if self.default is None else self.converted(self.default)

    def value_on(self, value: Any, today: date) -> Any:
        """An incoming value, in which words such as `last_month` mean what they mean today. Raises `Wrong`."""
        named = self.named_value(value, today)
        return self.converted(value if named is None else named)

    def named_value(self, word: Any, today: date) -> Any:
        """What `last_month` and its like mean today, in a parameter of days; None for everything else."""
        if not isinstance(word, str):
            return None
        named = DATES.get(word) if self.type in ("date", "month") else None
        if named:
            return named(today)
        if self.type == "range" and word in RANGES:
            return named_range(word, today)
        if self.type == "integer" and word in YEARS:
            return DATES[word](today).year
        return None

    def _require_between(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if self.min is not None and value < self.min:
            raise Wrong("“{value}” is too small; the least is {least}.", value=value, least=_plain(self.min))
        if self.max is not None and value > self.max:
            raise Wrong("“{value}” is too large; the most is {most}.", value=value, most=_plain(self.max))

    @property
    def _has_values_as_they_come(self) -> bool:
        return self.type == "choice" or (self.type == "list" and not self.of)

    @property
    def sample(self) -> Any:
        """Some value of its type, to check a query's words without data."""
        if isinstance(self.options, tuple) and self.options and self._has_values_as_they_come:
            return [self.options[0]] if self.type == "list" else self.options[0]
        return _SAMPLES.get(self.type, [_SAMPLES.get(self.of, "x")] if self.type == "list" else "x")


_SAMPLE_DAY = date(2026, 1, 1)
_SAMPLES: dict[str, Any] = {
    "integer": 1,
    "decimal": 1.0,
    "date": _SAMPLE_DAY,
    "month": _SAMPLE_DAY,
    "boolean": True,
    "range": {"from": _SAMPLE_DAY, "to": _SAMPLE_DAY},
}


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number


def as_json(value: Any, type: ParameterType = "text") -> Any:  # noqa: A002 – the word of the templates
    """A parameter's value as it is stored and sent: dates as texts, months without a day."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()[:7] if type == "month" else value.isoformat()
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    return list(map(as_json, value)) if isinstance(value, list) else value


def as_typed(value: Any, type: ParameterType = "text") -> str:  # noqa: A002
    """As somebody would write it in an order."""
    if isinstance(value, bool):
        return "yes" if value else "no"
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
    return parameter.value_on(value, today)
