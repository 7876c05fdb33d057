"""How a text file separates its cells, found on a sample by trying and judging; then pinned for the whole file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.datasets.cells import read_moment, read_number, read_truth

DELIMITERS = (",", ";", "\t", "|", "，", "、", "^", "~")
_SAMPLE_RECORDS = 400
_TITLE_LINES = 30  # as far as a table may begin below its title


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`quote` is empty for none. `escape` is a backslash where quotes are written `\\"` instead of doubled."""

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None

    def arguments(self) -> dict[str, Any]:
        """For `csv.reader`."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "doublequote": self.escape is None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    score: float
    dialect: Dialect


def find_dialect(
    lines: Sequence[str], *, delimiter: str | None = None, quote: str | None = None, prefer: str | None = None
) -> Dialect:
    """The likeliest dialect of these lines (with their line ends); what is given stays as it is.

    `prefer` is the delimiter that the file's name suggests.
    """
    text = "".join(lines)
    if delimiter is None and (hint := re.match(r"\s*sep=(.)\r?\n", text)):  # Excel's own hint
        delimiter = hint[1]
    found = [
        _judged(lines, Dialect(delimiter=candidate, quote=mark, escape=_escape(text, mark)), prefer)
        for candidate in ((delimiter,) if delimiter else DELIMITERS)
        for mark in ((quote,) if quote is not None else _quotes(text, candidate))
        if delimiter or candidate in text
    ]
    if not found:
        return Dialect(quote='"' if quote is None else quote)
    best = max(found, key=lambda judged: judged.score)
    if delimiter is None and best.score < 0.3:  # a list with commas here and there: one column
        return Dialect(delimiter=_unused(text), quote=best.dialect.quote, escape=best.dialect.escape)
    return best.dialect


def _unused(text: str) -> str:
    return next((mark for mark in (",", "\t", ";", "|", "\x1f") if mark not in text), "\x1f")


def _quotes(text: str, delimiter: str) -> tuple[str, ...]:
    """Apostrophes quote only where they stand at both ends of cells; else they are apostrophes."""
    edge = re.escape(delimiter)
    if '"' not in text and len(re.findall(rf"(?:^|{edge})'[^'\n]*'(?={edge}|\r?$)", text, re.MULTILINE)) >= 2:
        return ("'", '"')
    return ('"',)


def _escape(text: str, quote: str) -> str | None:
    if not quote or f"\\{quote}" not in text:
        return None
    return "\\" if len(re.findall(rf"[^\\{quote}\s,;|]{quote}{quote}[^{quote}]", text)) == 0 else None


def _judged(lines: Sequence[str], dialect: Dialect, prefer: str | None) -> _Judged:
    records = read_sample(lines, dialect)[:_SAMPLE_RECORDS]
    widths = Counter(len(record) for record in records if len(record) > 1)
    if not widths:
        return _Judged(score=0.0, dialect=dialect)
    # Wider wins a tie: rows that are cut short must not decide.
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    filled = [record for record in records if any(cell.strip() for cell in record)]
    consistency = count / max(1, len(filled))
    cells = [cell for record in filled if len(record) == width for cell in record][:4000]
    quality = sum(_cell_quality(cell, dialect) for cell in cells) / len(cells)
    score = consistency**2 * quality * (1 - 1 / (width + 1)) ** 0.5
    if dialect.delimiter == prefer:
        score *= 1.1
    if dialect.delimiter in "^~、":  # characters of text, seldom of tables
        score *= 0.8
    return _Judged(score=score, dialect=dialect)


def _cell_quality(cell: str, dialect: Dialect) -> float:
    """Numbers, dates and short words are what cells hold; what holds another delimiter was perhaps not split."""
    if not cell.strip() or is_value(cell):
        return 1.0
    if dialect.quote and dialect.quote in cell.strip("'" if dialect.quote == "'" else ""):
        return 0.6
    if any(mark in cell for mark in DELIMITERS[:5] if mark != dialect.delimiter):
        return 0.3
    return 0.9


def is_value(cell: str) -> bool:
    """A number or a date, in any notation: what headers do not hold, and what a wrong delimiter tears apart."""
    if not any(character.isdigit() for character in cell):
        return False
    return (
        read_number(cell, ".") is not None or read_number(cell, ",") is not None or read_moment(cell, "DMY") is not None
    )


def read_sample(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Records without regard to errors. An unclosed quote must not swallow the sample, hence the second try."""
    try:
        records = list(csv.reader(lines, **dialect.arguments()))
    except csv.Error:
        records = []
    if len(records) * 4 < len(lines):
        try:
            by_line = [row for line in lines for row in csv.reader([line], **dialect.arguments())]
        except csv.Error:
            return records
        return by_line
    return records


def table_start(records: Sequence[Sequence[str]]) -> int:
    """How many records (titles, notes, blank ones) stand above the table."""
    widths = Counter(len(record) for record in records if len(record) > 1)
    if not widths:
        return next((index for index, record in enumerate(records) if any(cell.strip() for cell in record)), 0)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    for index, record in enumerate(records[:_TITLE_LINES]):
        filled = sum(1 for cell in record if cell.strip())
        if len(record) < width and len(record) <= max(1, width - 1) and not _header_cut_short(records, index, width):
            continue
        # A title in an export of Excel: one cell, and delimiters up to the width of the table below.
        if filled <= 1 < width - 1 and _filled_below(records, index) > 2:
            continue
        return index
    return 0


def _header_cut_short(records: Sequence[Sequence[str]], index: int, width: int) -> bool:
    """Rows may be one cell wider than their header (a delimiter at the end of each line)."""
    record = records[index]
    return len(record) == width - 1 > 1 and all(cell.strip() for cell in record)


def _filled_below(records: Sequence[Sequence[str]], index: int) -> int:
    below = [sum(1 for cell in record if cell.strip()) for record in records[index + 1 : index + 20]]
    return max(below, default=0)


def has_header(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first record names the columns of those below."""
    if not records:
        return False
    first, below = records[0], [record for record in records[1:200] if record]
    named = [cell.strip() for cell in first if cell.strip()]
    if not named:
        return bool(below)
    values = [cell for cell in named if is_value(cell)]
    if values:
        return len(values) < len(named) and _are_years(values)
    if not below:
        return True
    if all(read_truth(cell) is not None for cell in named):
        return False
    repeated = sum(
        1
        for position, cell in enumerate(first)
        if cell.strip() and any(len(record) > position and record[position].strip() == cell.strip() for record in below)
    )
    return repeated == 0


def _are_years(values: Sequence[str]) -> bool:
    """A cross table has years as its column names: `Product, 2024, 2025`."""
    return len(set(values)) == len(values) and all(re.fullmatch(r"(?:19|20)\d\d年?", value.strip()) for value in values)
