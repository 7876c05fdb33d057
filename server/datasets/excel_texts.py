"""Texts that are longer than a cell of Excel: they go on in a sheet of their own, so that nothing is lost unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from server.errors import InvalidInput

ROWS, COLUMNS = 1_048_576, 16_384  # of a sheet
CELL_UNITS = 32_767  # what a cell holds; Excel counts UTF-16 units
_FORBIDDEN = re.compile(r"[\[\]:*?/\\'\x00-\x1f]")


class LongTextWords(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the sheet and at the end of a cell that goes on there."""

    sheet: str = "Long texts"
    head: tuple[str, ...] = ("Sheet", "Column", "Row", "Part", "Text")
    goes_on: str = " … [goes on in the sheet “{sheet}” from row {row}]"


_WORDS = {
    "zh": LongTextWords(
        sheet="长文本", head=("工作表", "列", "行", "部分", "文本"), goes_on=" … [全文见工作表“{sheet}”第 {row} 行起]"
    )
}


class LongTexts:
    """Takes texts for cells; the sheet is made with the first that is too long for one."""

    def __init__(self, workbook: Any, *, language: str = "en") -> None:
        self._workbook = workbook
        self._words = _WORDS.get(language.partition("-")[0], LongTextWords())
        self.name = self._words.sheet
        self._sheet: Any = None
        self._row = 0

    def fitting(self, text: str, *, column: str, row: int, sheet: str = "") -> str:
        """The text itself, or its beginning and where the whole of it stands. `row` counts from 1, as Excel does."""
        if len(text) <= CELL_UNITS // 2 or _units(text) <= CELL_UNITS:
            return text
        if self._sheet is None:
            self._begin()
        note = self._words.goes_on.format(sheet=self.name, row=self._row + 1)
        for number, part in enumerate(_parts(text), start=1):
            require_room(self._row, 0)
            self._sheet.write_row(self._row, 0, (sheet, column, row, number))
            self._sheet.write_string(self._row, 4, part)
            self._row += 1
        return next(_parts(text, CELL_UNITS - len(note))) + note

    def _begin(self) -> None:
        taken = {sheet.get_name().casefold() for sheet in self._workbook.worksheets()}
        while self.name.casefold() in taken:
            self.name += "+"
        self._sheet = self._workbook.add_worksheet(self.name)
        self._sheet.write_row(0, 0, self._words.head, self._workbook.add_format({"bold": True, "bottom": 1}))
        self._row = 1


def require_room(row: int, column: int) -> None:
    """Both from 0. Raises `InvalidInput` where a sheet ends, since the cell would be left out without a word."""
    if row >= ROWS or column >= COLUMNS:
        raise InvalidInput(
            "An Excel sheet holds {rows} rows and {columns} columns at most; export as CSV or Parquet instead.",
            code="too_large_for_excel",
            rows=ROWS - 1,
            columns=COLUMNS,
        )


def sheet_name(title: str) -> str:
    """At most 31 characters, none that Excel forbids, not “History”, which it keeps for itself."""
    name = _FORBIDDEN.sub("", title)[:31] or "data"
    return f"{name} 1" if name.casefold() == "history" else name


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _parts(text: str, size: int = CELL_UNITS) -> Iterator[str]:
    """Pieces that fit into a cell."""
    step = size if _units(text) == len(text) else size // 2
    for start in range(0, len(text), step):
        yield text[start : start + step]


def require_fits_excel(row_count: int, column_count: int) -> None:
    require_room(row_count, column_count - 1)
