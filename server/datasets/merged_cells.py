"""Cells of a sheet that are merged downwards."""

from __future__ import annotations

from typing import Any

from server.datasets.sheet_pieces import Sheet
from server.errors import FileProblem

SheetRow = list[Any]
_MOST_FILLED = 2_000_000  # cells that merged ones above them fill
_MOST_FILLED_CHARACTERS = 50_000_000


class Merged:
    """Cells merged downwards hold their value in each row: that is what the person who merged them meant."""

    def __init__(self, sheet: Sheet) -> None:
        self._columns: dict[int, list[int]] = {}
        self._values: dict[int, Any] = {}
        self._left = _MOST_FILLED
        self._left_characters = _MOST_FILLED_CHARACTERS
        last = sheet.end[0] if sheet.end else 0  # a range may be said to reach much further than there are cells
        for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
            below = range(top + 1, min(bottom, last) + 1)
            self._left -= len(below)
            self._require_few()
            for row in below:
                self._columns.setdefault(row, []).append(left)
            if bottom > top:
                self._columns.setdefault(top, [])

    @property
    def is_none(self) -> bool:
        return not self._columns

    def filled(self, row: int, start_column: int, cells: SheetRow) -> SheetRow:
        if not self._columns:
            return cells
        for column in self._columns.get(row, ()):
            place = column - start_column
            if 0 <= place < len(cells) and cells[place] == "":
                cells[place] = self._values.get(place, "")
                self._left_characters -= len(cells[place]) if isinstance(cells[place], str) else 1
        self._require_few()
        self._values = dict(enumerate(cells))
        return cells

    def _require_few(self) -> None:
        if self._left < 0 or self._left_characters < 0:
            raise FileProblem(
                "Merged cells of this sheet stand for more than can be filled in. Undo those over many rows, "
                "or save the sheet as CSV and upload that.",
                code="merged_too_far",
            )
