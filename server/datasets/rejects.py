"""Why rows are left out, and the list of them: one JSON line a bad cell, in the order in which they were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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


class RejectReason(msgspec.Struct, gc=False, kw_only=True):
    """One reason to leave a row out, and a line of the list. `line` is the physical line (or sheet row) where its
    record starts, from 1.

    `cells` are those of the row as far as they can be told, for whoever corrects it; the first reason of a row has
    them. The list says what they are in `message`, which is written by it.
    """

    line: int
    column: str | None = None
    code: str
    message: str = ""
    parameters: dict[str, Any] = {}
    raw: str = ""
    cells: Sequence[str | None] | msgspec.UnsetType | None = msgspec.UNSET


def shortened(text: str, limit: int = _CELL_CHARACTERS) -> str:
    """What can be shown and stored: not too long, no lone surrogates (they stand for bytes that were not text)."""
    text = text if len(text) <= limit else f"{text[:limit]}…"
    return shown_text(text)


_BUFFER = 256 * 1024
_WRITTEN_TOGETHER = 1_000  # rows
_NUL = rb"\u0000"


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

    def add_rows(self, rows: Sequence[list[RejectReason]]) -> None:
        taken = rows[: self.rows_left + 1]
        for start in range(0, len(taken), _WRITTEN_TOGETHER):
            self._write([reason for found in taken[start : start + _WRITTEN_TOGETHER] for reason in _listed(found)])
        if not taken:
            return
        self.row_count += len(taken)
        self.by_code.update([reasons[0].code for reasons in taken])
        self.first = self.first or taken[0][0]
        self._last = last = taken[-1][0]
        if self.lines is not None:
            self.lines.update(reasons[0].line for reasons in taken)
        if self.row_count > self._limit:
            raise FileProblem(
                "More rows than the limit of {limit} had to be rejected, the last one in {place}: {reason} Check the "
                "delimiter, the encoding and the column types.",
                code="too_many_rejects",
                limit=self._limit,
                line=last.line,
                column=last.column or "",
                place=_place_of(last),
                reason=phrase(REASONS[last.code], **last.parameters),
            )

    def _write(self, records: list[RejectReason]) -> None:
        with full_disk_named():
            self._stream.write(self._lines_of(records))

    def _lines_of(self, records: list[RejectReason]) -> bytes:
        """Nearly all texts can be stored as they are, which is sooner found out by trying than by looking at each."""
        try:
            lines = self._encoder.encode_lines(records)
        except UnicodeEncodeError:
            lines = _NUL
        if _NUL not in lines:
            return lines
        for record in records:
            record.raw = shown_text(record.raw)
            if record.cells:
                record.cells = [cell and shown_text(cell).replace("\0", "\ufffd") for cell in record.cells]
        return self._encoder.encode_lines(records)

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


def _listed(reasons: list[RejectReason]) -> list[RejectReason]:
    """As they stand in the list: with nothing too long, and with the cells at the first of them."""
    cells: Sequence[str | None] | msgspec.UnsetType | None = None
    for reason in reasons:
        cells = cells or reason.cells
        reason.cells = msgspec.UNSET
        reason.message = REASONS[reason.code]
        if len(reason.raw) > _RAW_CHARACTERS:
            reason.raw = shortened(reason.raw, _RAW_CHARACTERS)
    if cells:
        reasons[0].cells = _kept_cells(cells)
    return reasons


def _kept_cells(cells: Sequence[str | None]) -> Sequence[str | None] | msgspec.UnsetType:
    """Whole, or not at all: what was cut could not be imported."""
    is_full = all(cells)
    characters = len("".join(cells if is_full else filter(None, cells)))  # type: ignore[arg-type]
    if characters > _ROW_CHARACTERS:
        return msgspec.UNSET
    return cells if is_full else [cell or None for cell in cells]
