"""Read blocks of lines record by record: slower than Arrow, but exact about what is wrong, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from server.datasets.chunks import Chunk
from server.datasets.dialect import Dialect
from server.datasets.records import MAX_CELL, Records, line_count, read_records, split_lines
from server.datasets.rejects import RejectReason


class CarefulReader:
    """Keeps what a block leaves open until the next one."""

    def __init__(self, dialect: Dialect, width: int, encoding: str) -> None:
        self._dialect = dialect
        self._width = width
        self._encoding = encoding
        self._open_lines: list[str] = []

    @property
    def is_waiting(self) -> bool:
        """Whether a record was begun whose end is in the next block."""
        return bool(self._open_lines)

    def read(self, block: bytes, line: int) -> tuple[Chunk, int]:
        """The rows of a block that begins after `line` lines, and how many lines they took."""
        try:
            text, is_clean = block.decode("utf-8"), True
        except UnicodeDecodeError:
            text, is_clean = block.decode("utf-8", "surrogateescape"), False
        lines = [*self._open_lines, *split_lines(text)]
        records = read_records(lines, self._dialect, is_last=False)
        self._open_lines = [] if records.open_at is None else lines[records.open_at :]
        return self._chunk(records, lines, line, is_clean), len(lines) - len(self._open_lines)

    def finish(self, line: int) -> Chunk:
        """What is left at the end of the file: a quote that was not closed, and the lines it swallowed."""
        lines, self._open_lines = self._open_lines, []
        return self._chunk(read_records(lines, self._dialect, is_last=True), lines, line, is_clean=False)

    def forget(self) -> None:
        self._open_lines = []

    def _chunk(self, records: Records, lines: list[str], line: int, is_clean: bool) -> Chunk:
        rows, starts = records.rows, records.starts
        rejects = [self._reject(line + start + 1, code, lines[start]) for start, code in records.faults]
        is_odd = not is_clean or any("\0" in text for text in lines)
        if is_odd or set(map(len, rows)) != {self._width}:
            rows, starts = self._sifted(rows, starts, lines, line, rejects)
        rejects.sort(key=lambda reject: reject.line)
        columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
        return Chunk(
            columns=columns or [pa.array([], pa.string())] * self._width,
            line_of=lambda row: line + starts[row] + 1,
            raw_of=lambda row: _raw(lines, starts[row], rows[row]),
            rejects=rejects,
        )

    def _sifted(
        self, rows: list[list[str]], starts: list[int], lines: list[str], line: int, rejects: list[RejectReason]
    ) -> tuple[list[list[str]], list[int]]:
        """Without blank lines, and with the rows that cannot be used among the rejects."""
        good, good_starts = [], []
        for row, start in zip(rows, starts, strict=True):
            if not row or (len(row) == 1 < self._width and not row[0].strip()):
                continue
            # Delimiters at the end of a line are no cells.
            cells = row[: self._width] if len(row) > self._width and not any(row[self._width :]) else row
            code = self._fault(cells)
            if code:
                rejects.append(self._reject(line + start + 1, code, _raw(lines, start, row), found=len(row)))
                continue
            good.append(cells)
            good_starts.append(start)
        return good, good_starts

    def _fault(self, row: list[str]) -> str | None:
        if len(row) != self._width:
            return "too_few_cells" if len(row) < self._width else "too_many_cells"
        text = "".join(row)
        if "\0" in text:
            return "nul_character"
        return None if text.isascii() or _is_text(text) else "bad_encoding"

    def _reject(self, line: int, code: str, raw: str, *, found: int = 0) -> RejectReason:
        parameters: dict[str, dict[str, Any]] = {
            "too_few_cells": {"found": found, "expected": self._width},
            "too_many_cells": {"found": found, "expected": self._width},
            "bad_encoding": {"encoding": self._encoding.upper()},
            "cell_too_large": {"limit": MAX_CELL},
        }
        return RejectReason(line=line, code=code, raw=raw.rstrip("\r\n"), parameters=parameters.get(code, {}))


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _raw(lines: list[str], start: int, row: Sequence[str]) -> str:
    return "".join(lines[start : start + line_count(row)]).rstrip("\r\n")
