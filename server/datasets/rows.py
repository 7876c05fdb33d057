"""Some rows of a dataset: filtered, searched, sorted and paged. `read_rows` and `write_rows` run in workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.datasets.answers import Answer, AnswerWriter, encoded, shown, write_objects
from server.datasets.query_session import QuerySession
from server.datasets.row_filters import parse_filter, parse_order, types_of
from server.datasets.sql_text import quoted
from server.datasets.work import RowsAnswerRequest, RowsPage, RowsRequest
from server.jobs.worker_process import OnReport

_OPERATORS = {"eq": "=", "ne": "is distinct from", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
VIEW = "data"
_SHOWN_AT_ONCE = 180  # characters
_BEFORE_MATCH = 60


def read_rows(request: RowsRequest, report: OnReport) -> RowsPage:
    """Raises `InvalidInput` naming the filter or order that is wrong."""
    where, values = _condition(request)
    with QuerySession({VIEW: request.paths}, request.limits) as session:
        total = _total(session, request, where, values)
        result = session.execute(_page_sql(request, where), values)
    needle = request.q.strip().lower()
    return RowsPage(rows=[[shown(_around(needle, value)) for value in row] for row in result.rows], total=total)


def rows_sql(request: RowsRequest) -> tuple[str, dict[str, Any]]:
    """The statement for the rows of `request` over the view `data`, and its values."""
    where, values = _condition(request)
    return _page_sql(request, where), values


def count_rows(session: QuerySession, request: RowsRequest) -> int:
    """How many match."""
    return _total(session, request, *_condition(request))


def _around(needle: str, value: Any) -> Any:
    """A long text from shortly before where it holds `needle`: a page shows the beginning alone."""
    if not needle or not isinstance(value, str) or len(value) <= _SHOWN_AT_ONCE:
        return value
    place = value.lower().find(needle)
    return value if place + len(needle) <= _SHOWN_AT_ONCE else f"…{value[max(0, place - _BEFORE_MATCH) :]}"


def write_rows(request: RowsAnswerRequest, report: OnReport) -> Answer:
    """`{items, next_cursor, total, version}`, items as objects by column name. Raises what `read_rows` does."""
    wanted = request.rows
    where, values = _condition(wanted)
    with QuerySession({VIEW: wanted.paths}, wanted.limits) as session, AnswerWriter(request.place) as writer:
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
    counted: int = session.execute(f"select count(*) from {VIEW} where {where}", values).rows[0][0]  # noqa: S608
    return counted


def _page_sql(request: RowsRequest, where: str) -> str:
    names = [column.name for column in request.columns]
    wanted = ", ".join(map(quoted, names))
    source = f"{VIEW} where {where}" if where else VIEW
    tail = "" if request.limit is None else f"limit {request.limit:d} offset {request.offset:d}"
    if not request.order:
        return f"select {wanted} from {source} {tail}"  # noqa: S608 – quoted names and bound values only
    # Equal values must not change places between two pages: the place in the file decides.
    place = _unused("row", names)
    types = types_of(request.columns)
    keys = [parse_order(text, types, field="order") for text in request.order]
    order = ", ".join(f"{quoted(name)} {direction} nulls last" for name, direction in keys)
    numbered = f"select {wanted}, row_number() over () as {quoted(place)} from {source}"  # noqa: S608
    return f"select {wanted} from ({numbered}) order by {order}, {quoted(place)} {tail}"  # noqa: S608


def _condition(request: RowsRequest) -> tuple[str, dict[str, Any]]:
    types = types_of(request.columns)
    parts: list[str] = []
    values: dict[str, Any] = {}
    for index, text in enumerate(request.filters):
        name, operator, value = parse_filter(text, types, field=f"filter[{index}]")
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


def _unused(name: str, taken: Sequence[str]) -> str:
    lower = {other.casefold() for other in taken}
    while name in lower:
        name += "_"
    return name
