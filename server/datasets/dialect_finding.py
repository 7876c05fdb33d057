"""Find how a text file separates its cells, by trying on a sample and judging; then it is pinned for the whole file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from server.datasets.delimiter_candidates import SAMPLE_RECORDS, candidates, quotes, unused
from server.datasets.dialect import Dialect, is_wrapped, unwrapped
from server.datasets.dialect_judging import LineSample, best_escape, is_name
from server.datasets.records import read_sample

_DRAWN = ("|", "｜", "│", "┃", "║")


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
        best_escape(LineSample(lines, is_whole, prefer), Dialect(delimiter=candidate, quote=mark))
        for candidate in ((delimiter,) if delimiter else candidates(lines, text))
        for mark in ((quote,) if quote is not None else quotes(text, candidate))
    ]
    if not found:
        return Dialect(delimiter=unused(text), quote='"' if quote is None else quote)
    best = max(found, key=lambda judged: judged.score)
    if not best.is_split and any(judged.is_everywhere for judged in found):
        best = max((judged for judged in found if judged.is_everywhere), key=lambda judged: judged.score)
    if delimiter is None and (best.score < best.least or best.is_torn):
        one_column = Dialect(delimiter=unused(text), quote=best.dialect.quote, escape=best.dialect.escape)
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
    filled_lines = [line for line in lines[:SAMPLE_RECORDS] if line.strip()]
    if len(filled_lines) < 2 or sum(map(is_wrapped, filled_lines[1:])) * 2 < len(filled_lines) - 1:
        return None
    plain = list(map(unwrapped, filled_lines))
    found = find_dialect(plain, delimiter=delimiter, quote='"', is_whole=is_whole)
    records = read_sample(plain, found, is_whole=is_whole).rows
    if len(records) != len(plain) or len(records[0]) < 2 or set(map(len, records)) != {len(records[0])}:
        return None
    if not all(map(is_name, records[0])) or (is_wrapped(filled_lines[0]) and _are_texts_with_blanks(records)):
        return None
    return dataclasses.replace(found, is_wrapped=True)


def _are_texts_with_blanks(records: Sequence[Sequence[str]]) -> bool:
    """`Last, First` above `Miller, Ann`: one column of texts that hold a comma."""
    return all(cell.startswith(" ") for record in records for cell in record[1:])


def _are_framed(lines: Sequence[str], delimiter: str) -> bool:
    """Whether lines are drawn as tables are on consoles and in Markdown: `| id | name |`."""
    cells = [line.strip() for line in lines[:SAMPLE_RECORDS] if delimiter in line]
    return delimiter in _DRAWN and all(len(cell) > 1 and cell[0] == delimiter == cell[-1] for cell in cells)


def _have_heads(lines: Sequence[str], delimiter: str) -> bool:
    """Whether names stand between two delimiters each, as Jira has them: `|| id || name ||`."""
    drawn = [line.strip() for line in lines[:SAMPLE_RECORDS] if delimiter in line]
    if len(drawn) < 2:
        return False
    head, first = drawn[:2]
    if not (head.startswith(2 * delimiter) and head.endswith(2 * delimiter)):
        return False
    return head.count(2 * delimiter) * 2 == head.count(delimiter) == 2 * first.count(delimiter)
