"""Some rows of a dataset: filtered, searched, sorted and paged. `read_rows` and `write_rows` run in workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.answers import Answer, AnswerPlace, AnswerWriter, encoded, shown, write_objects
from server.datasets.query import QueryLimits, QuerySession, quoted
from server.errors import FieldError, InvalidInput

_FILTER = re.compile(r"(?s)(eq|ne|lt|le|gt|ge|contains|null)(?::(.*))?")
_OPERATORS = {"eq": "=", "ne": "is distinct from", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_VIEW = "data"


class RowsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: `filters` are `column:operator:value`, `order` is column names, descending with a leading `-`.

    `q` is looked for in every column. `row_count` is that of the version, so that it need not be counted again.
    `version` is its number, for cursors.
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
    version: int = 1


class RowsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` in column order, their cells as a page shows them; `total` counts all that match."""

    rows: list[list[Any]]
    total: int


class RowsAnswerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for a program: whole values, as JSON."""

    rows: RowsRequest
    place: AnswerPlace


def read_rows(request: RowsRequest, report: Callable[[Any], None]) -> RowsPage:
    """Raises `InvalidInput` naming the filter or order that is wrong."""
    where, values = _condition(request)
    with QuerySession({_VIEW: request.paths}, request.limits) as session:
        total = _total(session, request, where, values)
        result = session.execute(_page_sql(request, where), values)
    return RowsPage(rows=[[shown(value) for value in row] for row in result.rows], total=total)


def write_rows(request: RowsAnswerRequest, report: Callable[[Any], None]) -> Answer:
    """`{items, next_cursor, total, version}`, items as objects by column name. Raises what `read_rows` does."""
    wanted = request.rows
    where, values = _condition(wanted)
    with QuerySession({_VIEW: wanted.paths}, wanted.limits) as session, AnswerWriter(request.place) as writer:
        total = _total(session, wanted, where, values)
        writer.write(b'{"items":')
        with session.stream(_page_sql(wanted, where), values) as stream:
            after = wanted.offset + write_objects(writer, stream.names, stream.chunks())
        tail = {
            "next_cursor": f"{wanted.version}.{after}" if wanted.offset < after < total else None,
            "total": total,
            "version": wanted.version,
        }
        writer.write(b"," + encoded(tail)[1:])
        return writer.answer()


def _total(session: QuerySession, request: RowsRequest, where: str, values: dict[str, Any]) -> int:
    if not where:
        return request.row_count
    counted: int = session.execute(f"select count(*) from {_VIEW} where {where}", values).rows[0][0]  # noqa: S608
    return counted


def check_request(filters: Sequence[str], order: Sequence[str], columns: Sequence[dict[str, Any]]) -> None:
    """The same errors as `read_rows`, before a worker is asked."""
    types = _types(columns)
    for index, text in enumerate(filters):
        _parse_filter(text, types, field=f"filter[{index}]")
    for index, text in enumerate(order):
        _parse_order(text, types, field=f"order[{index}]")


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
