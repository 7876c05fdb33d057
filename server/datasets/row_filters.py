"""Filters and orders of rows as people write them: `amount:gt:100`, `-amount`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from server.datasets.decimals import digits_of_value
from server.datasets.schema import Column
from server.errors import FieldError, InvalidInput

_FILTER = re.compile(r"(?s)(eq|ne|lt|le|gt|ge|contains|null)(?::(.*))?")


def check_request(filters: Sequence[str], order: Sequence[str], columns: Sequence[Column]) -> None:
    """The same errors as `read_rows`, before a worker is asked."""
    types = types_of(columns)
    for index, text in enumerate(filters):
        parse_filter(text, types, field=f"filter[{index}]")
    for index, text in enumerate(order):
        parse_order(text, types, field=f"order[{index}]")


def parse_filter(text: str, types: dict[str, str], *, field: str) -> tuple[str, str, Any]:
    """Column names may hold colons: the shortest one that is a column and is followed by an operator counts."""
    for place, character in enumerate(text):
        found = _FILTER.fullmatch(text[place + 1 :]) if character == ":" and text[:place] in types else None
        if found:
            name, operator = text[:place], found.group(1)
            return name, operator, _value(found.group(2), operator, types[name], field)
    raise InvalidInput(
        errors=[
            FieldError(
                field=field,
                message=(
                    "“{filter}” is no filter. Write column:operator:value with a column of this dataset and one of "
                    "eq, ne, lt, le, gt, ge, contains, null."
                ),
                parameters={"filter": text},
            )
        ]
    )


def _value(text: str | None, operator: str, kind: str, field: str) -> Any:
    if operator == "null":
        return (text or "true").lower() != "false"
    if operator == "contains":
        return text or ""
    try:
        return _PARSERS.get(kind, str)(text or "")
    except (ValueError, InvalidOperation) as error:
        raise InvalidInput(
            errors=[
                FieldError(
                    field=field, message="“{value}” is no {type}.", parameters={"value": text or "", "type": kind}
                )
            ]
        ) from error


def parse_order(text: str, types: dict[str, str], *, field: str) -> tuple[str, str]:
    if text in types:
        return text, "asc"
    if text.startswith("-") and text[1:] in types:
        return text[1:], "desc"
    raise InvalidInput(
        errors=[FieldError(field=field, message="There is no column “{name}”.", parameters={"name": text.lstrip("-")})]
    )


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise ValueError(text)


def _number(text: str) -> Decimal | float:
    """Exactly, if DuckDB has a decimal of so many digits."""
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value if digits_of_value(value).fit else float(value)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": _number,  # 2.5 is a fair limit for whole numbers too
    "decimal": _number,
    "float": lambda text: float(_number(text)),
    "boolean": _boolean,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "timestamp": datetime.fromisoformat,  # without an offset it is in UTC
}


def types_of(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: column.type for column in columns}
