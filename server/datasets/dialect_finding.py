"""Find how a text file separates its cells, by trying on a sample and judging; then it is pinned for the whole file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.datasets.dialect import BLANK, BLANKS, OF_HIVE, SMART_QUOTES, Dialect, is_wrapped, unwrapped
from server.datasets.header_finding import is_certain_header, is_value, kind_of
from server.datasets.notes_above import TITLE_LINES, below_notes, filled, is_comment, trimmed, usual_width
from server.datasets.records import read_sample
from server.datasets.seldom_delimiters import SELDOM, part_cells
from server.datasets.table_start import main_table

DELIMITERS = (",", ";", "\t", "|", "，", "；", "｜", "、", "^", "~", "│", "┃", "║", OF_HIVE, "¦")
_LONGER = ("||", "::", ", ", "; ", "^|^", "~|~")
_RUNS = (BLANKS, BLANK)
_DRAWN = ("|", "｜", "│", "┃", "║")
_SAMPLE_RECORDS = 400
_LEAST_SCORE = 0.2  # below, a list with commas here and there is one column
_LEAST_BESIDE_NAMES = 0.08  # where the first line names several columns
_ODD_RUNS = 0.9  # of lines that must have as many runs of blanks
_FOOTERS = 5
_TITLE_COST = 0.15
_LEAST_PADDED = 3  # cells of a title that spreadsheets have filled up
_NOTE = re.compile(r"[A-Za-z][\w.-]*[:=]")  # `Branch=X`


@dataclass(frozen=True, slots=True)
class _Sample:
    lines: Sequence[str]
    is_whole: bool
    prefer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
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


def find_dialect(
    lines: Sequence[str],
    *,
    delimiter: str | None = None,
    quote: str | None = None,
    prefer: str | None = None,
    is_whole: bool = False,
) -> Dialect:
    """The likeliest dialect of these lines (with their line ends); what is given stays as it is.

    `prefer` is the delimiter that the file's name suggests; `is_whole`: the lines are all of the file.
    """
    if quote in (None, '"') and (within := _within_quotes(lines, delimiter, is_whole=is_whole)) is not None:
        return within
    text = "".join(lines)
    if delimiter is None and (hint := re.match(r"\s*sep=(.)\r?\n", text)):  # Excel's own hint
        delimiter = hint[1]
    found = [
        _best_escape(_Sample(lines, is_whole, prefer), Dialect(delimiter=candidate, quote=mark))
        for candidate in ((delimiter,) if delimiter else _candidates(lines, text))
        for mark in ((quote,) if quote is not None else _quotes(text, candidate))
    ]
    if not found:
        return Dialect(delimiter=_unused(text), quote='"' if quote is None else quote)
    best = max(found, key=lambda judged: judged.score)
    if not best.is_split and any(judged.is_everywhere for judged in found):
        best = max((judged for judged in found if judged.is_everywhere), key=lambda judged: judged.score)
    if delimiter is None and (best.score < best.least or best.is_torn):
        one_column = Dialect(delimiter=_unused(text), quote=best.dialect.quote, escape=best.dialect.escape)
        # Quotes that are wrong there, and right between the delimiters, say what the lines are.
        if read_sample(lines, one_column, is_whole=is_whole).contradictions <= best.contradictions:
            return one_column
    is_framed = _are_framed(lines, best.dialect.delimiter)
    has_heads = is_framed and _have_heads(lines, best.dialect.delimiter)
    return dataclasses.replace(best.dialect, is_framed=is_framed, has_heads=has_heads)


def _within_quotes(lines: Sequence[str], delimiter: str | None, *, is_whole: bool) -> Dialect | None:
    """Where most lines below the first stand in quotes as a whole: how they are parted within. None where they don't.

    All of them must have as many cells then, below as many names: `"Miller, Ann"` below `name` is one cell.
    """
    filled_lines = [line for line in lines[:_SAMPLE_RECORDS] if line.strip()]
    if len(filled_lines) < 2 or sum(map(is_wrapped, filled_lines[1:])) * 2 < len(filled_lines) - 1:
        return None
    plain = list(map(unwrapped, filled_lines))
    found = find_dialect(plain, delimiter=delimiter, quote='"', is_whole=is_whole)
    records = read_sample(plain, found, is_whole=is_whole).rows
    if len(records) != len(plain) or len(records[0]) < 2 or set(map(len, records)) != {len(records[0])}:
        return None
    if not all(map(_is_name, records[0])) or (is_wrapped(filled_lines[0]) and _are_texts_with_blanks(records)):
        return None
    return dataclasses.replace(found, is_wrapped=True)


def _are_texts_with_blanks(records: Sequence[Sequence[str]]) -> bool:
    """`Last, First` above `Miller, Ann`: one column of texts that hold a comma."""
    return all(cell.startswith(" ") for record in records for cell in record[1:])


def _are_framed(lines: Sequence[str], delimiter: str) -> bool:
    """Whether lines are drawn as tables are on consoles and in Markdown: `| id | name |`."""
    cells = [line.strip() for line in lines[:_SAMPLE_RECORDS] if delimiter in line]
    return delimiter in _DRAWN and all(len(cell) > 1 and cell[0] == delimiter == cell[-1] for cell in cells)


def _have_heads(lines: Sequence[str], delimiter: str) -> bool:
    """Whether names stand between two delimiters each, as Jira has them: `|| id || name ||`."""
    drawn = [line.strip() for line in lines[:_SAMPLE_RECORDS] if delimiter in line]
    if len(drawn) < 2:
        return False
    head, first = drawn[:2]
    if not (head.startswith(2 * delimiter) and head.endswith(2 * delimiter)):
        return False
    return head.count(2 * delimiter) * 2 == head.count(delimiter) == 2 * first.count(delimiter)


def _unused(text: str) -> str:
    return next((mark for mark in (",", "\t", ";", "|", "\x1f") if mark not in text), "\x1f")


def _candidates(lines: Sequence[str], text: str) -> list[str]:
    """Delimiters that occur; of one that is always written twice, or with a blank, only the longer."""
    longer = [mark for mark in _LONGER if mark in text]
    doubled = {mark[0] for mark in longer if mark in ("||", "::") and _are_doubled(lines, mark)}
    usual = [mark for mark in DELIMITERS if mark in text and mark not in doubled]
    longer = [mark for mark in longer if mark[0] in doubled or mark[0] not in "|:"]
    # Where every comma has its blank, the blank is no part of the delimiter.
    longer = [mark for mark in longer if mark[1:] != BLANK or text.count(mark[0]) != text.count(mark)]
    seldom = [mark for mark in SELDOM if mark in text and part_cells(lines, mark)]
    return [*usual, *longer, *seldom, *(mark for mark in _RUNS if _are_aligned(lines, mark))]


def _are_doubled(lines: Sequence[str], mark: str) -> bool:
    """Whether the character is written twice in the first line that has it, and in most: no cell is empty there."""
    counts = [(line.count(mark[0]), line.count(mark)) for line in lines[:_SAMPLE_RECORDS] if mark[0] in line]
    return counts[0][0] == 2 * counts[0][1] and sum(one == 2 * two for one, two in counts) * 2 >= len(counts)


def _are_aligned(lines: Sequence[str], mark: str) -> bool:
    """Whether runs of blanks stand between cells: as many in (nearly) all lines, and names above values."""
    is_quoted = sum('"' in line for line in lines[:_SAMPLE_RECORDS]) * 2 > len(lines[:_SAMPLE_RECORDS])
    dialect = Dialect(delimiter=mark, quote='"' if is_quoted else "")
    records = [line.rstrip("\r\n").split("\x1f") for line in dialect.prepared(lines[:_SAMPLE_RECORDS]) if line.strip()]
    width = usual_width(records)
    if width < 2 or len(records) < (2 if mark == BLANKS else 3):
        return False
    if is_quoted:  # as R writes it, which names rows in a column without a name
        records = [[cell.strip('"') for cell in record] for record in records]
        records[0] = [*[""] * (len(records[0]) == width - 1), *records[0]]
    if len(records[0]) != width:
        return False
    alike = sum(len(record) == width for record in records)
    if alike < _ODD_RUNS * len(records):
        return False
    if any(is_value(line) for line in lines[:20]):  # `2026-01-01 10:00` is one cell
        return False
    return is_certain_header(records) or (mark == BLANKS and len(records) > 2)


def _quotes(text: str, delimiter: str) -> tuple[str, ...]:
    """Apostrophes quote only where they stand at both ends of cells; else they are apostrophes.

    So do quotes of typography, and only where what they quote holds the delimiter: else they are part of a text.
    """
    edge = re.escape(delimiter)
    for opening, closing in SMART_QUOTES.items():
        quoted = re.findall(
            rf"(?:^|{edge})[ \t]*{opening}([^{closing}\n]*)[{closing}][ \t]*(?={edge}|\r?$)", text, re.MULTILINE
        )
        if len(quoted) >= 2 and any(delimiter in cell for cell in quoted):
            return (opening, '"')
    if len(re.findall(rf"(?:^|{edge})[ \t]*'(?:[^'\n]|'')*'[ \t]*(?={edge}|\r?$)", text, re.MULTILINE)) >= 2:
        return ("'", '"')
    return ('"',)


def _best_escape(sample: _Sample, plainly: Dialect) -> _Judged:
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


def _judged(sample: _Sample, dialect: Dialect) -> _Judged:
    """A delimiter explains the header and the rows: each line that does not fit counts against it."""
    found = read_sample(sample.lines, dialect, is_whole=sample.is_whole)
    notes = below_notes(found.rows[:_SAMPLE_RECORDS]) or main_table(found.rows[:_SAMPLE_RECORDS]) or 0
    records = [record for record in found.rows[notes:_SAMPLE_RECORDS] if filled(record)]
    contradictions = found.contradictions
    nothing = _Judged(score=0.0, dialect=dialect, contradictions=contradictions)
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
    if dialect.delimiter in _RUNS:
        score *= 0.9 if dialect.delimiter == BLANKS else 0.8
    is_named = titles == 0 and len(core[0]) > 1 and all(map(_is_name, trimmed(core[0])))
    least = _LEAST_BESIDE_NAMES if is_named else _LEAST_SCORE
    own = [record for record in found.rows[:_SAMPLE_RECORDS] if not is_comment(record)]
    is_split = len(next(filter(filled, own), [])) != 1
    return _Judged(
        score=score,
        dialect=dialect,
        contradictions=contradictions,
        least=least,
        is_split=is_split,
        is_everywhere=dialect.delimiter not in _RUNS and all(len(record) == width for record in records),
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


def _is_name(cell: str) -> bool:
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
