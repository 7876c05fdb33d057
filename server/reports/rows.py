"""Query results as report templates see them: `totals.revenue`, `for row in by_day`, `top | length`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from server.datasets.decimals import fits_float
from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.reports.reading import near_hint

_MAX_ITERATIONS = 2_000_000  # rows all loops of one report may go through


class QueryRow(Mapping[str, Any]):
    """One row by column names; a name that is not there is an error that says which are."""

    __slots__ = ("_query", "_values")
    of_query = True

    def __init__(self, query: str, values: dict[str, Any]) -> None:
        self._query = query
        self._values = values

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise unknown_column(self._query, name, self._values) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Rows:
    """All rows of a query. A column's name on it means the first row's value; of no rows, nothing (None)."""

    __slots__ = ("_budget", "_columns", "_query", "_rows", "_truncated")
    of_query = True

    def __init__(self, query: str, result: QueryResult, budget: Callable[[], None]) -> None:
        self._query = query
        self._columns = result.names
        self._truncated = result.truncated
        self._budget = budget
        names = result.names
        columns = [_plain_column(column) for column in zip(*result.rows, strict=True)]
        self._rows = [QueryRow(query, dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return self._rows[key]
        if key not in self._columns:
            raise unknown_column(self._query, key, self._columns)
        return self._rows[0][key] if self._rows else None

    def __iter__(self) -> Iterator[QueryRow]:
        for row in self._rows:
            self._budget()
            yield row

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)


def rows_of(rows: Rows) -> list[QueryRow]:
    """For our own code: templates cannot reach names that begin with an underscore."""
    return rows._rows  # a column may have any public name


def columns_of(rows: Rows) -> list[str]:
    return rows._columns


def is_truncated(rows: Rows) -> bool:
    return rows._truncated


def iteration_budget() -> Callable[[], None]:
    """Counts what loops go through, and ends them when it is too much."""
    left = _MAX_ITERATIONS

    def spend() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise InvalidInput(
                "The template's loops go through too many rows; group them in the query.", code="report_too_long"
            )

    return spend


def _plain_column(column: Sequence[Any]) -> list[Any]:
    """Decimals become numbers like all others, unless one has more digits than these: then all of them stay exact."""
    is_long = any(isinstance(value, Decimal) and not fits_float(value) for value in column)
    return [value if is_long and isinstance(value, Decimal) else plain(value) for value in column]


def plain(value: Any) -> Any:
    """As templates can mix it with others. What is no number is None."""
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else value


def unknown_column(query: str, name: str, columns: Any) -> InvalidInput:
    known = list(columns)
    return InvalidInput(
        "The query “{query}” has no column “{name}”.{hint}",
        code="report_failed",
        query=query,
        name=name,
        hint=near_hint(str(name), known) or f" It has: {', '.join(known[:20])}.",
    )
