"""Where the table of a sheet begins, and which rows name its columns. All rows of a sheet are equally wide.

So it is not the number of cells that tells a title from the table, as in text files, but how many are filled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high

from server.datasets.table_start import TITLE_LINES, has_header, is_value

_LOOKED_AT = 60
_YEAR = re.compile(r"(?:19|20)\d\d年?")

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHead:
    """`above` rows stand above the header, which takes `header_rows` rows, 0 where the table has none."""

    above: int
    header_rows: int
    names: list[str]

    @property
    def first_line(self) -> int:
        return self.above + self.header_rows


def table_head(
    rows: Sequence[Row],
    *,
    above: int | None = None,
    header: bool | None = None,
    spans: Sequence[tuple[int, int, int]] = (),
) -> TableHead | None:
    """None when nothing is left below what stands above.

    `above` and `header` may be given. `spans` are cells of several columns: their row, first and last column.
    """
    above = _rows_above(rows, spans) if above is None else above
    rows = rows[above:]
    if not any(any(cell.strip() for cell in row) for row in rows):
        return None
    inner = [(left, right) for row, left, right in spans if row == above]
    if header is not False and _has_two_header_rows(rows, inner):
        return TableHead(above=above, header_rows=2, names=_joined(rows[0], rows[1], inner))
    if not (_names_columns(rows) if header is None else header):
        return TableHead(above=above, header_rows=0, names=[""] * len(rows[0]))
    return TableHead(above=above, header_rows=1, names=list(rows[0]))


def _rows_above(rows: Sequence[Row], spans: Sequence[tuple[int, int, int]]) -> int:
    counts = [_filled(row) for row in rows[:_LOOKED_AT]]
    filled = [count for count in counts if count]
    if not filled:
        return 0
    few = max(1, median_high(filled) // 2)
    first = next(index for index, count in enumerate(counts) if count)
    if max(filled) < 2:
        return first
    full = next((index for index, count in enumerate(counts[:TITLE_LINES]) if count > few), first)
    if full > first and _stands_over(rows[full - 1], rows[full]):
        inner = [(left, right) for row, left, right in spans if row == full - 1]
        if _has_two_header_rows(rows[full - 1 :], inner):
            return full - 1
    if full <= first or _all_are_names(rows[full]):
        return full
    # A header may name fewer columns than there are; a title has an empty row below it, or is one of several.
    return first if full == first + 1 else full


def _stands_over(upper: Row, lower: Row) -> bool:
    """A title begins with the first column; what names groups of columns often does not, or names several."""
    begins = next((place for place, cell in enumerate(lower) if cell.strip()), 0)
    return _filled(upper) > 1 or (_filled(upper) == 1 and not upper[begins].strip())


def _filled(row: Row) -> int:
    return sum(1 for cell in row if cell.strip())


def _all_are_names(row: Row) -> bool:
    """Years name columns as well."""
    return not any(is_value(cell) and not _YEAR.fullmatch(cell.strip()) for cell in row if cell.strip())


def _names_columns(rows: Sequence[Row]) -> bool:
    return has_header([list(row) for row in rows]) or _has_dates_as_names(rows)


def _has_dates_as_names(rows: Sequence[Row]) -> bool:
    """A cross table: a name, then months or numbers that differ, above values of another kind."""
    first, below = rows[0], rows[1:_LOOKED_AT]
    dates = [place for place, cell in enumerate(first) if _is_date(cell)]
    names = [cell for place, cell in enumerate(first) if cell.strip() and place not in dates]
    return (
        bool(dates)
        and bool(names)
        and not any(is_value(cell) for cell in names)
        and len({first[place] for place in dates}) == len(dates)
        and any(_filled(row) for row in below)
        and not any(_is_date(row[place]) for row in below for place in dates)
    )


def _is_date(cell: str) -> bool:
    """As dates of cells become texts."""
    return len(cell) >= 10 and cell[4:5] == cell[7:8] == "-" and is_value(cell)


def _has_two_header_rows(rows: Sequence[Row], spans: Sequence[tuple[int, int]]) -> bool:
    """The upper row has gaps (or cells over several columns) that the lower one fills with names, above values."""
    if len(rows) < 3:
        return False
    upper, lower, below = rows[0], rows[1], rows[2:_LOOKED_AT]
    gaps = [place for place, cell in enumerate(upper) if not cell.strip() and lower[place].strip()]
    if not gaps or not _all_are_names(lower):
        return False
    if any(not upper[place].strip() and not lower[place].strip() for place in range(_last_filled(below))):
        return False
    if any(right > left and any(left < gap <= right for gap in gaps) for left, right in spans):
        return True
    labels = [place for place, cell in enumerate(upper) if cell.strip() and not lower[place].strip()]
    if any(all(row[place].strip() for row in below if _filled(row)) for place in labels):
        return True
    return any(
        is_value(row[place]) and lower[place].strip() and not is_value(lower[place])
        for row in below
        for place in range(len(lower))
    )


def _last_filled(rows: Sequence[Row]) -> int:
    return max((place + 1 for row in rows for place, cell in enumerate(row) if cell.strip()), default=0)


def _joined(upper: Row, lower: Row, spans: Sequence[tuple[int, int]]) -> list[str]:
    """`2025` over `q1` and `q2` is `2025 q1`, `2025 q2`."""
    names, above, until = [], "", -1
    ends = dict(spans)
    for place, (top, bottom) in enumerate(zip(upper, lower, strict=True)):
        if top.strip():
            above, until = top.strip(), ends.get(place, place if spans else len(upper))
        elif place > until:
            above = ""
        bottom = bottom.strip()
        names.append(above if not bottom or bottom == above else f"{above} {bottom}".strip())
    return names
