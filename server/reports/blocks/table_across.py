"""Values that stand below each other in a query, side by side in a table: one column for each month, region …

Each figure is made of the rows it stands for: an average of a row or a column is that of all its rows, never one of
averages. Those of SQL expressions (`sum(profit) / sum(revenue)`) come from the database, by the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from server.reports.blocks.table_columns import TableColumnSpec
from server.reports.no_room import NoRoom
from server.reports.rows import QueryRow, Rows, rows_of, totals_of

_MOST_ACROSS = 60


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A column as it is shown: `values` are those of `across` for which it stands, which read alike."""

    spec: TableColumnSpec
    values: tuple[Any, ...] = ()
    is_row_total: bool = False

    @property
    def is_across(self) -> bool:
        return bool(self.spec.across)

    @property
    def by(self) -> dict[str, Any]:
        """What a database is asked by for its figures."""
        return {self.spec.across: self.values[0]} if self.is_across and not self.is_row_total else {}


class TableLine:
    """A row of a table and the rows of the query that it stands for: one, or where values go across, all of them."""

    __slots__ = ("_by_value", "members", "row")

    def __init__(self, row: QueryRow, members: Sequence[QueryRow]) -> None:
        self.row = row
        self.members = members
        self._by_value: dict[str, dict[Any, list[QueryRow]]] = {}

    def of(self, shown: Shown) -> Sequence[QueryRow]:
        """Those below a column."""
        if not shown.is_across or shown.is_row_total:
            return self.members
        found = self._grouped(shown.spec.across)
        return [row for value in shown.values for row in found.get(_hashable(value), ())]

    def _grouped(self, column: str) -> dict[Any, list[QueryRow]]:
        """Once for all columns below whose values they are."""
        if column not in self._by_value:
            groups = self._by_value[column] = {}
            for row in self.members:
                groups.setdefault(_hashable(row[column]), []).append(row)
        return self._by_value[column]


Heads = Callable[[TableColumnSpec, Any], str]
"""What stands above a value that goes across."""


def shown_columns(
    specs: Sequence[TableColumnSpec], data: Sequence[Mapping[str, Any]], head_of: Heads | None
) -> list[Shown]:
    """In the order of `specs`; those of the same `across` take turns: sales and orders of May, of June …

    Values with one head share a column; without `head_of` each has its own. Raises `NoRoom` for more columns than a
    table has room for.
    """
    found: list[Shown] = []
    done: set[str] = set()
    for spec in specs:
        if not spec.across:
            found.append(Shown(spec=spec))
        elif spec.across not in done:
            done.add(spec.across)
            same = [each for each in specs if each.across == spec.across]
            for values in _alike(spec, _values(spec.across, data), head_of):
                found.extend(Shown(spec=each, values=values) for each in same)
            found.extend(Shown(spec=each, is_row_total=True) for each in same if each.row_total)
    return found


def _alike(spec: TableColumnSpec, values: Sequence[Any], head_of: Heads | None) -> list[tuple[Any, ...]]:
    heads: dict[Any, list[Any]] = {}
    for value in values:
        heads.setdefault(head_of(spec, value) if head_of else _hashable(value), []).append(value)
    if len(heads) > _MOST_ACROSS:
        raise NoRoom("too_many_across", column=spec.across, count=len(heads), limit=_MOST_ACROSS)
    return [tuple(each) for each in heads.values()]


def whole_of(rows: Rows, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Every combination of values that a cut query has in these columns: those of its first rows first."""
    first = {tuple(row[column] for column in columns): None for row in rows_of(rows)}
    found = totals_of(rows, ["count(*)"], columns)
    return [dict(zip(columns, values, strict=True)) for values in first | dict.fromkeys(found)]


def lines_of(specs: Sequence[TableColumnSpec], groups: Sequence[str], data: Sequence[QueryRow]) -> list[TableLine]:
    """One for each row, or for each combination of what does not go across, in the order in which they come."""
    if not any(spec.across for spec in specs):
        return [TableLine(row, (row,)) for row in data]
    keys = keys_of(specs, groups)
    found: dict[tuple[Any, ...], list[QueryRow]] = {}
    for row in data:
        found.setdefault(tuple(map(_hashable, (row[key] for key in keys))), []).append(row)
    return [TableLine(members[0], members) for members in found.values()]


def keys_of(specs: Sequence[TableColumnSpec], groups: Sequence[str]) -> list[str]:
    """The columns that tell the lines of a table with `across` apart: none of which a figure is made."""
    told = (spec.name for spec in specs if not spec.across and not is_measure(spec, groups))
    return list(dict.fromkeys((*groups, *told)))


def is_measure(spec: TableColumnSpec, groups: Sequence[str]) -> bool:
    """Beside what goes across, a column with a total of its values is one figure of each line; names are counted."""
    return spec.has_total and spec.total != "count" and not spec.across and spec.name not in groups


class SqlTotals:
    """What SQL expressions of totals give, by the values of columns; each combination of columns is asked for once."""

    def __init__(self, rows: Rows, expressions: Iterable[str]) -> None:
        self._rows = rows
        self._wanted = list(dict.fromkeys(expression for expression in expressions if expression))
        self._found: dict[tuple[str, ...], dict[tuple[Any, ...], tuple[Any, ...]]] = {}

    def value(self, expression: str, by: dict[str, Any]) -> Any:
        columns = tuple(by)
        if columns not in self._found:
            self._found[columns] = totals_of(self._rows, self._wanted, columns)
        values = self._found[columns].get(tuple(by.values()))
        return values[self._wanted.index(expression)] if values else None


def _values(column: str, data: Sequence[Mapping[str, Any]]) -> list[Any]:
    """In the order of the rows; numbers and dates in their own, since rows of one line may lack some."""
    values = list({_hashable(row[column]): row[column] for row in data}.values())
    present = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in present):
        return values
    try:
        return [*sorted(present), *([None] if None in values else [])]
    except TypeError:
        return values


def _hashable(value: Any) -> Any:
    return value if value.__hash__ else repr(value)
