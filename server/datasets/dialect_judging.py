"""How well a dialect explains the lines of a sample: the header, the rows, and what is left over."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.datasets.delimiter_candidates import DELIMITERS, RUNS, SAMPLE_RECORDS
from server.datasets.dialect import BLANK, BLANKS, SMART_QUOTES, Dialect
from server.datasets.header_finding import is_certain_header, is_value, kind_of
from server.datasets.notes_above import TITLE_LINES, below_notes, filled, is_comment, trimmed, usual_width
from server.datasets.records import read_sample
from server.datasets.seldom_delimiters import SELDOM
from server.datasets.table_start import main_table

_LEAST_SCORE = 0.2  # below, a list with commas here and there is one column
_LEAST_BESIDE_NAMES = 0.08  # where the first line names several columns
_FOOTERS = 5
_TITLE_COST = 0.15
_LEAST_PADDED = 3  # cells of a title that spreadsheets have filled up
_NOTE = re.compile(r"[A-Za-z][\w.-]*[:=]")  # `Branch=X`


@dataclass(frozen=True, slots=True)
class LineSample:
    lines: Sequence[str]
    is_whole: bool
    prefer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """`is_split`: the delimiter stands in the first line; `is_everywhere`: all records have as many cells as that.

    `is_torn`: the first line is one name, and what is below is one column of texts or of decimals.
    """

    score: float
    dialect: Dialect
    contradictions: int
    least: float = _LEAST_SCORE
    is_split: bool = False
    is_everywhere: bool = False
    is_torn: bool = False


def best_escape(sample: LineSample, plainly: Dialect) -> Judged:
    """Blanks around quotes, and a backslash before one, are what they seem only where the file is wrong without.

    A backslash before a quote may end a cell like `"C:\\"`: it escapes only where doubled quotes fail.
    """
    judged = _judged(sample, plainly)
    if not plainly.quote or plainly.quote in SMART_QUOTES:
        return judged
    if _are_spaced(sample.lines, plainly):
        spaced = _judged(sample, dataclasses.replace(plainly, is_spaced=True))
        judged = max(spaced, judged, key=lambda one: (-one.contradictions, one.score))
    if not judged.contradictions or not any(f"\\{plainly.quote}" in line for line in sample.lines):
        return judged
    escaped = _judged(sample, dataclasses.replace(judged.dialect, escape="\\"))
    return max(judged, escaped, key=lambda one: (one.score, -one.contradictions))


def _are_spaced(lines: Sequence[str], dialect: Dialect) -> bool:
    mark, quote = re.escape(dialect.delimiter), re.escape(dialect.quote)
    pattern = re.compile(rf"(?:^|{mark})[ \t]+{quote}|{quote}[ \t]+(?:{mark}|\r?\n?$)")
    return any(dialect.quote in line and pattern.search(line) is not None for line in lines)


def _judged(sample: LineSample, dialect: Dialect) -> Judged:
    """A delimiter explains the header and the rows: each line that does not fit counts against it."""
    found = read_sample(sample.lines, dialect, is_whole=sample.is_whole)
    notes = below_notes(found.rows[:SAMPLE_RECORDS]) or main_table(found.rows[:SAMPLE_RECORDS]) or 0
    records = [record for record in found.rows[notes:SAMPLE_RECORDS] if filled(record)]
    contradictions = found.contradictions
    nothing = Judged(score=0.0, dialect=dialect, contradictions=contradictions)
    width = usual_width(records)
    if width < 2:
        return nothing
    titles = _titles(records, width)
    core = records[titles : len(records) - _footers(records[titles:], width)]
    fitting = [record for record in core if len(record) >= width and not any(record[width:])]
    if not fitting:  # delimiters, and nothing between them
        return nothing
    explained = len(fitting) + sum(_partly(record, width, at) for at, record in enumerate(core))
    against = contradictions + _against(records[:titles], len(core), dialect, width) + notes * _TITLE_COST
    consistency = explained / (len(core) + against)
    cells = [cell for record in fitting for cell in record[:width]][:4000]
    quality = sum(_cell_quality(cell, dialect) for cell in cells) / len(cells)
    score = consistency**2 * quality * (1 - 1 / (width + 1)) ** 0.5
    if len(trimmed(core[0])) != width and not _fills_up(core[0], width):
        score *= 0.85  # the header is of another width than the rows
    if dialect.delimiter == sample.prefer:
        score *= 1.1
    if dialect.delimiter in "^~、" or dialect.delimiter in SELDOM:  # characters of text, seldom of tables
        score *= 0.8
    if dialect.delimiter in RUNS:
        score *= 0.9 if dialect.delimiter == BLANKS else 0.8
    is_named = titles == 0 and len(core[0]) > 1 and all(map(is_name, trimmed(core[0])))
    least = _LEAST_BESIDE_NAMES if is_named else _LEAST_SCORE
    own = [record for record in found.rows[:SAMPLE_RECORDS] if not is_comment(record)]
    is_split = len(next(filter(filled, own), [])) != 1
    return Judged(
        score=score,
        dialect=dialect,
        contradictions=contradictions,
        least=least,
        is_split=is_split,
        is_everywhere=dialect.delimiter not in RUNS and all(len(record) == width for record in records),
        is_torn=not is_split and _is_torn(own, dialect),
    )


def _is_torn(records: Sequence[Sequence[str]], dialect: Dialect) -> bool:
    """Whether one name stands right above lines that are one value or one text each, whatever marks are in them."""
    start = next((place for place, record in enumerate(records) if filled(record)), 0)
    name, below = records[start][0].strip(), records[start + 1 :]
    if is_value(name) or not below or not filled(below[0]):
        return False
    rows = [record for record in below if filled(record)]
    if dialect.delimiter == "," and all(kind_of(",".join(record)) in ("number", "") for record in rows):
        return True
    if is_certain_header(rows) or any(is_value(record[0]) or not all(map(str.strip, record)) for record in rows):
        return False
    parts = [cell for record in rows for cell in record[1:]]
    if sum(map(is_value, parts)) * 10 > len(parts):
        return False
    if all(cell.startswith(BLANK) for cell in parts):
        return True  # `Miller, Ann`
    return " " not in name and (len(set(map(len, rows))) > 1 or len(rows[0]) == 2)


def _titles(records: Sequence[Sequence[str]], width: int) -> int:
    """How many records stand above the first that could be one of the table."""
    for place, record in enumerate(records[:TITLE_LINES]):
        if filled(record) > 1 and not (is_comment(record) and len(record) != width):
            return place
    return 0


def _footers(records: Sequence[Sequence[str]], width: int) -> int:
    """Notes below the table, if a header and a row are left above them."""
    count = next((at for at, record in enumerate(reversed(records)) if len(record) > 1), len(records))
    return count if count <= _FOOTERS and len(records) - count >= 2 else 0


def _against(titles: Sequence[Sequence[str]], rows: int, dialect: Dialect, width: int) -> float:
    """Titles are sentences, or one word. What another delimiter would split, or a list of words, was not understood.

    A title that has all the delimiters of a row speaks for them.
    """
    if rows < 2:
        return sum(len(record) == 1 for record in titles)
    others = [mark for mark in DELIMITERS[:7] if mark != dialect.delimiter]
    cost = 0.0
    for place, record in enumerate(titles):
        if len(record) == width >= _LEAST_PADDED:
            continue
        text = record[0].strip()
        is_word = " " not in text and text.isascii() and _NOTE.match(text) is None
        is_odd = any(mark in text for mark in others) or (place > 0 and is_word)
        cost += 1.0 if is_odd and not is_comment(record) else _TITLE_COST
    return cost


def _partly(record: Sequence[str], width: int, place: int) -> float:
    """A header may be of another width than the rows, and rows may leave out empty cells at their end."""
    if len(record) == width or (len(record) > width and not any(record[width:])):
        return 0.0  # it fits
    if place == 0:
        return 1.0
    return 0.5 if 1 < len(record) < width and record[-1].strip() else 0.0


def _fills_up(record: Sequence[str], width: int) -> bool:
    return len(record) == width


def is_name(cell: str) -> bool:
    return re.fullmatch(r"\w[\w .()/%€$#-]{0,40}", cell) is not None and not is_value(cell)


def _cell_quality(cell: str, dialect: Dialect) -> float:
    """Numbers, dates and short words are what cells hold; what holds another delimiter was perhaps not split."""
    if not cell.strip() or is_value(cell):
        return 1.0
    if dialect.quote == '"' and dialect.quote in cell:  # an apostrophe is one, whatever quotes
        return 0.6
    if any(mark in cell for mark in DELIMITERS[:7] if mark != dialect.delimiter):
        return 0.3
    return 0.9
