"""What may separate the cells of a text file, and what may quote them: what stands in it where such marks do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.datasets.dialect import BLANK, BLANKS, OF_HIVE, SMART_QUOTES, Dialect
from server.datasets.header_finding import is_certain_header, is_value
from server.datasets.notes_above import usual_width
from server.datasets.seldom_delimiters import SELDOM, part_cells

DELIMITERS = (",", ";", "\t", "|", "，", "；", "｜", "、", "^", "~", "│", "┃", "║", OF_HIVE, "¦")
_LONGER = ("||", "::", ", ", "; ", "^|^", "~|~")
RUNS = (BLANKS, BLANK)
SAMPLE_RECORDS = 400
_ODD_RUNS = 0.9  # of lines that must have as many runs of blanks


def unused(text: str) -> str:
    return next((mark for mark in (",", "\t", ";", "|", "\x1f") if mark not in text), "\x1f")


def candidates(lines: Sequence[str], text: str) -> list[str]:
    """Delimiters that occur; of one that is always written twice, or with a blank, only the longer."""
    longer = [mark for mark in _LONGER if mark in text]
    doubled = {mark[0] for mark in longer if mark in ("||", "::") and _are_doubled(lines, mark)}
    usual = [mark for mark in DELIMITERS if mark in text and mark not in doubled]
    longer = [mark for mark in longer if mark[0] in doubled or mark[0] not in "|:"]
    # Where every comma has its blank, the blank is no part of the delimiter.
    longer = [mark for mark in longer if mark[1:] != BLANK or text.count(mark[0]) != text.count(mark)]
    seldom = [mark for mark in SELDOM if mark in text and part_cells(lines, mark)]
    return [*usual, *longer, *seldom, *(mark for mark in RUNS if _are_aligned(lines, mark))]


def _are_doubled(lines: Sequence[str], mark: str) -> bool:
    """Whether the character is written twice in the first line that has it, and in most: no cell is empty there."""
    counts = [(line.count(mark[0]), line.count(mark)) for line in lines[:SAMPLE_RECORDS] if mark[0] in line]
    return counts[0][0] == 2 * counts[0][1] and sum(one == 2 * two for one, two in counts) * 2 >= len(counts)


def _are_aligned(lines: Sequence[str], mark: str) -> bool:
    """Whether runs of blanks stand between cells: as many in (nearly) all lines, and names above values."""
    is_quoted = sum('"' in line for line in lines[:SAMPLE_RECORDS]) * 2 > len(lines[:SAMPLE_RECORDS])
    dialect = Dialect(delimiter=mark, quote='"' if is_quoted else "")
    records = [line.rstrip("\r\n").split("\x1f") for line in dialect.prepared(lines[:SAMPLE_RECORDS]) if line.strip()]
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


def quotes(text: str, delimiter: str) -> tuple[str, ...]:
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
