"""Where the table begins below its titles, and whether its first row names the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from server.datasets.cells import read_moment, read_number, read_truth

TITLE_LINES = 30  # as far as a table may begin below its title


def is_value(cell: str) -> bool:
    """A number or a date, in any notation: what headers do not hold, and what a wrong delimiter tears apart."""
    if not any(character.isdigit() for character in cell):
        return False
    return (
        read_number(cell, ".") is not None or read_number(cell, ",") is not None or read_moment(cell, "DMY") is not None
    )


def table_start(records: Sequence[Sequence[str]]) -> int:
    """How many records (titles, notes, blank ones) stand above the table."""
    widths = Counter(len(record) for record in records if len(record) > 1)
    if not widths:
        return next((index for index, record in enumerate(records) if any(cell.strip() for cell in record)), 0)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    for index, record in enumerate(records[:TITLE_LINES]):
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
