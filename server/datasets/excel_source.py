"""Read one sheet of an Excel or OpenDocument file row by row, its cells as the texts a person sees in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from server.datasets.cells import PERCENT, PLAIN
from server.datasets.chunks import Chunk
from server.datasets.excel_columns import cell_text, column_texts, is_blank, only_texts, said_texts
from server.datasets.merged_cells import Merged, SheetRow
from server.datasets.named import BELOW_TABLE, BLANK, DELIMITERS_ONLY, Named, name_above
from server.datasets.number_cells import currency_named
from server.datasets.rejects import RejectReason
from server.datasets.rule_lines import RULES, is_rule_row
from server.datasets.schema import ColumnType
from server.datasets.sheet_marks import SheetMarks
from server.datasets.sheet_pieces import Sheet
from server.datasets.tables_below import LOOKED_AT, begins_other_table

_ROWS_PER_CHUNK = 10_000
_SAMPLE_ROWS = 5_000
_LEAST_NAMES = 2  # a single name may well be a value of its column
_NOTATIONS = {"percent": PERCENT, "number": PLAIN}
MISSING = "#N/A"  # a lookup that found nothing: the cell is empty, its row is none the worse


@dataclass(slots=True, kw_only=True)
class ExcelSource:
    """`width` and `first_line` as for text; a line is a row of the sheet, blank ones are left out.

    `is_below_table`: what stands above the table is another one.
    """

    path: Path
    sheet: Sheet
    marks: SheetMarks
    width: int = 0
    first_line: int = 0
    header_rows: int = 0
    is_below_table: bool = False
    header: list[str] = field(default_factory=list)
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)
    _is_in_other_table: bool = field(default=False, init=False)
    _last_rows: list[tuple[int, SheetRow]] = field(default_factory=list, init=False)

    @property
    def start_column(self) -> int:
        return self.sheet.start[1] if self.sheet.start else 0

    def rows(self) -> Iterator[tuple[int, SheetRow]]:
        """Row number from 1, and its cells."""
        if self.sheet.start is None:
            return iter(())
        merged = Merged(self.sheet)
        rows = enumerate(self.sheet.iter_rows(), start=1)
        is_plain = merged.is_none and not self.marks.formats and not self.marks.texts
        return rows if is_plain else self._shown(rows, merged)

    def _shown(self, rows: Iterator[tuple[int, SheetRow]], merged: Merged) -> Iterator[tuple[int, SheetRow]]:
        for number, cells in rows:
            self._show(number, cells)
            yield number, merged.filled(number - 1, self.start_column, cells)

    def first_rows(self, count: int) -> list[list[str]]:
        """As texts; a cell that is merged downwards stands in its first row alone."""
        if self.sheet.start is None:
            return []
        rows = []
        for number, cells in enumerate(islice(self.sheet.iter_rows(), count), start=1):
            self._show(number, cells)
            rows.append([cell_text(cell) for cell in cells])
        return rows

    def chunks(self) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        last = (self.sheet.end or (1, 0))[0] + 1
        self.records, named = 0, Named()
        self._begin()
        rejects: list[RejectReason] = []
        notes: list[tuple[int, SheetRow]] = []  # perhaps: unless rows follow
        rows = self.rows()
        while block := list(islice(rows, _ROWS_PER_CHUNK)):
            self.records = block[-1][0]
            self.bytes_read = min(size, size * self.records // last)
            kept, notes = self._without_notes([*notes, *self._data_rows(block, named, rejects)])
            yield self._chunk(kept, errors=self.marks.errors)
        self.bytes_read = size
        _name_notes(notes, named)
        end = self._chunk([], errors={})
        end.named, end.rejects = named, rejects
        yield end

    def _begin(self) -> None:
        self._is_in_other_table, self._last_rows = False, []

    def sample(self) -> Chunk:
        self._begin()
        named = Named()
        rejects: list[RejectReason] = []
        block = list(islice(self.rows(), self.first_line + _SAMPLE_ROWS))
        rows, notes = self._without_notes(self._data_rows(block, named, rejects))
        _name_notes(notes, named)
        chunk = self._chunk(rows, errors={}, is_told=False)
        chunk.types, chunk.named, chunk.rejects = self._said_types(rows), named, rejects
        chunk.notations = {
            place: {_NOTATIONS.get(style, currency_named(style)) for style in styles}
            for column, styles in self.marks.styles.items()
            if 0 <= (place := column - self.start_column) < self.width
        }
        return chunk

    def _said_types(self, rows: list[tuple[int, SheetRow]]) -> dict[int, ColumnType]:
        columns = list(zip(*(self._cut(cells) for _, cells in rows), strict=True))
        shown = {
            column - self.start_column
            for number, _ in rows
            for column, each in self.marks.formats.get(number, {}).items()
            if each.kind == "mask"
        }
        return dict.fromkeys(sorted(said_texts(columns) | {place for place in shown if place < self.width}), "text")

    def _data_rows(
        self, block: list[tuple[int, SheetRow]], named: Named, rejects: list[RejectReason]
    ) -> list[tuple[int, SheetRow]]:
        """Without what stands above the table and what is blank; nearly all rows of most sheets are neither."""
        above = max(0, self.first_line - block[0][0] + 1) if block else 0
        for number, row in block[:above]:
            self._name_above(number, row, named, rejects)
        errors, block = self.marks.errors, block[above:]
        if not self._is_in_other_table and not self._may_be_no_row(block):
            self._last_rows = block[-LOOKED_AT:]
            return block
        block = self._of_this_table(block, rejects)
        block = [pair for pair in block if not self._is_header_again(*pair, rejects)]
        kept = [pair for pair in block if not is_blank(pair[1]) or pair[0] in errors]
        if any(_is_rule(cells) for _, cells in kept):
            for number in [number for number, cells in kept if _is_rule(cells)]:
                named.add(DELIMITERS_ONLY, number)
            block, kept = ([pair for pair in rows if not _is_rule(pair[1])] for rows in (block, kept))
        if len(kept) < len(block):
            numbers = {number for number, _ in kept}
            for number, _ in block:
                if number not in numbers:
                    named.add(BLANK, number)
        return kept

    def _of_this_table(
        self, block: list[tuple[int, SheetRow]], rejects: list[RejectReason]
    ) -> list[tuple[int, SheetRow]]:
        """Without the rows of another table: from its names, below a blank row, until this table's come again."""
        kept: list[tuple[int, SheetRow]] = []
        is_after_gap = False
        for place, (number, cells) in enumerate(block):
            if is_blank(cells) and number not in self.marks.errors:
                is_after_gap = True
                kept.append((number, cells))
                continue
            texts = [cell_text(cell) for cell in self._cut(cells)] if is_after_gap or self._is_in_other_table else []
            if texts and texts == self.header:
                self._is_in_other_table = False
            elif is_after_gap and not self._is_in_other_table:
                above = [[cell_text(cell) for cell in row] for _, row in self._last_rows]
                below = [cell_text(cell) for cell in block[place + 1][1]] if place + 1 < len(block) else None
                self._is_in_other_table = begins_other_table(above, texts, below)
            is_after_gap = False
            if self._is_in_other_table:
                rejects.append(RejectReason(line=number, code="other_table", raw="\t".join(texts).rstrip("\t")))
            else:
                kept.append((number, cells))
                self._last_rows = [*self._last_rows[1 - LOOKED_AT :], (number, cells)]
        return kept

    def _may_be_no_row(self, block: list[tuple[int, SheetRow]]) -> bool:
        """Whether some row begins as only blank ones, headers and drawn lines do."""
        first = [cells[0] if cells else "" for _, cells in block]
        begins = {cell[:1] for cell in first if type(cell) is str}
        is_header = bool(self.header) and self.header[0] in first
        return is_header or any(not begin.strip() or begin in RULES for begin in begins)

    def _is_header_again(self, number: int, cells: SheetRow, rejects: list[RejectReason]) -> bool:
        """Sheets that were put together from several have it again and again."""
        header = self.header
        if len(header) < _LEAST_NAMES or not cells or cells[0] != header[0]:
            return False
        if [cell_text(cell) for cell in self._cut(cells)] != header:
            return False
        rejects.append(RejectReason(line=number, code="header_again", raw="\t".join(header)))
        return True

    def _without_notes(
        self, rows: list[tuple[int, SheetRow]]
    ) -> tuple[list[tuple[int, SheetRow]], list[tuple[int, SheetRow]]]:
        """The rows, and what stands alone in its first cell below them and a blank row: notes, if nothing follows."""
        place = len(rows)
        while place > 1 and self.width > 1 and not any(cell not in ("", None) for cell in rows[place - 1][1][1:]):
            place -= 1
            if rows[place][0] - rows[place - 1][0] > 1:
                return rows[:place], rows[place:]
        return rows, []

    def _name_above(self, number: int, row: SheetRow, named: Named, rejects: list[RejectReason]) -> None:
        raw = "\t".join(map(cell_text, row))
        is_header = number > self.first_line - self.header_rows
        if self.is_below_table and not is_header and raw.strip():
            rejects.append(RejectReason(line=number, code="other_table", raw=raw))
        else:
            name_above(named, number, raw, is_header=is_header)

    def _show(self, number: int, cells: SheetRow) -> None:
        for column, cell_format in self.marks.formats.get(number, {}).items():
            place = column - self.start_column
            if 0 <= place < len(cells) and type(cells[place]) is float:
                cells[place] = cell_format.seen(cells[place], from_1904=self.marks.from_1904)
        for column, text in self.marks.texts.get(number, {}).items():
            if 0 <= column - self.start_column < len(cells):
                cells[column - self.start_column] = text

    def _with_odd_dates(
        self,
        block: list[tuple[int, SheetRow]],
        rows: list[SheetRow],
        place: int,
        misfits: dict[tuple[int, int], str] | None,
    ) -> Sequence[Any]:
        """As the numbers that they are, each a misfit; a sample is without them, as without errors."""
        odd = self.marks.odd_dates() if self.marks.odd_dates is not None else {}
        for index, (number, _) in enumerate(block):
            value = odd.get((number, place + self.start_column))
            if value is None:
                continue
            shown = value if misfits is not None else ""
            rows[index] = [*rows[index][:place], shown, *rows[index][place + 1 :]]
            if misfits is not None:
                misfits.setdefault((index, place), "not_a_date")
        return [row[place] for row in rows]

    def _cut(self, cells: SheetRow) -> SheetRow:
        return [*cells, *[""] * (self.width - len(cells))][: self.width]

    def _chunk(
        self, block: list[tuple[int, SheetRow]], *, errors: dict[int, dict[int, str]], is_told: bool = True
    ) -> Chunk:
        rows = [cells if len(cells) == self.width else self._cut(cells) for _, cells in block]
        misfits: dict[tuple[int, int], str] = {}
        for index, (number, _) in enumerate(block) if errors else ():
            for column, error in errors.get(number, {}).items():
                place = column - self.start_column
                if 0 <= place < self.width and error != MISSING:
                    rows[index] = [*rows[index][:place], error, *rows[index][place + 1 :]]
                    misfits[index, place] = "excel_error"
        columns: list[pa.Array] = []
        for place, cells in enumerate(zip(*rows, strict=True)):
            texts = only_texts(cells)
            if texts is None:
                kinds = set(map(type, cells))
                if self.marks.odd_dates is not None and _may_be_odd_dates(kinds):
                    odd = self._with_odd_dates(block, rows, place, misfits if is_told else None)
                    texts = column_texts(odd)
            columns.append(column_texts(cells, kinds) if texts is None else texts)
        return Chunk(
            columns=columns or [pa.array([], pa.string())] * self.width,
            line_of=lambda row: block[row][0],
            raw_of=lambda row: "\t".join(map(cell_text, rows[row])),
            misfits=misfits,
        )


def _may_be_odd_dates(kinds: Set[type]) -> bool:
    """Whether something among days is none: a time of day, or a number."""
    return bool(kinds & {date, datetime}) and bool(kinds & {time, float})


def _is_rule(cells: SheetRow) -> bool:
    is_perhaps = bool(cells) and isinstance(cells[0], str) and cells[0].strip()[:1] in RULES
    return is_perhaps and all(isinstance(cell, str) for cell in cells) and is_rule_row(cells)


def _name_notes(notes: list[tuple[int, SheetRow]], named: Named) -> None:
    for number, cells in notes:
        named.add(BELOW_TABLE, number, "\t".join(map(cell_text, cells)))
