"""Values that DuckDB has and Python has not, told as texts as DuckDB writes them.

Python gets `infinity` as the last day that it knows, a month as 30 days and nanoseconds cut off: all of them silently.
A column that may hold such values is asked for as a union: of the value itself where Python has it, else of its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb

_ODD = re.compile(r"DATE|TIMESTAMP|INTERVAL")
_MANY = re.compile(r"[\[(]")  # lists, structs, maps
_OPERATOR = duckdb.token_type.operator
_NANOSECONDS = "TIMESTAMP_NS"

ColumnTypes = list[tuple[str, str]]


def columns_of(connection: Any, sql: str, values: Mapping[str, Any]) -> ColumnTypes:
    """Names and types of what a SELECT gives, without running it; none when it cannot be told so."""
    try:
        return [(str(row[0]), str(row[1])) for row in connection.execute(f"describe {sql}", values).fetchall()]
    except duckdb.Error:
        return []  # whoever runs it gets the reason, with its place


def told_whole(sql: str, columns: ColumnTypes) -> str | None:
    """The statement that gives the same rows with nothing changed silently; None when `sql` itself does."""
    if not any(_ODD.search(kind) for _, kind in columns):
        return None
    places = [f"c{number}" for number in range(len(columns))]
    selected = ", ".join(_told(place, kind) for place, (_, kind) in zip(places, columns, strict=True))
    return f"select {selected} from (\n{without_end(sql)}\n) as told({', '.join(places)})"  # noqa: S608


def without_end(sql: str) -> str:
    """Without the semicolon and what follows it: there is one statement only."""
    text = sql.encode()
    ends = [place for place, kind in duckdb.tokenize(sql) if text[place : place + 1] == b";" and kind == _OPERATOR]
    return text[: ends[0]].decode() if ends else sql


def _told(place: str, kind: str) -> str:
    if not _ODD.search(kind) or "ENUM" in kind:
        return place
    union = f"union(v {kind}, t varchar)"
    whole, text = f"union_value(v := {place})::{union}", f"union_value(t := {place}::varchar)::{union}"
    return f"case when {place} is null then null when {_is_whole(place, kind)} then {whole} else {text} end"


def _is_whole(place: str, kind: str) -> str:
    """Whether Python has the same value."""
    if _MANY.search(kind):
        return "false" if "INTERVAL" in kind else f"not contains({place}::varchar, 'infinity')"
    if kind == "INTERVAL":
        return " and ".join(f"datepart('{part}', {place}) = 0" for part in ("year", "month"))
    if kind == _NANOSECONDS:
        return f"isfinite({place}) and epoch_ns({place}) % 1000 = 0"
    return f"isfinite({place})"
