"""Where the table of a sheet is, and whether there seem to be others: below it, or beside it."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.header_finding import is_value
from server.datasets.table_start import FoundTable, filled, find_table, trimmed

Row = Sequence[str]


def find_in_sheet(rows: Sequence[Row], *, header: bool | None, above: int | None) -> FoundTable:
    """All rows of a sheet are equally wide: a title shows by what is filled, a header of two rows by its gaps."""
    found = find_table(rows, header=header, above=above)
    return found if found.header_records == 2 else find_table(list(map(trimmed, rows)), header=header, above=above)


def stacked_at(rows: Sequence[Row], first_line: int) -> int | None:
    """The row, from 1, at which another header seems to stand; `first_line` rows stand above the data."""
    has_values = False
    for place in range(first_line, len(rows) - 1):
        if not filled(rows[place]):
            if has_values and (found := _header_below(rows, place + 1)) is not None:
                return found + 1
        elif any(is_value(cell) for cell in rows[place]):
            has_values = True
    return None


def _header_below(rows: Sequence[Row], place: int) -> int | None:
    """A title may stand above it."""
    for row in range(place, min(place + 3, len(rows) - 1)):
        names = [cell for cell in rows[row] if cell.strip()]
        if len(names) < 2:
            continue
        is_header = not any(is_value(cell) for cell in names) and len(set(names)) == len(names)
        return row if is_header and any(is_value(cell) for cell in rows[row + 1]) else None
    return None


def side_by_side_at(rows: Sequence[Row]) -> int | None:
    """The column, from 0, that begins a second table: an empty one stands before it, two or more on either side."""
    width = len(rows[0]) if rows else 0
    is_used = [any(row[place].strip() for row in rows) for place in range(width)]
    for place in range(2, width - 2):
        if not is_used[place] and all(is_used[place - 2 : place]) and all(is_used[place + 1 : place + 3]):
            return place + 1
    return None
