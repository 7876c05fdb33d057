"""Read the records of some lines exactly: each knows the physical line where it starts, and what is wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from server.datasets.chunks import Chunk
from server.datasets.dialect import Dialect
from server.datasets.rejects import Reject

_MAX_CELL = 1024 * 1024  # characters; an unclosed quote costs this much before it is noticed


def split_lines(text: str) -> list[str]:
    """Physical lines with their ends: `\\n`, `\\r\\n` or `\\r`, and nothing else that Unicode calls a line end."""
    if "\r" in text:
        return list(io.StringIO(text, newline=""))
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


@dataclass(slots=True)
class _Records:
    """Records of one run over some lines, with the index of the line at which each starts."""

    rows: list[list[str]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def note_starts(self, done: int, start: int, *, lines_read: int | None) -> int:
        """Remember where each record from number `done` on starts; returns the line after the last of them.

        `lines_read` is None when reading ended within a record.
        """
        new = self.rows[done:]
        if lines_read == len(new):
            self.starts.extend(range(start, start + len(new)))
            return start + len(new)
        for row in new:
            self.starts.append(start)
            start += 1 + sum(_line_breaks(cell) for cell in row)
        return start


class CarefulReader:
    """Python's own CSV reader over physical lines, so that every record knows where it starts.

    A quote that is never closed swallows lines until something contradicts it (a quote where none may stand, a cell
    of a megabyte, the end of the file). Then only its own line is rejected, and reading goes on at the next one.
    """

    def __init__(self, dialect: Dialect, width: int, encoding: str) -> None:
        self._arguments = dialect.arguments()
        self._width = width
        self._encoding = encoding
        self._open_lines: list[str] = []
        csv.field_size_limit(_MAX_CELL)

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
        self._open_lines = []
        records = self._records(lines, line, is_last=False)
        return self._chunk(records, lines, line, is_clean), len(lines) - len(self._open_lines)

    def finish(self, line: int) -> Chunk:
        """What is left at the end of the file: a quote that was not closed, and the lines it swallowed."""
        lines, self._open_lines = self._open_lines, []
        return self._chunk(self._records(lines, line, is_last=True), lines, line, is_clean=False)

    def forget(self) -> None:
        self._open_lines = []

    def _records(self, lines: list[str], line: int, *, is_last: bool) -> _Records:
        records = _Records()
        start = 0
        while start < len(lines):
            run, done, fault = start, len(records.rows), ""
            reader = csv.reader(lines[run:], strict=True, **self._arguments)
            try:
                records.rows.extend(reader)  # what was read before an error stays
            except csv.Error as error:
                fault = str(error)
            start = records.note_starts(done, run, lines_read=None if fault else reader.line_num)
            if not fault:
                break
            if "unexpected end" in fault and not is_last and sum(map(len, lines[start:])) <= _MAX_CELL:
                self._open_lines = lines[start:]
                break
            code = _error_code(fault, reader.line_num - (start - run))
            records.rejects.append(self._reject(line + start + 1, code, lines[start]))
            start += 1
        return records

    def _chunk(self, records: _Records, lines: list[str], line: int, is_clean: bool) -> Chunk:
        rows, starts, rejects = records.rows, records.starts, records.rejects
        is_odd = not is_clean or any("\0" in text for text in lines)
        if is_odd or set(map(len, rows)) != {self._width}:
            rows, starts = self._sifted(rows, starts, lines, line, rejects)
        rejects.sort(key=lambda reject: reject.line)

        def raw_of(row: int) -> str:
            return _raw(lines, starts[row], rows[row])

        columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)] if rows else []
        return Chunk(
            columns=columns or [pa.array([], pa.string())] * self._width,
            line_of=lambda row: line + starts[row] + 1,
            raw_of=raw_of,
            rejects=rejects,
        )

    def _sifted(
        self, rows: list[list[str]], starts: list[int], lines: list[str], line: int, rejects: list[Reject]
    ) -> tuple[list[list[str]], list[int]]:
        """Without blank lines, and with the rows that cannot be used among the rejects."""
        good, good_starts = [], []
        for row, start in zip(rows, starts, strict=True):
            if not row or (len(row) == 1 < self._width and not row[0].strip()):
                continue
            if len(row) > self._width and not any(row[self._width :]):
                row = row[: self._width]  # delimiters at the end of the line
            code = self._fault(row)
            if code:
                rejects.append(self._reject(line + start + 1, code, _raw(lines, start, row), found=len(row)))
                continue
            good.append(row)
            good_starts.append(start)
        return good, good_starts

    def _fault(self, row: list[str]) -> str | None:
        if len(row) != self._width:
            return "too_few_cells" if len(row) < self._width else "too_many_cells"
        text = "".join(row)
        if "\0" in text:
            return "nul_character"
        return None if text.isascii() or _is_text(text) else "bad_encoding"

    def _reject(self, line: int, code: str, raw: str, *, found: int = 0) -> Reject:
        parameters: dict[str, dict[str, Any]] = {
            "too_few_cells": {"found": found, "expected": self._width},
            "too_many_cells": {"found": found, "expected": self._width},
            "bad_encoding": {"encoding": self._encoding.upper()},
            "cell_too_large": {"limit": _MAX_CELL},
        }
        return Reject(line=line, code=code, raw=raw.rstrip("\r\n"), parameters=parameters.get(code, {}))


def _error_code(error: str, lines_used: int) -> str:
    if "field limit" in error and lines_used <= 1:
        return "cell_too_large"
    return "stray_quote" if lines_used <= 1 and "expected after" in error else "unclosed_quote"


def _line_breaks(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _raw(lines: list[str], start: int, row: Sequence[str]) -> str:
    count = 1 + sum(_line_breaks(cell) for cell in row)
    return "".join(lines[start : start + count]).rstrip("\r\n")
