"""Read blocks of lines record by record: slower than Arrow, but exact about what is wrong, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from server.datasets.chunks import Chunk
from server.datasets.dialect import Dialect
from server.datasets.header_finding import is_value
from server.datasets.kept_bytes import Bytes, text_with_bytes
from server.datasets.named import BELOW_TABLE, BLANK, DELIMITERS_ONLY, HEADER, Named
from server.datasets.records import MAX_CELL, Records, lenient_cells, line_count, read_records, split_lines
from server.datasets.rejects import RejectReason
from server.datasets.rule_lines import is_rule_row
from server.datasets.table_start import is_head_of_table, is_ruler, is_sentence
from server.datasets.tables_below import LOOKED_AT, begins_other_table
from server.datasets.told_headers import DIRECTIVE, names_fields

_MOST_NOTES = 30  # lines below a table; more are rows that were cut short


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What every record of a file is held against: `headers` are the records that name the columns.

    `has_directives`: see `FileShape`.
    """

    dialect: Dialect
    width: int
    encoding: str = "utf-8"
    headers: tuple[tuple[str, ...], ...] = ()
    pads_short_rows: bool = False
    has_directives: bool = False


@dataclass(slots=True)
class _Odd:
    """A record of another width than the table; `place` is its number among those of the block."""

    place: int
    start: int
    row: list[str]
    is_after_gap: bool


class CarefulReader:
    """Keeps what a block leaves open until the next one, and what may turn out to stand below the table."""

    def __init__(self, layout: Layout) -> None:
        self.records = 0
        self._layout = layout
        self._dialect = layout.dialect
        self._width = layout.width
        self._headers = {header for header in layout.headers if any(header)}
        self._open_lines: list[str] = []
        self._notes: list[RejectReason] = []
        self._is_after_gap = False
        self._first_cell = ""  # of the row that was read last
        self._other_width = 0  # of the table that stood at the end of the block before
        self._last_rows: list[list[str]] = []
        self.is_in_other_table = False  # as wide as this one, below a gap

    @property
    def is_waiting(self) -> bool:
        """Whether a record was begun whose end is in the next block."""
        return bool(self._open_lines)

    def read(self, block: Bytes, line: int) -> tuple[Chunk, int]:
        """The rows of a block that begins after `line` lines, and how many lines they took."""
        try:
            text, is_clean = block.decode("utf-8"), True
        except UnicodeDecodeError:
            text, is_clean = text_with_bytes(block), False
        lines = [*self._open_lines, *split_lines(text)]
        records = read_records(lines, self._dialect, is_last=False)
        self._open_lines = [] if records.open_at is None else lines[records.open_at :]
        return self._chunk(records, lines, line, is_clean), len(lines) - len(self._open_lines)

    def finish(self, line: int) -> Chunk:
        """What is left at the end of the file: a quote that was not closed, and the lines it swallowed."""
        lines, self._open_lines = self._open_lines, []
        chunk = self._chunk(read_records(lines, self._dialect, is_last=True), lines, line, is_clean=False)
        for note in self._notes:
            chunk.named.add(BELOW_TABLE, note.line, note.raw)
        self._notes = []
        return chunk

    def forget(self) -> None:
        """What was left open: the next block does not follow upon this one."""
        self._open_lines, self._notes, self._last_rows = [], [], []
        self._is_after_gap, self._other_width, self.is_in_other_table = False, 0, False

    def follow(self, chunk: Chunk) -> list[RejectReason]:
        """Of a chunk that was read by others: what could have been notes above it are rejects."""
        start = max(0, chunk.row_count - LOOKED_AT)
        self._last_rows = list(
            map(list, zip(*(column.slice(start).to_pylist() for column in chunk.columns), strict=True))
        )
        return self.rows_follow()

    def rows_follow(self) -> list[RejectReason]:
        """Rows came after what could have been notes at the end: these are rejects."""
        notes, self._notes = self._notes, []
        self._other_width, self._is_after_gap = 0, False
        return notes

    def _chunk(self, records: Records, lines: list[str], line: int, is_clean: bool) -> Chunk:
        self.records += len(records)
        rows, starts, named = records.rows, records.starts, Named()
        rejects = [
            self._reject(line + start + 1, code, lines[start], cells=lenient_cells(lines[start], self._dialect))
            for start, code in records.faults
        ]
        is_odd = not is_clean or any("\0" in text for text in lines)
        is_odd = is_odd or bool(self._notes) or self.is_in_other_table or set(map(len, rows)) != {self._width}
        if is_odd or self._has_left_out(rows):
            rows, starts = self._sifted(rows, starts, lines, line, rejects, named)
        self._last_rows = rows[-LOOKED_AT:] or self._last_rows
        rejects.sort(key=lambda reject: reject.line)
        columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
        return Chunk(
            columns=columns or [pa.array([], pa.string())] * self._width,
            line_of=lambda row: line + starts[row] + 1,
            raw_of=lambda row: _raw(lines, starts[row], rows[row]),
            rejects=rejects,
            named=named,
        )

    def _has_left_out(self, rows: list[list[str]]) -> bool:
        """Whether one of these rows, all of the right width, is none."""
        if any(not "".join(row).strip() or is_rule_row(row) for row in rows):
            return True
        if any(map(self._is_directive, rows)):
            return True
        return any(list(header) in rows for header in self._headers)

    def _is_directive(self, row: Sequence[str]) -> bool:
        return self._layout.has_directives and row[0].startswith(DIRECTIVE)

    def _sifted(
        self,
        rows: list[list[str]],
        starts: list[int],
        lines: list[str],
        line: int,
        rejects: list[RejectReason],
        named: Named,
    ) -> tuple[list[list[str]], list[int]]:
        """Without blank lines, and with the rows that cannot be used among the rejects."""
        good: list[list[str]] = []
        good_starts: list[int] = []
        odd: list[_Odd] = []
        for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
            if reason := self._nothing(row):
                named.add(reason, line + start + 1)
                self._is_after_gap = True
                continue
            if self._is_directive(row):
                named.add(HEADER, line + start + 1)
                if names_fields(row[0]):  # others from here on, or those of the first ones again
                    self.is_in_other_table = tuple(row) not in self._headers
                continue
            cells = self._fitted(row)
            if tuple(row) in self._headers or tuple(cells) in self._headers:
                self.is_in_other_table = False
                rejects.append(self._reject(line + start + 1, "header_again", _raw(lines, start, row)))
            elif self._is_of_other_table(cells, good, rows[place + 1] if place + 1 < len(rows) else None):
                rejects.append(self._reject(line + start + 1, "other_table", _raw(lines, start, row), cells=row))
            elif len(cells) != self._width:
                odd.append(_Odd(place, start, row, self._is_after_gap))
            elif code := self._fault(cells):
                rejects.append(self._reject(line + start + 1, code, _raw(lines, start, row), cells=row))
            else:
                good.append(cells)
                good_starts.append(start)
            self._is_after_gap = False
        self._first_cell = good[-1][0] if good else self._first_cell
        self._tell_apart(odd, lines, line, rejects, good_starts[-1] if good_starts else -1)
        return good, good_starts

    def _is_of_other_table(self, cells: list[str], good: list[list[str]], following: list[str] | None) -> bool:
        """From the names of another table on, until the header of this one comes again."""
        if not self.is_in_other_table and self._is_after_gap and len(cells) == self._width:
            above = good[-LOOKED_AT:] or self._last_rows
            self.is_in_other_table = begins_other_table(above, cells, following)
        return self.is_in_other_table and len(cells) > 1

    def _nothing(self, row: list[str]) -> str | None:
        """Why a record without any text is no row. An empty quoted cell is one of a table of one column."""
        if is_rule_row(row) and len(row) == self._width:
            return DELIMITERS_ONLY
        if self._dialect.is_framed and len(row) == 1 < self._width and is_ruler(row):
            return DELIMITERS_ONLY
        if "".join(row).strip() or row == [""] * self._width == [""]:
            return None
        return DELIMITERS_ONLY if len(row) > 1 else BLANK

    def _fitted(self, row: list[str]) -> list[str]:
        if len(row) > self._width and not any(row[self._width :]):
            return row[: self._width]  # delimiters at the end of a line are no cells
        if len(row) < self._width and self._layout.pads_short_rows and not (len(row) == 1 and self._is_after_gap):
            return row + [""] * (self._width - len(row))
        return row

    def _tell_apart(
        self, odd: list[_Odd], lines: list[str], line: int, rejects: list[RejectReason], last_good: int
    ) -> None:
        """Rows of another table, notes below this one, and rows that are cut short or too long."""
        if last_good >= 0:
            rejects.extend(self.rows_follow())
        for run in _runs(odd):
            width = len(run[0].row)
            goes_on = run[0].place == 0 and self._other_width == width
            is_other = width > 1 and (goes_on or is_head_of_table([one.row for one in run]))
            for one in run:
                code = "too_few_cells" if width < self._width else "too_many_cells"
                reject = self._reject(
                    line + one.start + 1,
                    "other_table" if is_other else code,
                    _raw(lines, one.start, one.row),
                    found=width,
                    cells=one.row,
                )
                if one.start > last_good and self._is_note(one):
                    self._notes.append(reject)
                else:
                    rejects.append(reject)
            self._other_width = width if is_other else 0
        if len(self._notes) > _MOST_NOTES:
            rejects.extend(self._notes)
            self._notes = []

    def _is_note(self, one: _Odd) -> bool:
        texts = [cell.strip() for cell in one.row if cell.strip()]
        if any(is_ruler([note.raw]) for note in self._notes):
            return True  # below a line that is drawn under the table; rows that fit would end this
        if len(texts) > 1 and one.is_after_gap and all(cell.startswith(" ") for cell in one.row[1:]):
            return not any(map(is_value, texts))  # a sentence with commas
        if len(texts) != 1 or self._width < 2 or is_value(texts[0]) or _looks_like(texts[0], self._first_cell):
            return False
        return is_sentence(texts[0]) or one.is_after_gap or bool(self._notes)

    def _fault(self, row: list[str]) -> str | None:
        text = "".join(row)
        if "\0" in text:
            return "nul_character"
        return None if text.isascii() or _is_text(text) else "bad_encoding"

    def _reject(
        self, line: int, code: str, raw: str, *, found: int = 0, cells: Sequence[str] | None = None
    ) -> RejectReason:
        parameters: dict[str, dict[str, Any]] = {
            "too_few_cells": {"found": found, "expected": self._width},
            "too_many_cells": {"found": found, "expected": self._width},
            "bad_encoding": {"encoding": self._layout.encoding.upper()},
            "cell_too_large": {"limit": MAX_CELL},
        }
        return RejectReason(
            line=line, code=code, raw=raw.rstrip("\r\n"), parameters=parameters.get(code, {}), cells=cells
        )


def _runs(odd: Sequence[_Odd]) -> Iterator[list[_Odd]]:
    """Records of the same width, one after the other."""
    run: list[_Odd] = []
    for one in odd:
        if run and (len(one.row) != len(run[0].row) or one.place != run[-1].place + 1):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _looks_like(text: str, other: str) -> bool:
    """But for its numbers: `person 12` is a row cut short where the one above begins with `person 11`."""
    return re.sub(r"\d+", "0", text) == re.sub(r"\d+", "0", other.strip()) and any(map(str.isdigit, text))


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _raw(lines: list[str], start: int, row: Sequence[str]) -> str:
    return "".join(lines[start : start + line_count(row)]).rstrip("\r\n")
