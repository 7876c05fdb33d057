"""Another table below the one that is read, as wide as it: below a gap, its names stand where values stood."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.header_finding import USUAL_NAMES, Record, kind_of
from server.datasets.header_lines import are_values
from server.datasets.notes_above import filled, is_labelled

LOOKED_AT = 30  # rows above, which say what the columns hold
_LEAST_ROWS = 2


def begins_other_table(above: Sequence[Record], row: Record, following: Record | None) -> bool:
    """Whether a row right below a gap names columns: texts, none twice, above another row, where values stood.

    A text in a single column of values is one of its cells, unless the row below has one there as well, or a name
    is one of many files.
    """
    names = [cell.strip() for cell in row if cell.strip()]
    if len(names) < 2 or len(above) < _LEAST_ROWS or following is None or filled(following) < 2:
        return False
    if is_labelled(row) or len(set(names)) < len(names) or any(kind_of(name) != "text" for name in names):
        return False
    odd = [place for place, cell in enumerate(row) if cell.strip() and are_values(above, place)]
    if len(odd) > 1 or any(name.casefold() in USUAL_NAMES for name in names):
        return bool(odd)
    return any(place < len(following) and kind_of(following[place]) == "text" for place in odd)
