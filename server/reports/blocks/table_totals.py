"""Totals of a table's sheet: formulas where Excel comes to the same figure, else figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from xlsxwriter.utility import xl_range, xl_rowcol_to_cell

from server.reports.blocks.table_cells import TableColumn, TableRow
from server.reports.excel_values import excel_value, is_number, is_text_of_number
from server.reports.workbook import ReportBook

# Of what SUBTOTAL does, numbers that leave out what a filter hides. It never counts what another SUBTOTAL gives.
_FUNCTIONS = {"sum": 109, "average": 101, "count": 103, "min": 105, "max": 104}
_COUNT_NUMBERS = 102
MOST_RANGES = 200  # of one formula

RowSpan = tuple[int, int]  # rows of a sheet, from and to


class SheetTotals:
    """`spans` are where rows of data stand."""

    def __init__(
        self,
        book: ReportBook,
        sheet: Any,
        columns: Sequence[TableColumn],
        rows: Sequence[TableRow],
        spans: list[RowSpan],
    ) -> None:
        self._book = book
        self._sheet = sheet
        self._columns = columns
        self._rows = rows
        self._spans = spans

    def write_subtotals(self, number: int, row: TableRow, spans: list[RowSpan]) -> None:
        for index, (cell, column) in enumerate(zip(row.cells, self._columns, strict=True)):
            style = {"align": column.align, "bold": True, "top": 1}
            if column.has_total:
                self._write_total(number, index, cell.value, spans, style, is_value=column.of_all)
            else:
                self._book.string(self._sheet, number, index, cell.text, self._book.style(**style))

    def write_totals(self, number: int, label: str) -> None:
        free = next((index for index, column in enumerate(self._columns) if not column.has_total), None)
        for index, column in enumerate(self._columns):
            style = {"align": column.align, "bold": True, "top": 2}
            if column.has_total:
                self._write_total(number, index, column.total, self._spans, style, is_value=column.of_all)
            else:
                text = label if index == free else ""
                self._book.string(self._sheet, number, index, text, self._book.style(**style))

    def _write_total(
        self, row: int, index: int, value: Any, spans: list[RowSpan], style: dict[str, Any], *, is_value: bool = False
    ) -> None:
        """A formula where Excel comes to the same figure, else the figure."""
        column = self._columns[index]
        formula = (
            ""
            if is_value or not column.function or not self._is_reckoned(index, value, spans)
            else _formula(column, index, spans)
        )
        if formula:
            self._book.formula(self._sheet, row, index, formula, value, column.format_of_total(value), **style)
            return
        self._book.cell(self._sheet, row, index, value, column.format_of_total(value), **style)
        if is_text_of_number(value, self._book.formats):
            note = self._book.words.total_as_text
            self._sheet.write_comment(row, index, note, {"x_scale": 2})
            self._book.warn(f"{self._sheet.get_name()}, {xl_rowcol_to_cell(row, index)}: {note}")

    def _is_reckoned(self, index: int, total: Any, spans: list[RowSpan]) -> bool:
        """Whether Excel comes to it: texts of numbers, for instance, are none to it."""
        column, formats = self._columns[index], self._book.formats
        wanted = excel_value(total, column.format_of_total(total), formats)
        rows = (self._rows[number - 1] for first, last in spans for number in range(first, last + 1))
        held = [excel_value(row.cells[index].value, column.format, formats) for row in rows if row.kind == "row"]
        found = _reckoned(column.function, held)
        return is_number(wanted) and found is not None and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)


def _formula(column: TableColumn, index: int, spans: list[RowSpan]) -> str:
    """Empty where it would have too many parts."""
    is_count = column.function == "count"
    number = _COUNT_NUMBERS if is_count and column.format.is_numeric else _FUNCTIONS[column.function]
    # A heading in the first column would be counted as well; otherwise one range is plainer.
    parts = spans if is_count and index == 0 else [(spans[0][0], spans[-1][1])]
    if len(parts) > MOST_RANGES:
        return ""
    return f"=SUBTOTAL({number},{','.join(xl_range(first, index, last, index) for first, last in parts)})"


def _reckoned(how: str, held: list[Any]) -> float | None:
    """As SUBTOTAL does it; None for nothing to reckon with."""
    if how == "count":
        return sum(value not in (None, "") for value in held)
    numbers = [float(value) for value in held if is_number(value)]
    if not numbers:
        return None
    match how:
        case "sum":
            return math.fsum(numbers)
        case "average":
            return math.fsum(numbers) / len(numbers)
        case "min":
            return min(numbers)
    return max(numbers)


def spans_of(rows: Sequence[TableRow]) -> Iterator[RowSpan]:
    """Where rows of data follow each other."""
    first = None
    for number, row in enumerate(rows, 1):
        if row.kind == "row":
            first = number if first is None else first
        elif first is not None:
            yield first, number - 1
            first = None
    if first is not None:
        yield first, len(rows)
