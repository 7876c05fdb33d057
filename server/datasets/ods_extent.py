"""How far the cells of the tables of an OpenDocument spreadsheet reach."""

from __future__ import annotations

from collections.abc import Iterator

from server.datasets.sheet_extent import MOST_CELLS, Extent
from server.datasets.workbook_members import parse


class _OdsTables:
    """Counts cells of OpenDocument, which says how often a cell or a row is repeated."""

    def __init__(self) -> None:
        self._extent = Extent()
        self._row = self._column = self._width = self._repeat = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "table":
                self._extent, self._row = Extent(), 0
            case "table-row":
                self._column = self._width = 0
                self._repeat = _times(attributes.get("table:number-rows-repeated"))
            case "table-cell" | "covered-table-cell":
                self._column += _times(attributes.get("table:number-columns-repeated"))
                if any(key.startswith(("office:", "calcext:", "table:formula")) for key in attributes):
                    self._width = self._column
            case "p":
                self._width = self._column

    def end(self, name: str) -> None:
        if name.rpartition(":")[2] != "table-row":
            return
        self._row += self._repeat
        if self._width:
            # Repeated cells take room each, though the file holds one.
            self._extent.add(self._row, self._width)
            self._extent.require_small()


def _times(text: str | None) -> int:
    return min(int(text), MOST_CELLS + 1) if text and text.isdecimal() and len(text) < 12 else 1


def ods(pieces: Iterator[bytes]) -> None:
    tables = _OdsTables()
    parse(pieces, tables.start, tables.end)
