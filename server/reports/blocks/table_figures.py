"""The columns and lines of a table with their values and totals, before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from server.reports.blocks.table_across import (
    Heads,
    Shown,
    SqlTotals,
    TableLine,
    is_measure,
    keys_of,
    lines_of,
    shown_columns,
    whole_of,
)
from server.reports.blocks.table_columns import TableColumnSpec
from server.reports.rows import QueryRow, Rows, aggregate_sql, is_truncated, over_all, rows_of
from server.reports.sums import exact_sum, is_figure

GroupValues = dict[str, Any]


# Of sums and counts a sum is one of all rows; of averages nothing is.
_OF_FIGURES = {"sum": "sum", "count": "sum", "min": "min", "max": "max"}


class TableFigures:
    def __init__(
        self, query: str, rows: Rows, *, specs: Sequence[TableColumnSpec], groups: Sequence[str], head_of: Heads
    ) -> None:
        data = rows_of(rows)
        self._all = rows
        self._specs = specs
        self._groups = groups
        self._keys = keys_of(specs, groups)
        self._is_across = any(spec.across for spec in specs)
        self._is_cut = is_truncated(rows)
        # What goes across is asked of the database where only the first rows are here: nothing of it is left out.
        self._is_asked = self._is_cut and self._is_across
        self.is_truncated = self._is_cut and not self._is_asked
        self.shown = shown_columns(specs, self._all_across() if self._is_asked else data, self._shared(head_of))
        self.lines = self._all_lines(query) if self._is_asked else lines_of(specs, groups, data)
        self._sums = SqlTotals(rows, map(self._sql, specs))
        self._whole = TableLine(QueryRow(query, {}), data)

    def _sql(self, spec: TableColumnSpec) -> str:
        """What the database is asked for; nothing, where the figures can be made of the rows that are here."""
        if spec.total_sql or not (self._is_cut and (spec.across or spec.total)):
            return spec.total_sql
        return aggregate_sql(spec.total or "sum", spec.name)

    def value(self, shown: Shown, line: TableLine) -> Any:
        spec = shown.spec
        if not shown.is_across and not self._is_made(spec):
            return line.row[spec.name]
        members = line.of(shown)
        if not members and not self._is_asked:
            return None
        by = {key: line.row[key] for key in self._keys}
        return self.of(spec, by | shown.by, members)

    def excel_function(self, shown: Shown) -> str:
        """What makes the total of the figures that stand in its column; nothing, where only rows of the query do."""
        spec = shown.spec
        if not self._is_across:
            return spec.total
        makes = _OF_FIGURES if shown.is_across or self._is_made(spec) else {}
        return makes.get(spec.total, "")

    def _is_made(self, spec: TableColumnSpec) -> bool:
        return self._is_across and is_measure(spec, self._groups)

    def whole(self, shown: Shown) -> Any:
        spec = shown.spec
        if not spec.has_total:
            return None
        if (
            not shown.is_across
            and not spec.total_sql
            and (whole := over_all(self._all, spec.total or "sum", spec.name))
        ):
            return whole[0]
        return self.of(spec, shown.by, self._whole.of(shown))

    def of(self, spec: TableColumnSpec, by: GroupValues, members: Sequence[QueryRow]) -> Any:
        """One total: of the rows that have the values of `by`, which are `members`."""
        if sql := self._sql(spec):
            return self._sums.value(sql, by)
        values = [row[spec.name] for row in members]
        if not spec.total and len(values) == 1:
            return values[0]
        return total_of(spec.total or "sum", values)

    def _all_across(self) -> list[dict[str, Any]]:
        return whole_of(self._all, list(dict.fromkeys(spec.across for spec in self._specs if spec.across)))

    def _shared(self, head_of: Heads) -> Heads | None:
        """Months that read alike are one column, where their figures are made of the rows that are here."""
        if self._is_asked or any(spec.across and spec.total_sql for spec in self._specs):
            return None
        return head_of

    def _all_lines(self, query: str) -> list[TableLine]:
        found = whole_of(self._all, self._keys) if self._keys else [{}]
        return [TableLine(QueryRow(query, values), ()) for values in found]


def total_of(how: str, values: Iterable[Any]) -> Any:
    """None for no total, or for nothing that has one: numbers, durations, and of days and moments first and last."""
    if not how:
        return None
    present = [value for value in values if value is not None]
    if how == "count":
        return len(present)
    numbers = [value for value in present if is_figure(value)]
    if not numbers:
        return _total_of_times(how, present)
    match how:
        case "sum":
            return exact_sum(numbers)
        case "average":
            return exact_sum(numbers) / len(numbers)
        case "min":
            return min(numbers)
        case _:
            return max(numbers)


def _total_of_times(how: str, present: Sequence[Any]) -> Any:
    if present and all(isinstance(value, timedelta) for value in present):
        whole = sum(present, timedelta())
        found = {"sum": whole, "average": whole / len(present), "min": min(present)}
        return found[how] if how in found else max(present)
    if how in ("min", "max") and present and all(isinstance(value, date) for value in present):
        return min(present) if how == "min" else max(present)
    return None
