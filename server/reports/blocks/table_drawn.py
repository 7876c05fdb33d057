"""A table with its values, and how each format draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from server.reports.blocks.table_cells import Cell, TableColumn, TableRow
from server.reports.blocks.table_excel import TableSheet
from server.reports.blocks.table_scale import STRONGEST
from server.reports.document import Block
from server.reports.excel_room import letters
from server.reports.formats import Formats
from server.reports.html_page import HtmlPage
from server.reports.paper import Paper
from server.reports.words import Words
from server.reports.workbook import ReportBook

_WIDE_TEXT = 18  # letters from which a column of text shares the room instead of keeping its width
_MEASURED = 4
_LONGEST_HEAD = 300
_NEARLY = 3  # letters less than the longest
_BROAD, _NARROW = "MWmw", "IJfijlrt,.:;'| "
_BOLD = ("strong", "total")
_LETTER, _BOLD_LETTER, _PADDING, _BAR, _SPARK = 0.62, 0.7, 1.6, 9.0, 9.5  # how wide these are in print, in ems
_ON_ITS_SIDE = 85  # ems from which a table is printed on a page on its side
_UNBROKEN = 24  # letters from which a word may be broken in print
_SENTENCE = 16  # letters that a line of a sentence has room for
_SPARK_LINE, _SPARK_BELOW = "#7A8794", "#C0323C"


class Table(Block, frozen=True, kw_only=True):
    """`rows` are all of them; PDF and HTML show the first `max_rows`. `within` is what it is repeated for.

    `all_count`: how many rows there are, where these are only the first of them; in a preview since nobody waits.
    """

    title: str
    columns: list[TableColumn]
    rows: list[TableRow]
    max_rows: int
    row_count: int
    name: str = "table"
    within: str = ""
    all_count: int | None = None
    is_preview: bool = False
    notes: tuple[str, ...] = ()
    has_head: bool = True
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
        head = "".join(map(_html_head, self.columns))
        unseen = "" if self.has_head else ' class="unseen"'
        shown = self.shown()
        wide = [_is_wide(column, _texts(index, shown)) for index, column in enumerate(self.columns)]
        body = "".join(_html_row(row, self.columns, wide) for row in shown)
        note = self._cut_note(page)
        head = f"{self._html_widths()}<thead{unseen}><tr>{head}</tr></thead>"
        ems = self._ems(shown)
        scroll = f'<div class="scroll{" broad" * (ems > _ON_ITS_SIDE)}">'
        table = f'<table style="--ems: {ems:.1f}">{caption}{head}<tbody>{body}</tbody>{self._html_totals()}</table>'
        return f"{scroll}{table}</div>" + (f'<p class="cut">{escape(note)}</p>' if note else "")

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
                    "style": row.style,
                    "cells": [_on_paper(cell, paper.accent) for cell in row.cells],
                }
                for row in shown
            ],
            "head": self.has_head,
            "part": paper.words.columns_part.format(first="{first}", last="{last}", count=len(self.columns)),
            "single": paper.words.column_part.format(first="{first}", count=len(self.columns)),
            "note": self._cut_note(paper),
        }

    def excel_sheets(self, book: ReportBook) -> None:
        """One of its own, with real numbers, filters and all rows."""

        def write(sheet: Any) -> None:
            total_label = self.total_label if self.has_totals else ""
            notes = [*self._limit_note(book.words, book.formats), *self.notes]
            TableSheet(book, sheet, self.columns, self.rows, total_label=total_label, notes=notes).write()

        book.plan(self, name=self.name, within=self.within, rows=self.row_count, write=write)

    def excel(self, book: ReportBook) -> None:
        book.put_link(self)

    def _total_texts(self) -> list[str]:
        """The last row: totals under their columns, what they are under the first that has none."""
        texts = [column.total_text for column in self.columns]
        free = next((index for index, text in enumerate(texts) if not text), None)
        return [self.total_label if index == free else text for index, text in enumerate(texts)]

    def _cut_note(self, form: HtmlPage | Paper) -> str:
        """What paper and screen do not show, or what is odd about it; or nothing."""
        if self.row_count <= self.max_rows:
            return " ".join([*self._limit_note(form.words, form.formats), *self.notes])
        pattern = form.words.first_rows
        if form.has_excel:
            pattern = form.words.full_list if self.all_count is None else form.words.limited_list
        count = self.row_count if self.all_count is None else self.all_count
        figures = {"shown": self.max_rows, "count": count, "limit": self.row_count}
        note = pattern.format(**{name: form.formats.text(value) for name, value in figures.items()})
        if self.is_preview:
            note = form.words.preview_rows.format(
                limit=form.formats.text(self.max_rows), count=form.formats.text(count)
            )
        elif not form.has_excel:  # no file has the others
            form.warn(f"{self.name}: {note}")
        return " ".join([note, *self.notes])

    def _limit_note(self, words: Words, formats: Formats) -> Iterator[str]:
        """Where even Excel has only the first rows."""
        if self.all_count is not None:
            told = words.preview_rows if self.is_preview else words.limited
            yield told.format(limit=formats.text(self.row_count), count=formats.text(self.all_count))

    def _html_widths(self) -> str:
        if not any(column.width for column in self.columns):
            return ""
        return "<colgroup>" + "".join(_html_width(column) for column in self.columns) + "</colgroup>"

    def _ems(self, shown: Sequence[TableRow]) -> float:
        """How wide it is in print, so that its letters are made as small as keeps it on the page, words whole."""
        sums = self._total_texts() if self.has_totals else [""] * len(self.columns)
        return sum(
            _column_ems(column, [row.cells[index] for row in shown if row.kind != "group"], sums[index])
            for index, column in enumerate(self.columns)
        )

    def _html_totals(self) -> str:
        if not self.has_totals:
            return ""
        texts = zip(self._total_texts(), self.columns, strict=True)
        cells = "".join(f'<td class="{column.align}">{escape(text)}</td>' for text, column in texts)
        return f"<tfoot><tr>{cells}</tr></tfoot>"


def _html_head(column: TableColumn) -> str:
    classes = f"{column.align} long" if _is_long(column.label) else column.align
    return f'<th scope="col" class="{classes}">{escape(column.label)}</th>'


def _is_long(text: str) -> bool:
    """Whether it has a word that is broken in print, as whole it would leave others no room."""
    return len(text) > _UNBROKEN and any(len(word) > _UNBROKEN for word in text.split())


def _column_ems(column: TableColumn, cells: Sequence[Cell], total: str) -> float:
    texts = {cell.text for cell in cells}
    words = max((min(_guessed_width(word), _UNBROKEN) for word in column.label.split()), default=0) * _BOLD_LETTER
    if column.spark:
        return max(words, _SPARK) + _PADDING
    if column.align == "right":
        widest = max(max(map(_guessed_width, texts), default=0) * _LETTER, _guessed_width(total) * _BOLD_LETTER)
    else:
        widest = max(map(_words_width, {*texts, total})) * _LETTER
    return max(widest, words, _BAR if column.bar else 0) + _PADDING


def _words_width(text: str) -> float:
    """Of what is not broken: its words, or a line of a sentence."""
    longest = max(map(_guessed_width, text.split()), default=0)
    return max(min(longest, _UNBROKEN), min(letters(text), _SENTENCE))


def _html_row(row: TableRow, columns: list[TableColumn], wide: list[bool]) -> str:
    if row.kind == "group":
        return f'<tr class="group level-{row.level}"><td colspan="{len(columns)}">{escape(row.cells[0].text)}</td></tr>'
    cells = "".join(_html_cell(*each) for each in zip(row.cells, columns, wide, strict=True))
    style = f" as-{row.style}" if row.style else ""
    return f'<tr class="{row.kind}{style}">{cells}</tr>'


def _html_cell(cell: Cell, column: TableColumn, is_wide: bool) -> str:
    if cell.spark is not None:
        drawing = cell.spark.svg(line="currentColor", accent="var(--accent)", below="var(--red)")
        return f'<td class="{column.align} spark" role="img" aria-label="{escape(cell.spark.told)}">{drawing}</td>'
    text = f'<span class="tone {cell.tone}">{escape(cell.text)}</span>' if cell.tone else escape(cell.text)
    if cell.link:
        text = f'<a href="{escape(cell.link)}" rel="noopener noreferrer">{text}</a>'
    classes, style = [column.align, "wide"] if is_wide else [column.align], []
    if is_wide and _is_long(cell.text):
        classes.append("long")
    if cell.text.endswith(")") and column.format.negative:
        classes.append("bracketed")
    if column.bar and cell.share is not None:
        classes.append("bar negative" if cell.share < 0 else "bar")
        style.append(f"--share: {min(abs(cell.share), 1):.4f}")
    color, strength = cell.heat
    if color:
        classes.append(f"heat {color}")
        style.append(f"--heat: {strength * STRONGEST * 100:.1f}%")
    styled = f' style="{"; ".join(style)}"' if style else ""
    return f'<td class="{" ".join(classes)}"{styled}>{text}</td>'


def _html_width(column: TableColumn) -> str:
    return f'<col style="width: {column.width}%">' if column.width else "<col>"


def _on_paper(cell: Cell, accent: str) -> dict[str, Any]:
    color, strength = cell.heat
    shown: dict[str, Any] = {"text": cell.text, "tone": cell.tone, "share": cell.share}
    if color:
        shown |= {"heat": color, "strength": round(strength * STRONGEST, 4)}
    if cell.link:
        shown["link"] = cell.link
    if cell.spark is not None:
        drawing = cell.spark.svg(line=_SPARK_LINE, accent=accent, below=_SPARK_BELOW)
        shown |= {"spark": drawing, "told": cell.spark.told}
    return shown


def _measured(column: TableColumn, index: int, rows: Sequence[TableRow]) -> dict[str, Any]:
    """What paper needs to know of a column to give it room: few texts to measure, the longest."""
    cells = [row.cells[index] for row in rows if row.kind == "row"]
    texts = _texts(index, rows)
    sums = {row.cells[index].text for row in rows if row.kind in ("subtotal", "total") or row.style in _BOLD}
    return {
        "label": _cut_short(column.label),
        "align": column.align,
        "width": column.width,
        "bar": column.bar,
        "spark": bool(column.spark),
        "brackets": bool(column.format.negative),
        "wide": _is_wide(column, texts),
        "toned": any(cell.tone for cell in cells),
        "indented": index == 0 and any(row.style == "indent" for row in rows),
        "longest": _longest(texts),
        "strong": _longest(sums),
        "words": _longest({word for text in texts | sums for word in text.split(" ")}),
        "head-words": _longest(set(_cut_short(column.label).split(" "))),
    }


def _cut_short(head: str) -> str:
    """No head is broken over pages."""
    return head if len(head) <= _LONGEST_HEAD else f"{head[: _LONGEST_HEAD - 1]}…"


def _texts(index: int, rows: Sequence[TableRow]) -> set[str]:
    return {row.cells[index].text for row in rows if row.kind == "row"}


def _is_wide(column: TableColumn, texts: set[str]) -> bool:
    """Whether it holds sentences, which may be broken into lines; names, codes and days may not."""
    return not column.format.is_numeric and any(letters(text) > _WIDE_TEXT for text in texts)


def _longest(texts: set[str]) -> list[str]:
    """Those that may be the widest in print."""
    most = max(map(letters, texts), default=0)
    long = (text for text in texts if letters(text) > most - _NEARLY)
    return sorted(long, key=lambda text: (-_guessed_width(text), text))[:_MEASURED]


def _guessed_width(text: str) -> float:
    """In letters of usual width: days have as many letters, and yet “25 May” is wider than “31 Jul”."""
    return letters(text) + (sum(map(text.count, _BROAD)) - sum(map(text.count, _NARROW))) / 2
