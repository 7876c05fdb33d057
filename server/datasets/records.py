"""Split physical lines into records, exactly: each knows the line where it starts, and no quote swallows the rest."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.datasets.dialect import Dialect

MAX_CELL = 1024 * 1024  # characters; an unclosed quote costs this much before it is noticed


@dataclass(slots=True)
class Records:
    """Rows with the index of the line at which each starts; `faults` are lines left out, by index, and why.

    `open_at` is the line where a record starts whose end is not among the lines.
    """

    rows: list[list[str]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    open_at: int | None = None

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
            start += line_count(row)
        return start


def read_records(lines: Sequence[str], dialect: Dialect, *, is_last: bool) -> Records:
    """A quote that is never closed swallows lines until something contradicts it: a quote where none may stand, a
    cell of a megabyte, the end of the file. Then only its own line is left out, and reading goes on at the next.
    """
    csv.field_size_limit(MAX_CELL)
    arguments = dialect.arguments()
    records = Records()
    start = 0
    while start < len(lines):
        run, done, fault = start, len(records.rows), ""
        reader = csv.reader(lines[run:] if run else lines, strict=True, **arguments)
        try:
            records.rows.extend(reader)  # what was read before an error stays
        except csv.Error as error:
            fault = str(error)
        start = records.note_starts(done, run, lines_read=None if fault else reader.line_num)
        if not fault:
            break
        if "unexpected end" in fault and not is_last and _are_short(lines[start:]):
            records.open_at = start
            break
        records.faults.append((start, _reason(fault, reader.line_num - (start - run))))
        start += 1
    return records


def split_lines(text: str) -> list[str]:
    """Physical lines with their ends: `\\n`, `\\r\\n` or `\\r`, and nothing else that Unicode calls a line end."""
    if "\r" in text:
        return list(io.StringIO(text, newline=""))
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def line_count(row: Sequence[str]) -> int:
    """How many physical lines a record took."""
    return 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)


def _are_short(lines: Sequence[str]) -> bool:
    return sum(map(len, lines)) <= MAX_CELL


def _reason(fault: str, lines_used: int) -> str:
    if "field limit" in fault and lines_used <= 1:
        return "cell_too_large"
    return "stray_quote" if lines_used <= 1 and "expected after" in fault else "unclosed_quote"
