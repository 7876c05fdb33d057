"""A table as a sheet: real numbers, filters, totals that Excel reckons itself, paper that has room for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from xlsxwriter.utility import quote_sheetname, xl_range

from server.reports.blocks.table_cells import Cell, TableColumn, TableRow
from server.reports.blocks.table_scale import STRONGEST
from server.reports.blocks.table_spark import Spark
from server.reports.blocks.table_totals import MOST_RANGES, SheetTotals, spans_of
from server.reports.drawing.paints import readable_on
from server.reports.excel_room import column_pixels, letters
from server.reports.excel_values import excel_value, is_number, is_text_of_number
from server.reports.formats import ValueFormat
from server.reports.workbook import MUTED, TINTS, TONES, ReportBook

_MOST_LINKS = 65_530  # of one sheet
_SPARK, _SPARK_LETTERS = "#7A8794", 18
_LETTERS_OF_PERCENT = 0.9  # a page upright has room for some ninety
_ROW_STYLES: dict[str, dict[str, Any]] = {
    "strong": {"bold": True}, "total": {"bold": True, "top": 1}, "muted": {"font_color": MUTED},
}  # fmt: skip
_WIDEST, _LEAST = 60, 9  # letters of a column
_FILTER = 3  # letters that its arrow takes
_HEAD = {"bold": True, "text_wrap": True, "valign": "vcenter"}
_BAR = {"type": "data_bar", "bar_solid": True, "min_type": "num", "max_type": "num"}
_BELOW_ZERO = {"bar_negative_color": "#F3C9CC", "bar_axis_color": MUTED}


class TableSheet:
    """`rows` with their headings and subtotals; `total_label`: what totals are called, if there are any.

    `notes`: what else there is to say of it.
    """

    def __init__(
        self,
        book: ReportBook,
        sheet: Any,
        columns: Sequence[TableColumn],
        rows: Sequence[TableRow],
        *,
        total_label: str,
        notes: Sequence[str],
    ) -> None:
        self._book = book
        self._sheet = sheet
        self._columns = columns
        self._rows = rows
        self._notes = notes
        self._total_label = total_label
        self._depth = max((row.level + 1 for row in rows if row.kind == "group"), default=0)
        self._spans = list(spans_of(rows))
        self._totals = SheetTotals(book, sheet, columns, rows, self._spans)
        self._as_texts = self._columns_of_texts()
        self._widths = [self._width(index) for index in range(len(columns))]
        self._sparks: list[tuple[int, int, Spark]] = []
        self._links = 0
        self._has_links_left = False

    def write(self) -> None:
        sheet, last = self._sheet, len(self._rows)
        filled = self._book.shades.areas
        head = _HEAD | {"bg_color": filled, "font_color": readable_on(filled)}
        for index, column in enumerate(self._columns):
            self._book.string(sheet, 0, index, column.label, self._book.style(**head, align=column.align))
            sheet.set_column_pixels(index, index, column_pixels(self._widths[index]))
        self._write_rows()
        end = last + 1
        if not last:
            self._book.string(sheet, 1, 0, self._book.words.no_data, self._book.style(font_color=MUTED))
            end += 1
        elif self._total_label:
            self._totals.write_totals(end, self._total_label)
            end += 1
        end = self._write_notes(end)
        sheet.freeze_panes(1, 0)
        if self._columns:
            sheet.autofilter(0, 0, max(last, 1), len(self._columns) - 1)
        self._add_bars(last)
        self._add_scales(last)
        self._write_sparks()
        self._book.sheets.set_up_table(sheet, [column_pixels(width) for width in self._widths], rows=end)

    def _write_rows(self) -> None:
        if self._depth:
            self._sheet.outline_settings(True, bool(self._total_label), True, False)
        begun = [1] * self._depth  # the first row of the group that is open, one level after the other
        for number, row in enumerate(self._rows, 1):
            if row.kind == "group":
                style = self._book.style(bold=True, font_size=12)
                self._book.string(self._sheet, number, 0, row.cells[0].text, style)
                begun[row.level] = number + 1
            elif row.kind == "subtotal":
                first, end = (bisect_left(self._spans, (place, 0)) for place in (begun[row.level], number))
                self._totals.write_subtotals(number, row, self._spans[first:end])
            else:
                self._write_row(number, row)
            level = self._depth if row.kind == "row" else row.level
            if level:
                self._sheet.set_row(number, None, None, {"level": level})

    def _write_row(self, number: int, row: TableRow) -> None:
        for index, (cell, column) in enumerate(zip(row.cells, self._columns, strict=True)):
            style: dict[str, Any] = {"align": column.align, **_ROW_STYLES.get(row.style, {})}
            if row.style == "indent" and index == 0:
                style["indent"] = 2
            if cell.tone:
                style |= {"font_color": TONES[cell.tone], "bg_color": TINTS[cell.tone]}
            if isinstance(cell.value, str) and ("\n" in cell.value or letters(cell.value) > self._widths[index]):
                style |= {"text_wrap": True, "valign": "top"}
            self._write_cell(number, index, cell, style)

    def _write_cell(self, number: int, index: int, cell: Cell, style: dict[str, Any]) -> None:
        if cell.spark is not None:
            self._sparks.append((number, index, cell.spark))
            return
        if cell.link and self._links < _MOST_LINKS:
            self._links += 1
            self._book.address(self._sheet, number, index, cell.link)
            style = style | self._book.linked
        elif cell.link:
            self._has_links_left = True
        self._book.cell(self._sheet, number, index, cell.value, self._columns[index].format, **style)

    def _write_sparks(self) -> None:
        """Their numbers stand with the figures behind charts."""
        if not self._sparks:
            return
        figures, first = self._book.figures(len(self._sparks) + 2)
        self._book.string(figures, first, 0, self._sheet.get_name(), self._book.style(bold=True))
        for place, (number, index, spark) in enumerate(self._sparks, first + 1):
            for column, value in enumerate(spark.values):
                self._book.cell(figures, place, column, value, ValueFormat())
            source = f"{quote_sheetname(figures.get_name())}!{xl_range(place, 0, place, len(spark.values) - 1)}"
            look = _spark_look(spark)
            self._sheet.add_sparkline(number, index, {"range": source, "series_color": _SPARK, **look})

    def _add_scales(self, last: int) -> None:
        for index, column in enumerate(self._columns):
            if (scale := column.scale) is None or scale.high <= scale.low:
                continue
            colors = [_strongest(color) for color in scale.colors]
            if len(colors) == 1:
                look = {
                    "type": "2_color_scale", "min_color": "#FFFFFF", "max_color": colors[0],
                    "min_value": scale.low, "max_value": scale.high,
                }  # fmt: skip
            else:
                reach = max(scale.high - scale.middle, scale.middle - scale.low)
                look = {
                    "type": "3_color_scale", "min_color": colors[0], "mid_color": "#FFFFFF", "max_color": colors[1],
                    "min_value": scale.middle - reach, "mid_value": scale.middle, "max_value": scale.middle + reach,
                    "mid_type": "num",
                }  # fmt: skip
            self._format_column(index, last, {**look, "min_type": "num", "max_type": "num"})

    def _format_column(self, index: int, last: int, look: dict[str, Any]) -> None:
        """By a condition: its rows, not their headings and totals."""
        ranges = [xl_range(first, index, end, index) for first, end in self._spans]
        more = {"multi_range": " ".join(ranges)} if 1 < len(ranges) <= MOST_RANGES else {}
        self._sheet.conditional_format(1, index, last, index, look | more)

    def _columns_of_texts(self) -> set[int]:
        """Those some of whose numbers have more digits than Excel holds."""
        data = [row.cells for row in self._rows if row.kind == "row"]
        places = range(len(self._columns))
        formats = self._book.formats
        return {index for index in places if any(is_text_of_number(cells[index].value, formats) for cells in data)}

    def _write_notes(self, row: int) -> int:
        """Returns the row after them."""
        words = self._book.words
        notes = list(self._notes)
        if any(column.of_all for column in self._columns):
            notes.append(words.totals_of_all)
        if self._as_texts:
            notes.append(words.numbers_as_texts)
        if self._has_links_left:
            notes.append(words.links_left.format(count=self._book.formats.text(_MOST_LINKS)))
            self._book.warn(f"{self._sheet.get_name()}: {notes[-1]}")
        if not notes:
            return row
        widths = [column_pixels(width) for width in self._widths]
        return self._book.paragraph(self._sheet, row + 1, widths, " ".join(notes), font_color=MUTED, italic=True)

    def _add_bars(self, last: int) -> None:
        for index, column in enumerate(self._columns):
            values = [row.cells[index].value for row in self._rows if row.kind == "row"]
            held = [excel_value(value, column.format, self._book.formats) for value in values] if column.bar else []
            numbers = [value for value in held if is_number(value)]
            if not numbers:
                continue
            scale = {"min_value": min(0, *numbers), "max_value": max(0, *numbers)}
            bar = _BAR | {"bar_color": self._book.shades.tint}
            self._format_column(index, last, bar | _BELOW_ZERO | scale)

    def _width(self, index: int) -> int:
        """Letters of the longest, totals as well: a number without room would be `####`."""
        column = self._columns[index]
        if column.spark:
            return _SPARK_LETTERS
        if column.width:
            return max(_LEAST, round(column.width * _LETTERS_OF_PERCENT))
        longest = max((_shown_letters(self._book, cell, column) for cell in self._cells(index)), default=0)
        if column.has_total:
            total = Cell(value=column.total, text=column.total_text)
            longest = max(longest, round(_shown_letters(self._book, total, column) * 1.1))
        return min(max(longest + 2, letters(column.label) + _FILTER, _LEAST), _WIDEST)

    def _cells(self, index: int) -> Iterator[Cell]:
        return (row.cells[index] for row in self._rows if row.kind != "group")


def _strongest(color: str) -> str:
    """What letters can be read on."""
    parts = (int(TONES[color][place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * STRONGEST):02X}" for part in parts)


def _shown_letters(book: ReportBook, cell: Cell, column: TableColumn) -> int:
    """As Excel shows it, which has its own way with dates and short numbers."""
    match cell.value:
        case datetime():
            return 16
        case date():
            return 10
        case int() | float() if column.format.kind == "compact":
            return letters(book.formats.text(cell.value, msgspec.structs.replace(column.format, kind="integer")))
    return letters(cell.text)


def _spark_look(spark: Spark) -> dict[str, Any]:
    if spark.kind != "bar":
        return {"last_point": True, "weight": 1.5}
    is_above = all(value >= 0 for value in spark.values if value is not None)
    # Excel's own bars begin at the least value.
    return {"type": "column", "negative_points": True, "last_point": True} | ({"min": 0} if is_above else {})
