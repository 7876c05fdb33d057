"""Split physical lines into records, exactly: each knows the line where it starts, and no quote swallows the rest."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.datasets.dialect import Dialect

_OPEN_LINES = 200  # a quote open for more is not closed, whatever comes after a sample
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

    def __len__(self) -> int:
        return len(self.rows) + len(self.faults)

    @property
    def contradictions(self) -> int:
        """How often the dialect does not explain the lines."""
        return len(self.faults) + (self.open_at is not None)

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
    lines = dialect.prepared(lines)
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
    records.rows = dialect.restored(records.rows)
    return records


def read_sample(lines: Sequence[str], dialect: Dialect, *, is_whole: bool) -> Records:
    """The records of a file's first lines. Where they end within one, that one is left out."""
    records = read_records(lines, dialect, is_last=is_whole)
    if records.open_at is not None and len(lines) - records.open_at > _OPEN_LINES:
        return read_records(lines, dialect, is_last=True)
    return records


def lenient_cells(line: str, dialect: Dialect) -> list[str]:
    """The cells of a line whose quotes are wrong, as well as they can be told."""
    line = dialect.prepared([line])[0].rstrip("\r\n")
    cells = [cell.strip() for cell in line.split(dialect.arguments()["delimiter"])]
    quote = dialect.arguments()["quotechar"] or ""
    return [cell[1:-1] if len(cell) > 1 and cell[0] == quote == cell[-1] else cell.strip(quote) for cell in cells]


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
