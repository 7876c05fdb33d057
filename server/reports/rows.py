"""Query results as report templates see them: `totals.revenue`, `for row in by_day`, `top | length`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol

from server.datasets.decimals import fits_float
from server.datasets.sql_text import quoted
from server.datasets.work import QueryResult
from server.errors import InvalidInput
from server.reports.reading import near_hint
from server.texts import phrase

_MAX_ITERATIONS = 2_000_000  # rows all loops of one report may go through


class QueryRow(Mapping[str, Any]):
    """One row by column names; a name that is not there is an error that says which are."""

    __slots__ = ("_odd", "_query", "_values")
    of_query = True

    def __init__(self, query: str, values: dict[str, Any], odd: Mapping[str, float] | None = None) -> None:
        """`odd`: values that are no finite numbers, by column; nobody reckons with them, and templates see None."""
        self._query = query
        self._values = values
        self._odd = odd

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise unknown_column(self._query, name, self._values) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


Aggregate = Literal["count", "sum", "min", "max", "average"]
_FUNCTIONS = {"average": "avg"}  # SQL has the other names as they are
TotalsByGroup = dict[tuple[Any, ...], tuple[Any, ...]]


class WholeQuery(Protocol):
    """Asks the database for figures over all rows of a query."""

    def totals(self, expressions: Sequence[str], by: Sequence[str]) -> TotalsByGroup:
        """Values of SQL expressions (`sum(profit) / sum(revenue)`) by the values of columns; `()` without any."""


class Rows:
    """The rows of a query. A column's name on it means the first row's value; of no rows, nothing (None).

    Of a result with more rows than the limit these are the first; `whole` gives figures over all.
    """

    __slots__ = (
        "_all", "_columns", "_count", "_go_through", "_left_out", "_odd_seen", "_query", "_rows", "_truncated",
        "_whole",
    )  # fmt: skip
    of_query = True

    def __init__(
        self,
        query: str,
        result: QueryResult,
        go_through: Callable[[Rows], None],
        whole: WholeQuery | None = None,
        left_out: Callable[[Rows], None] | None = None,
    ) -> None:
        """`go_through` is told of every row that a template looks at, `left_out` where it missed some at the end."""
        self._query = query
        self._columns = result.names
        self._truncated = result.truncated
        self._go_through = go_through
        self._whole = whole
        self._left_out = left_out
        self._all = self  # those of the query, of which `some_of` has some
        self._count: int | None = None  # of the query, asked once
        names = result.names
        values = list(zip(*result.rows, strict=True))
        columns = [_plain_column(column) for column in values]
        odd = _odd_values(names, values)
        self._rows = [
            QueryRow(query, dict(zip(names, row, strict=True)), odd.get(place))
            for place, row in enumerate(zip(*columns, strict=True))
        ]
        self._odd_seen: float | None = None  # by whoever looked at a value last

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            if key < 0:
                self._end()
            return self._rows[key]
        if key not in self._columns:
            raise unknown_column(self._query, key, self._columns)
        if not self._rows:
            return None
        self._odd_seen = odd_in(self._rows[0], key)
        return self._rows[0][key]

    def __iter__(self) -> Iterator[QueryRow]:
        for row in self._rows:
            self._go_through(self)
            yield row
        self._end()

    def __reversed__(self) -> Iterator[QueryRow]:
        self._end()
        return reversed(self._rows)

    def _end(self) -> None:
        if self._truncated and self._left_out is not None:
            self._left_out(self)

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)


class LazyRows:
    """Stands for a query until somebody looks at it."""

    __slots__ = ("_name", "_run")
    of_query = True

    def __init__(self, name: str, run: Callable[[str], Rows]) -> None:
        self._name = name
        self._run = run

    def __getitem__(self, key: str | int) -> Any:
        return self._run(self._name)[key]

    def __iter__(self) -> Iterator[QueryRow]:
        return iter(self._run(self._name))

    def __reversed__(self) -> Iterator[QueryRow]:
        return reversed(self._run(self._name))

    def __len__(self) -> int:
        return len(self._run(self._name))


def odd_in(row: Mapping[str, Any], column: str) -> float | None:
    """What stands there and is no finite number, if anything is."""
    return row._odd.get(column) if isinstance(row, QueryRow) and row._odd else None


def take_odd_seen(rows: Rows) -> float | None:
    """The same of the value that was looked at last; then nobody has."""
    seen, rows._odd_seen = rows._odd_seen, None
    return seen


def odd_columns(rows: Rows) -> dict[str, list[float]]:
    """All of them, by column."""
    found: dict[str, list[float]] = {}
    for row in rows._rows:
        for column, value in (row._odd or {}).items():
            found.setdefault(column, []).append(value)
    return found


def over_all(value: Any, aggregate: Aggregate, column: Any = None) -> tuple[Any] | None:
    """The figure over all rows of a query of which only the first are here; None when it can be made of those.

    Of a column, or (`count`) of the rows themselves.
    """
    rows = value._run(value._name) if isinstance(value, LazyRows) else value
    if not isinstance(rows, Rows) or not rows._truncated or rows._whole is None:
        return None
    if column is not None and column not in rows._columns:
        return None
    figure = "count(*)" if column is None else aggregate_sql(aggregate, column)
    return (totals_of(rows, [figure], [])[()][0],)


def aggregate_sql(aggregate: Aggregate, column: str) -> str:
    return f"{_FUNCTIONS.get(aggregate, aggregate)}({quoted(column)})"


def totals_of(rows: Rows, expressions: Sequence[str], by: Sequence[str]) -> TotalsByGroup:
    """See `WholeQuery`; values as templates see them."""
    if rows._whole is None or not expressions:
        return {}
    found = rows._whole.totals(expressions, by)
    return {tuple(map(plain, key)): tuple(map(plain, values)) for key, values in found.items()}


def some_of(rows: Rows, members: Sequence[QueryRow]) -> Rows:
    """The same query with these rows alone; figures over all rows are then those of these."""
    found: Rows = object.__new__(Rows)
    for name in Rows.__slots__:
        setattr(found, name, getattr(rows, name))
    found._rows, found._whole = list(members), None
    return found


def first_of(rows: Rows, count: int) -> Rows:
    """The first of them, as of a query that has more: figures over all rows are made by the database."""
    found = some_of(rows, rows._rows[:count])
    found._all, found._whole, found._truncated = found, rows._whole, True
    return found


def rows_of(rows: Rows) -> list[QueryRow]:
    """For our own code: templates cannot reach names that begin with an underscore."""
    return rows._rows  # a column may have any public name


def columns_of(rows: Rows) -> list[str]:
    return rows._columns


def is_truncated(rows: Rows) -> bool:
    return rows._truncated


def cut_of(rows: Rows) -> tuple[int, int | None] | None:
    """Of a query with more rows than the limit: how many were taken, and how many it has (None: nobody can say)."""
    whole = rows._all
    if not whole._truncated:
        return None
    if whole._count is None and (found := over_all(whole, "count")):
        whole._count = int(found[0])
    return len(whole), whole._count


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


def _odd_values(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> dict[int, dict[str, float]]:
    """By the number of the row; most results have none. Without rows there are no columns."""
    found: dict[int, dict[str, float]] = {}
    for name, column in zip(names, columns, strict=False):
        for place, value in enumerate(column):
            if isinstance(value, float) and not math.isfinite(value):
                found.setdefault(place, {})[name] = value
    return found


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
        hint=near_hint(str(name), known) or phrase(" It has: {names}.", names=", ".join(known[:20])),
    )
