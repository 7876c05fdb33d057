"""Why rows are left out, and the list of them: one JSON line a bad cell, in the order in which they were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from server.datasets.shown_text import shown_text
from server.errors import FileProblem
from server.storage.full_disk import full_disk_named
from server.texts import Phrase, phrase

_RAW_CHARACTERS = 2_000  # enough to find the row in the file; a record can be megabytes
_CELL_CHARACTERS = 120
_ROW_CHARACTERS = 20_000  # of all cells of a row that can be corrected in place
EARLY_RECORDS = 10_000  # of which more than so often the allowed share is wrong: then a file is given up early
EARLY_FACTOR = 2

# Every reason, and what to tell about it. `{value}` is the cell.
REASONS: dict[str, str] = {
    "too_few_cells": "The row has {found} cells; {expected} are expected.",
    "too_many_cells": "The row has {found} cells; {expected} are expected. Quote cells that hold the delimiter.",
    "header_again": "The row is the header once more.",
    "other_table": "The row belongs to another table in this file; import it from a file of its own.",
    "unclosed_quote": "A quote opens here and is not closed.",
    "stray_quote": "A quote stands within a quoted cell; write it twice.",
    "nul_character": "The cell holds a NUL character; the file may be damaged.",
    "bad_encoding": "The cell holds bytes that are not {encoding}.",
    "cell_too_large": "A cell of this row is larger than {limit} characters.",
    "excel_error": "The cell holds the error {value}.",
    "outside_columns": "Something stands between the columns; each must keep its place in the line.",
    "not_corrected": "The row still says why it was rejected before: “{value}”. Correct it, and empty that cell.",
    "not_an_object": "The line is not a JSON object.",
    "not_a_row": "The line is not a JSON list.",
    "unknown_field": "The field “{value}” is not among the columns.",
    "repeated_name": "The name “{value}” occurs twice in this object, so one of its values would be lost.",
    "not_a_number": "“{value}” is not a number.",
    "code_not_number": "As a number, “{value}” would lose how it is written; read the column as text.",
    "not_a_whole_number": "“{value}” is not a whole number.",
    "number_too_large": "“{value}” is too large a number.",
    "too_many_digits": "“{value}” has too many digits for this column, which holds 38; read it as “float” or “text”.",
    "not_a_truth_value": "“{value}” is neither true nor false.",
    "not_a_date": "“{value}” is not a date.",
    "not_a_datetime": "“{value}” is not a date and time.",
    "no_offset": "“{value}” has no offset from UTC, so nobody knows when it was; read the column as “datetime”.",
    "required": "The cell is empty, but a value is required.",
    "not_unique": "“{value}” occurs before in this column, which must be unique.",
    "key_taken": "This import or a later one has brought “{value}” already, and the corrected row would overwrite it. "
    "If it should, import it by itself.",
    "below_minimum": "“{value}” is below the minimum, {limit}.",
    "above_maximum": "“{value}” is above the maximum, {limit}.",
    "not_one_of": "“{value}” is not one of the allowed values: {limit}.",
    "too_short": "“{value}” has fewer characters than {limit}.",
    "too_long": "“{value}” has more characters than {limit}.",
    "pattern_mismatch": "“{value}” does not match the pattern {limit}.",
    "not_in_reference": "“{value}” does not occur in the column “{column}” of the dataset “{dataset}”.",
}
# The file was read as it was meant; its values are not as somebody wants them.
BY_RULE = frozenset(
    {
        "required", "not_unique", "below_minimum", "above_maximum", "not_one_of", "too_short", "too_long",
        "pattern_mismatch", "not_in_reference", "not_corrected",
    }
)  # fmt: skip
HINT = "Empty this cell once the row is right."  # after the reasons in a file of rejects, for whoever corrects it


class RejectReason(msgspec.Struct, gc=False):
    """One reason to leave a row out. `line` is the physical line (or sheet row) where its record starts, from 1.

    `cells` are those of the row as far as they can be told, for whoever corrects it.
    """

    line: int
    code: str
    raw: str
    column: str | None = None
    parameters: dict[str, Any] = {}
    cells: Sequence[str | None] | None = None


def shortened(text: str, limit: int = _CELL_CHARACTERS) -> str:
    """What can be shown and stored: not too long, no lone surrogates (they stand for bytes that were not text)."""
    text = text if len(text) <= limit else f"{text[:limit]}…"
    return shown_text(text)


class _Listed(msgspec.Struct, gc=False):
    """A line of the list; the first of a row has its cells."""

    line: int
    column: str | None
    code: str
    message: str
    parameters: dict[str, Any]
    raw: str
    cells: list[str | None] | msgspec.UnsetType = msgspec.UNSET


_BUFFER = 256 * 1024
_WRITTEN_TOGETHER = 1_000  # records


class RejectWriter:
    """The file of rejects while it is written. Counts rows, however many of their cells are bad."""

    def __init__(self, path: Path, *, limit: int, share: float | None = None) -> None:
        """`limit` is a number of rows, `share` (0 to 1) of all rows, rejected or not."""
        self.row_count = 0
        self.by_code: Counter[str] = Counter()
        self.first: RejectReason | None = None
        self.lines: set[int] | None = None  # where somebody wants to know them
        self._limit = limit
        self._share = share
        self._last: RejectReason | None = None
        self._path = path
        self._stream = path.open("wb", buffering=_BUFFER)
        self._encoder = msgspec.json.Encoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with full_disk_named():
            self._stream.close()

    def add_row(self, reasons: list[RejectReason]) -> None:
        """All that is wrong with one row. Raises `FileProblem` past the limit: the file is not what it seemed."""
        self.add_rows([reasons])

    def add_rows(self, rows: Iterable[list[RejectReason]]) -> None:
        records: list[_Listed] = []
        try:
            for reasons in rows:
                records += _records(reasons)
                self._count(reasons)
                if len(records) >= _WRITTEN_TOGETHER:
                    self._write(records)
                    records = []
        finally:
            self._write(records)

    def _write(self, records: list[_Listed]) -> None:
        with full_disk_named():
            self._stream.write(self._encoder.encode_lines(records))

    def _count(self, reasons: list[RejectReason]) -> None:
        self.row_count += 1
        self.by_code[reasons[0].code] += 1
        self.first = self.first or reasons[0]
        self._last = reasons[0]
        if self.lines is not None:
            self.lines.add(reasons[0].line)
        if self.row_count > self._limit:
            first = reasons[0]
            raise FileProblem(
                "More rows than the limit of {limit} had to be rejected, the last one in {place}: {reason} Check the "
                "delimiter, the encoding and the column types.",
                code="too_many_rejects",
                limit=self._limit,
                line=first.line,
                column=first.column or "",
                place=_place_of(first),
                reason=phrase(REASONS[first.code], **first.parameters),
            )

    def judge(self, row_count: int, *, is_end: bool) -> None:
        """Raises `FileProblem` past the share: at the end, and before, when it is clear what kind of file it is.

        Wrong rows may stand together, so that in the middle of a file the share of those read so far says little of it.
        """
        if self._share is None or self._last is None:
            return
        records = row_count + self.row_count
        if not is_end and records < EARLY_RECORDS:
            return
        allowed = self._share if is_end else self._share * EARLY_FACTOR
        if self.row_count <= allowed * records:
            return
        last = self._last
        raise FileProblem(
            "{rejected} of {rows} rows had to be rejected, which is more than {percent} %. The last one is in {place}: "
            "{reason} Check the delimiter, the encoding and the column types.",
            code="too_many_rejects",
            rejected=self.row_count,
            rows=records,
            percent=f"{self._share * 100:g}",
            line=last.line,
            column=last.column or "",
            place=_place_of(last),
            reason=phrase(REASONS[last.code], **last.parameters),
        )

    @property
    def rows_left(self) -> int:
        """How many rows more may be rejected."""
        return self._limit - self.row_count

    def flush(self) -> None:
        with full_disk_named():
            self._stream.flush()


def _place_of(reason: RejectReason) -> Phrase:
    if reason.column is None:
        return phrase("line {line}", line=reason.line)
    return phrase("line {line}, column “{column}”", line=reason.line, column=reason.column)


def _kept_cells(cells: Sequence[str | None]) -> list[str | None] | None:
    """Whole, or not at all: what was cut could not be imported."""
    is_full = all(cells)
    text = "".join(cells if is_full else filter(None, cells))  # type: ignore[arg-type]
    if len(text) > _ROW_CHARACTERS:
        return None
    if "\0" not in text and shown_text(text) is text:
        return list(cells) if is_full else [cell or None for cell in cells]
    return [shortened(cell, _ROW_CHARACTERS).replace("\0", "\ufffd") if cell else None for cell in cells]


def _listed(reason: RejectReason) -> _Listed:
    raw = shortened(reason.raw, _RAW_CHARACTERS)
    return _Listed(reason.line, reason.column, reason.code, REASONS[reason.code], reason.parameters, raw)


def _records(reasons: list[RejectReason]) -> list[_Listed]:
    records = list(map(_listed, reasons))
    for reason in reasons:
        if reason.cells is not None:
            if (cells := _kept_cells(reason.cells)) is not None:
                records[0].cells = cells
            break
    return records
