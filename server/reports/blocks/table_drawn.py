"""A table with its values, and how each format draws it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

import msgspec

from server.reports.document import Block
from server.reports.formats import ValueFormat
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.words import Words
from server.reports.workbook import ACCENT, TINTS, TONES, ReportBook

_WIDE_TEXT = 18  # letters from which a column of text on paper shares the room instead of keeping its width
_MEASURED = 4
_EXCEL_BAR = {"type": "data_bar", "bar_solid": True, "bar_color": "#CFE0F1", "min_type": "num", "min_value": 0}


class TableColumn(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    label: str
    format: ValueFormat
    align: str
    bar: bool = False
    total: Any = None
    total_text: str = ""
    how: str = ""  # sum, average …; empty for no total, and for one that an expression gives


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`share` is the length of an in-cell bar from 0 to 1, negative for values below zero."""

    value: Any
    text: str
    tone: str = ""
    share: float | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is `row`, `group` (a heading row: its first cell alone) or `subtotal`."""

    cells: list[Cell]
    kind: str = "row"
    level: int = 0  # of a heading and its subtotal: how many headings stand above


class Table(Block, frozen=True, kw_only=True):
    """`rows` are all of them; PDF and HTML show the first `max_rows`."""

    title: str
    columns: list[TableColumn]
    rows: list[TableRow]
    max_rows: int
    row_count: int
    name: str = "table"
    truncated: bool = False
    total_label: str = "Total"

    @property
    def has_totals(self) -> bool:
        return any(column.total_text for column in self.columns)

    def shown(self) -> list[TableRow]:
        """The rows for paper and screen: `max_rows` of data, and the headings among them."""
        result: list[TableRow] = []
        count = 0
        for row in self.rows:
            count += row.kind == "row"
            if count > self.max_rows:
                break
            result.append(row)
        return result

    def html(self, page: HtmlPage) -> str:
        if not self.rows:
            return page.empty(self.title)
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        head = "".join(f'<th scope="col" class="{column.align}">{escape(column.label)}</th>' for column in self.columns)
        body = "".join(_html_row(row, self.columns) for row in self.shown())
        note = self._cut_note(page.words, has_excel=page.has_excel)
        return (
            f'<div class="scroll"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            f"{self._html_totals()}</table></div>" + (f'<p class="cut">{escape(note)}</p>' if note else "")
        )

    def pdf(self, paper: Paper) -> dict[str, Any]:
        shown = self.shown()
        if self.rows and self.has_totals:
            texts = self._total_texts()
            shown.append(TableRow(kind="total", cells=[Cell(value=None, text=text) for text in texts]))
        return {
            "kind": "table",
            "title": self.title,
            "columns": [_measured(column, index, shown) for index, column in enumerate(self.columns)],
            "rows": [
                {
                    "kind": row.kind,
                    "level": row.level,
                    "cells": [{"text": c.text, "tone": c.tone, "share": c.share} for c in row.cells],
                }
                for row in shown
            ],
            "part": paper.words.columns_part.format(first="{first}", last="{last}", count=len(self.columns)),
            "note": self._cut_note(paper.words, has_excel=paper.has_excel),
        }

    def excel_sheets(self, book: ReportBook) -> None:
        """One of its own, with real numbers, filters and all rows."""
        sheet = book.add_sheet(self.name)
        head = {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT, "text_wrap": True, "valign": "vcenter"}
        for index, column in enumerate(self.columns):
            book.string(sheet, 0, index, column.label, book.style(**head, align=column.align))
        for number, row in enumerate(self.rows, 1):
            _excel_row(book, sheet, number, row, self.columns)
        last = len(self.rows)
        sheet.freeze_panes(1, 0)
        if self.columns and not any(row.kind != "row" for row in self.rows):
            sheet.autofilter(0, 0, max(last, 1), len(self.columns) - 1)
        for index, column in enumerate(self.columns):
            if column.bar and last:
                sheet.conditional_format(1, index, last, index, _EXCEL_BAR)
        if self.has_totals:
            self._excel_totals(book, sheet, last + 1)
        for index in range(len(self.columns)):
            sheet.set_column(index, index, self._excel_width(index))
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)

    def _total_texts(self) -> list[str]:
        """The last row: totals under their columns, what they are under the first that has none."""
        texts = [column.total_text for column in self.columns]
        free = next((index for index, text in enumerate(texts) if not text), None)
        return [self.total_label if index == free else text for index, text in enumerate(texts)]

    def _cut_note(self, words: Words, *, has_excel: bool) -> str:
        """What paper and screen do not show, or nothing."""
        notes = []
        if self.row_count > self.max_rows:
            pattern = words.full_list if has_excel else words.first_rows
            notes.append(pattern.format(shown=self.max_rows, count=self.row_count))
        if self.truncated:
            notes.append(words.truncated.format(count=self.row_count))
        return " ".join(notes)

    def _html_totals(self) -> str:
        if not self.has_totals:
            return ""
        texts = zip(self._total_texts(), self.columns, strict=True)
        cells = "".join(f'<td class="{column.align}">{escape(text)}</td>' for text, column in texts)
        return f"<tfoot><tr>{cells}</tr></tfoot>"

    def _excel_totals(self, book: ReportBook, sheet: Any, row: int) -> None:
        texts = self._total_texts()
        for index, (column, text) in enumerate(zip(self.columns, texts, strict=True)):
            kind = column.format.kind if isinstance(column.total, float | Decimal) else column.format.kind or "integer"
            number = book.formats.excel(column.format, kind)
            book.cell(sheet, row, index, column.total, text, bold=True, top=2, num_format=number, align=column.align)

    def _excel_width(self, index: int) -> float:
        texts = [row.cells[index].text for row in self.rows[:200] if row.kind == "row"]
        longest = max([_letters(text) for text in texts] + [_letters(self.columns[index].label) + 2], default=8)
        return min(max(longest + 2, 9), 60)


def _html_row(row: TableRow, columns: list[TableColumn]) -> str:
    if row.kind == "group":
        return f'<tr class="group level-{row.level}"><td colspan="{len(columns)}">{escape(row.cells[0].text)}</td></tr>'
    cells = "".join(_html_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True))
    return f'<tr class="{row.kind}">{cells}</tr>'


def _html_cell(cell: Cell, column: TableColumn) -> str:
    text = f'<span class="tone {cell.tone}">{escape(cell.text)}</span>' if cell.tone else escape(cell.text)
    if not column.bar or cell.share is None:
        return f'<td class="{column.align}">{text}</td>'
    sign = " negative" if cell.share < 0 else ""
    return f'<td class="{column.align} bar{sign}" style="--share: {min(abs(cell.share), 1):.4f}">{text}</td>'


def _measured(column: TableColumn, index: int, rows: Sequence[TableRow]) -> dict[str, Any]:
    """What paper needs to know of a column to give it room: few texts to measure, the longest."""
    cells = [row.cells[index] for row in rows if row.kind == "row"]
    texts = {cell.text for cell in cells}
    sums = {row.cells[index].text for row in rows if row.kind in ("subtotal", "total")}
    is_wide = not column.format.is_numeric and any(_letters(text) > _WIDE_TEXT for text in texts)
    return {
        "label": column.label,
        "align": column.align,
        "bar": column.bar,
        "wide": is_wide,
        "toned": any(cell.tone for cell in cells),
        "longest": _longest(texts),
        "strong": _longest(sums),
        "words": _longest({word for text in texts | sums for word in text.split(" ")}),
        "head-words": _longest(set(column.label.split(" "))),
    }


def _longest(texts: set[str]) -> list[str]:
    """Those that may be the widest in print."""
    return sorted(texts, key=lambda text: (-_letters(text), text))[:_MEASURED]


def _excel_row(book: ReportBook, sheet: Any, number: int, row: TableRow, columns: list[TableColumn]) -> None:
    if row.kind == "group":
        book.string(sheet, number, 0, row.cells[0].text, book.style(bold=True, font_size=12))
        return
    for index, (cell, column) in enumerate(zip(row.cells, columns, strict=True)):
        style: dict[str, Any] = {"align": column.align}
        if cell.tone:
            style |= {"font_color": TONES[cell.tone], "bg_color": TINTS[cell.tone]}
        if row.kind == "subtotal":
            style |= {"bold": True, "top": 1}
        number_format = book.formats.excel(column.format, column.format.kind)
        book.cell(sheet, number, index, cell.value, cell.text, num_format=number_format, **style)


def _letters(text: str) -> int:
    """How wide it is: Chinese characters are two letters."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
