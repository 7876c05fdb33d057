"""Where the table of a sheet is, and whether there seem to be others: below it, or beside it."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.found_table import FoundTable, find_table
from server.datasets.header_finding import is_certain_header, is_value
from server.datasets.notes_above import are_notes, filled, is_labelled, is_table, trimmed

TextRow = Sequence[str]

_COVER_LINES = 30


def find_in_sheet(rows: Sequence[TextRow], *, header: bool | None, above: int | None) -> FoundTable:
    """All rows of a sheet are equally wide: a title shows by what is filled, a header of two rows by its gaps."""
    found = find_table(rows, header=header, above=above)
    return found if found.header_records > 1 else find_table(list(map(trimmed, rows)), header=header, above=above)


def is_cover(rows: Sequence[TextRow]) -> bool:
    """Whether a sheet holds a title, its author, a date: a few lines of one cell, or of a word and what it says."""
    records = [trimmed(row) for row in rows if filled(row)]
    wide = [record for record in records if filled(record) > 1]
    if len(records) > _COVER_LINES or is_certain_header(wide or records):
        return False
    return not wide or (max(map(filled, wide)) == 2 and (are_notes(wide) or all(map(is_labelled, wide))))


def holds_table(rows: Sequence[TextRow]) -> bool:
    wide = [trimmed(row) for row in rows if filled(row) > 1]
    return is_certain_header(wide) or is_table(wide)


def stacked_at(rows: Sequence[TextRow], first_line: int) -> int | None:
    """The row, from 1, at which another header seems to stand; `first_line` rows stand above the data."""
    values: set[int] = set()  # the columns that had some, and nothing else
    has_rows = False
    for place in range(first_line, len(rows) - 1):
        if not filled(rows[place]):
            if has_rows and (found := _header_below(rows, place + 1, values)) is not None:
                return found + 1
            continue
        own = {column for column, cell in enumerate(rows[place]) if is_value(cell)}
        texts = {column for column, cell in enumerate(rows[place]) if cell.strip()} - own
        values, has_rows = (values if has_rows else own) - texts, True
    return None


def _header_below(rows: Sequence[TextRow], place: int, values: set[int]) -> int | None:
    """Names right above values, or where values stood above. A title may stand above it."""
    for row in range(place, min(place + 3, len(rows) - 1)):
        names = [cell for cell in rows[row] if cell.strip()]
        if len(names) < 2:
            continue
        is_header = not any(is_value(cell) for cell in names) and len(set(names)) == len(names)
        is_below_values = any(column in values and cell.strip() for column, cell in enumerate(rows[row]))
        is_told = any(is_value(cell) for cell in rows[row + 1]) or (is_below_values and filled(rows[row + 1]) > 1)
        return row if is_header and is_told else None
    return None


def side_by_side_at(rows: Sequence[TextRow]) -> int | None:
    """The column, from 0, that begins a second table: empty ones stand before it, two or more on either side."""
    width = len(rows[0]) if rows else 0
    is_used = [any(row[place].strip() for row in rows) for place in range(width)]
    for place in range(3, width - 1):
        gap = next((left for left in range(place - 1, 0, -1) if is_used[left]), 0)
        if all(is_used[place : place + 2]) and gap < place - 1 and gap and is_used[gap - 1]:
            return place
    return None
