"""Find how a text file separates its cells, by trying on a sample and judging; then it is pinned for the whole file."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from server.datasets.dialect import Dialect
from server.datasets.records import read_records
from server.datasets.table_start import TITLE_LINES, is_value

DELIMITERS = (",", ";", "\t", "|", "，", "、", "^", "~")
_SAMPLE_RECORDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    score: float
    dialect: Dialect
    contradictions: int


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
        _best_escape(lines, Dialect(delimiter=candidate, quote=mark), prefer)
        for candidate in ((delimiter,) if delimiter else DELIMITERS)
        for mark in ((quote,) if quote is not None else _quotes(text, candidate))
        if delimiter or candidate in text
    ]
    if not found:
        return Dialect(quote='"' if quote is None else quote)
    best = max(found, key=lambda judged: judged.score)
    if delimiter is None and best.score < 0.2:  # a list with commas here and there: one column
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


def _best_escape(lines: Sequence[str], doubled: Dialect, prefer: str | None) -> _Judged:
    """A backslash before a quote may end a cell like `"C:\\"`: it escapes only where doubled quotes fail."""
    judged = _judged(lines, doubled, prefer)
    if not judged.contradictions or not doubled.quote or not any(f"\\{doubled.quote}" in line for line in lines):
        return judged
    escaped = _judged(lines, dataclasses.replace(doubled, escape="\\"), prefer)
    return max(judged, escaped, key=lambda one: (one.score, -one.contradictions))


def _judged(lines: Sequence[str], dialect: Dialect, prefer: str | None) -> _Judged:
    found = read_records(lines, dialect, is_last=False)
    records = found.rows[:_SAMPLE_RECORDS]
    contradictions = len(found.faults) + (found.open_at is not None)
    widths = Counter(len(record) for record in records if len(record) > 1)
    if not widths:
        return _Judged(score=0.0, dialect=dialect, contradictions=contradictions)
    # Wider wins a tie: rows that are cut short must not decide.
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    filled = [record for record in records if any(cell.strip() for cell in record)]
    titles = next((place for place, record in enumerate(filled) if len(record) >= width), 0)
    filled = filled[titles if titles <= TITLE_LINES else 0 :]
    # Delimiters at the end of a line are no cells.
    fitting = [record for record in filled if len(record) >= width and not any(record[width:])]
    if not fitting:  # delimiters, and nothing between them
        return _Judged(score=0.0, dialect=dialect, contradictions=contradictions)
    consistency = len(fitting) / (len(filled) + contradictions)
    cells = [cell for record in fitting for cell in record[:width]][:4000]
    quality = sum(_cell_quality(cell, dialect) for cell in cells) / len(cells)
    score = consistency**2 * quality * (1 - 1 / (width + 1)) ** 0.5
    if dialect.delimiter == prefer:
        score *= 1.1
    if dialect.delimiter in "^~、":  # characters of text, seldom of tables
        score *= 0.8
    return _Judged(score=score, dialect=dialect, contradictions=contradictions)


def _cell_quality(cell: str, dialect: Dialect) -> float:
    """Numbers, dates and short words are what cells hold; what holds another delimiter was perhaps not split."""
    if not cell.strip() or is_value(cell):
        return 1.0
    if dialect.quote and dialect.quote in cell.strip("'" if dialect.quote == "'" else ""):
        return 0.6
    if any(mark in cell for mark in DELIMITERS[:5] if mark != dialect.delimiter):
        return 0.3
    return 0.9
