"""Some rows of a dataset: filtered, searched, sorted and paged. `read_rows` runs in a worker process."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.query import QueryLimits, QuerySession, quoted
from server.errors import FieldError, InvalidInput

_FILTER = re.compile(r"(?s)(eq|ne|lt|le|gt|ge|contains|null)(?::(.*))?")
_OPERATORS = {"eq": "=", "ne": "is distinct from", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_VIEW = "data"


class RowsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: `filters` are `column:operator:value`, `order` is column names, descending with a leading `-`.

    `q` is looked for in every column. `row_count` is that of the version, so that it need not be counted again.
    """

    paths: tuple[Path, ...]
    columns: tuple[dict[str, Any], ...]
    row_count: int
    limits: QueryLimits
    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    q: str = ""
    limit: int = 50
    offset: int = 0


class RowsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` in column order; `total` counts all that match."""

    rows: list[list[Any]]
    total: int


def read_rows(request: RowsRequest, report: Callable[[Any], None]) -> RowsPage:
    """Raises `InvalidInput` naming the filter or order that is wrong."""
    where, values = _condition(request)
    session = QuerySession({_VIEW: request.paths}, request.limits)
    try:
        total = request.row_count
        if where:
            total = session.execute(f"select count(*) from {_VIEW} where {where}", values).rows[0][0]  # noqa: S608
        result = session.execute(_page_sql(request, where), values)
    finally:
        session.close()
    return RowsPage(rows=[[plain(value) for value in row] for row in result.rows], total=total)


def check_request(filters: Sequence[str], order: Sequence[str], columns: Sequence[dict[str, Any]]) -> None:
    """The same errors as `read_rows`, before a worker is asked."""
    types = _types(columns)
    for index, text in enumerate(filters):
        _parse_filter(text, types, field=f"filter[{index}]")
    for index, text in enumerate(order):
        _parse_order(text, types, field=f"order[{index}]")


def plain(value: Any) -> Any:
    """A value as JSON can carry it: huge integers and odd types become text, everything else stays."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    if value is None or isinstance(value, str | int | float | bool | Decimal | date | datetime):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return str(value)


def _page_sql(request: RowsRequest, where: str) -> str:
    names = [column["name"] for column in request.columns]
    wanted = ", ".join(map(quoted, names))
    source = f"{_VIEW} where {where}" if where else _VIEW
    tail = f"limit {request.limit:d} offset {request.offset:d}"
    if not request.order:
        return f"select {wanted} from {source} {tail}"  # noqa: S608 – quoted names and bound values only
    # Equal values must not change places between two pages: the place in the file decides.
    place = _unused("row", names)
    types = _types(request.columns)
    keys = [_parse_order(text, types, field="order") for text in request.order]
    order = ", ".join(f"{quoted(name)} {direction} nulls last" for name, direction in keys)
    numbered = f"select {wanted}, row_number() over () as {quoted(place)} from {source}"  # noqa: S608
    return f"select {wanted} from ({numbered}) order by {order}, {quoted(place)} {tail}"  # noqa: S608


def _condition(request: RowsRequest) -> tuple[str, dict[str, Any]]:
    types = _types(request.columns)
    parts: list[str] = []
    values: dict[str, Any] = {}
    for index, text in enumerate(request.filters):
        name, operator, value = _parse_filter(text, types, field=f"filter[{index}]")
        parts.append(_comparison(name, operator, f"f{index}", value))
        if operator != "null":
            values[f"f{index}"] = value
    if request.q.strip():
        texts = ", ".join(f"{quoted(name)}::varchar" for name in types)
        parts.append(f"contains(lower(concat_ws(chr(31), {texts})), lower($q))")
        values["q"] = request.q.strip()
    return " and ".join(parts), values


def _comparison(name: str, operator: str, parameter: str, value: Any) -> str:
    if operator == "null":
        return f"{quoted(name)} is {'' if value else 'not '}null"
    if operator == "contains":
        return f"contains(lower({quoted(name)}::varchar), lower(${parameter}))"
    return f"{quoted(name)} {_OPERATORS[operator]} ${parameter}"


def _parse_filter(text: str, types: dict[str, str], *, field: str) -> tuple[str, str, Any]:
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


def _parse_order(text: str, types: dict[str, str], *, field: str) -> tuple[str, str]:
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


def _number(text: str) -> float:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return float(value)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": _number,  # 2.5 is a fair limit for whole numbers too
    "decimal": _number,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def _types(columns: Sequence[dict[str, Any]]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in columns}


def _unused(name: str, taken: Sequence[str]) -> str:
    lower = {other.casefold() for other in taken}
    while name in lower:
        name += "_"
    return name
