"""Notes above a table, each a word and what it says: `Customer,ACME`; and lines about the file itself."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from server.datasets.header_finding import Record, has_header, is_certain_header, is_value, kind_of
from server.datasets.joined_headers import joined_names

TITLE_LINES = 30  # as far as a table may begin below its title
_COMMENTS = ("#", "//", "% ", "-- ", "* ", "! ")
_COLONS = (":", "：")
_NOTE_LINES = 10  # more of them are a table of their own, unless they say that they are notes
_LEAST_NAMES = 3  # of a table: two cells in a row are what a note is


def below_notes(records: Sequence[Record]) -> int:
    """Where a table begins below notes of two cells, or below a line about the file. 0 where none stand above it.

    However many the notes are, they are no table: what is below has names above values, and is wider.
    """
    if place := _below_line_about_file(records):
        return place
    for place in range(1, min(len(records), TITLE_LINES + 1)):
        above = [record for record in records[:place] if filled(record)]
        if above and not _is_note(above[-1]):
            return 0
        wide = [record for record in above if filled(record) > 1]
        are_labelled = bool(wide) and all(map(is_labelled, wide))
        if not wide or filled(records[place]) < (2 if are_labelled else _LEAST_NAMES) or is_labelled(records[place]):
            continue
        block = _block(records, place)
        if filled(records[place - 1]) and not are_labelled and not _are_names_above_rows(wide, block):
            continue
        if is_certain_header(block) or (are_labelled and len(wide) > 1 and _is_even_table(block)):
            is_header = joined_names(records[place - 1 :]) is not None
            return 0 if is_header or is_table(above) else place
    return 0


def is_table(records: Sequence[Record]) -> bool:
    """Whether these have names and rows as well."""
    wide = [record for record in records if filled(record) > 1]
    if len(wide) <= 2 or all(map(is_labelled, wide)):
        return False
    # Notes are a word and what it says: more columns, or many of them, are data.
    if len(wide) <= _NOTE_LINES and _are_pairs(wide) and are_notes(wide):
        return False
    return len(wide) > _NOTE_LINES or any(filled(record) > 2 for record in wide) or is_certain_header(wide)


def _are_pairs(wide: Sequence[Record]) -> bool:
    """Two cells each; one of several has a unit besides: `Balance,5.00,EUR`."""
    widest = [filled(record) for record in wide if filled(record) > 2]
    return not widest or (widest == [3] and len(wide) > 3)


def are_notes(wide: Sequence[Record]) -> bool:
    """Whether words stand before values of several kinds: `Account,DE12`, `From,2026-01-01`, `Balance,5.00`."""
    values = [next((cell for cell in record[1:] if cell.strip()), "") for record in wide]
    return not any(is_value(record[0]) for record in wide) and len(set(map(kind_of, values[1:])) - {""}) > 1


def usual_width(records: Sequence[Record]) -> int:
    """The number of cells that most records have; the first of several equally usual ones."""
    widths = Counter(len(record) for record in records if len(record) > 1 and filled(record))
    return max(widths.items(), key=lambda item: item[1])[0] if widths else 1


def filled(record: Record) -> int:
    return sum(1 for cell in record if cell.strip())


def trimmed(record: Record) -> list[str]:
    """Without the empty cells at its end: delimiters there are no cells."""
    cells = list(record)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def is_comment(record: Record) -> bool:
    return bool(record) and record[0].lstrip().startswith(_COMMENTS)


def _below_line_about_file(records: Sequence[Record]) -> int:
    """`EXTF;700;21;2026` right above names and rows, none of which has as many cells."""
    first = next((place for place, record in enumerate(records) if filled(record)), 0)
    block = _block(records, first + 1)
    if len(block) < 2 or filled(records[first]) < 2 or not any(map(is_value, records[first])):
        return 0
    names, width = block[0], len(records[first])
    if filled(names) < _LEAST_NAMES or any(map(is_value, names)) or len(names) != usual_width(block):
        return 0
    is_alone = all(len(record) != width for record in records[first + 1 :])
    return first + 1 if is_alone and is_certain_header(block) else 0


def _block(records: Sequence[Record], place: int) -> list[Record]:
    """As far as the next blank line."""
    return list(itertools.takewhile(filled, records[place:]))


def _are_names_above_rows(notes: Sequence[Record], block: Sequence[Record]) -> bool:
    """Right below notes that nothing else tells from a header and rows that are cut short."""
    return len(notes) > 1 and len(set(map(len, block))) == 1 and not any(map(is_value, block[0]))


def _is_even_table(block: Sequence[Record]) -> bool:
    return len(block) > 1 and len(set(map(len, block))) == 1 and has_header(block)


def _is_note(record: Record) -> bool:
    return (filled(record) <= 2 and bool(record[0].strip())) or is_labelled(record)


def is_labelled(record: Record) -> bool:
    """`Name:,KUMAR`, `姓名：,张三,部门：,销售`: every other cell ends in a colon."""
    cells = [cell.strip() for cell in record if cell.strip()]
    return bool(cells) and all(cell.endswith(_COLONS) == (place % 2 == 0) for place, cell in enumerate(cells))
