"""Whether a sheet seems to hold more than one table: stacked with empty rows between, or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.table_start import is_value

Row = Sequence[str]


def stacked_at(rows: Sequence[Row], first_line: int) -> int | None:
    """The row, from 1, at which another header seems to stand; `first_line` rows stand above the data."""
    has_values = False
    for place in range(first_line, len(rows) - 1):
        if is_empty(rows[place]):
            if has_values and (found := _header_below(rows, place + 1)) is not None:
                return found + 1
        elif any(is_value(cell) for cell in rows[place]):
            has_values = True
    return None


def _header_below(rows: Sequence[Row], place: int) -> int | None:
    """A title may stand above it."""
    for row in range(place, min(place + 3, len(rows) - 1)):
        filled = [cell for cell in rows[row] if cell.strip()]
        if len(filled) < 2:
            continue
        is_header = not any(is_value(cell) for cell in filled) and len(set(filled)) == len(filled)
        return row if is_header and any(is_value(cell) for cell in rows[row + 1]) else None
    return None


def side_by_side_at(rows: Sequence[Row], above: int) -> int | None:
    """The column, from 0, that begins a second table: an empty one stands before it, two or more on either side."""
    rows = rows[above:]
    width = len(rows[0]) if rows else 0
    filled = [any(row[place].strip() for row in rows) for place in range(width)]
    for place in range(2, width - 2):
        if not filled[place] and all(filled[place - 2 : place]) and all(filled[place + 1 : place + 3]):
            return place + 1
    return None


def is_empty(row: Row) -> bool:
    return not any(cell.strip() for cell in row)
