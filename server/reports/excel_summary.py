"""The first sheet of a workbook: what the report says in lines, figures and charts, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from server.reports.excel_pages import Sheets

_ROW = 20  # pixels of a row as it is
_COLUMNS = (0.27, 0.2, 0.14, 0.13, 0.13, 0.13)  # of the width of a page: what it is called, its value, more


class Spot(NamedTuple):
    """Where a chart lies: its row, and its left edge and width in pixels."""

    row: int
    left: int
    width: int


class Summary:
    """Counts what each page holds, so that none ends within a line, a chart or a picture."""

    def __init__(self, sheet: Any, sheets: Sheets) -> None:
        self.sheet = sheet
        self._sheets = sheets
        self._page = sheets.height(landscape=sheets.landscape)
        self._left = self._page
        self._row = 0
        self._breaks: list[int] = []
        self._beside: Iterator[Spot] | None = None  # where the next charts of a row lie
        self._section: tuple[int, int] | None = None  # the row of a heading, and what was left of the page before it
        width = sheets.width(landscape=sheets.landscape)
        self._widths = [int(width * share) for share in _COLUMNS]
        sheet.hide_gridlines(2)
        for column, pixels in enumerate(self._widths):
            sheet.set_column_pixels(column, column, pixels)
        sheets.set_up(sheet, landscape=sheets.landscape)

    @property
    def last_column(self) -> int:
        return len(self._widths) - 1

    @property
    def width(self) -> int:
        return sum(self._widths)

    @property
    def page_height(self) -> int:
        return self._page

    def room(self, column: int) -> int:
        """Pixels from a column to the edge of the page."""
        return sum(self._widths[column:])

    def line(self, height: int | None = None, *, keep: int = 0) -> int:
        """The next row, so high; what follows it within `keep` pixels is on its page, too."""
        self._require((height or _ROW) + keep)
        if height:
            self.sheet.set_row_pixels(self._row, height)
        self._left -= height or _ROW
        self._row += 1
        return self._row - 1

    def skip(self) -> None:
        """An empty line, unless a page begins here."""
        if 0 < self._left < self._page:
            self.line()

    def begin_section(self) -> None:
        """What is said from here to the next chart or picture goes to its page with it."""
        self._section = self._row, self._left

    def area(self, height: int) -> int:
        """The first of as many rows as something so high lies over, all on one page."""
        count = -(-height // _ROW)
        self._require(count * _ROW)
        self._section = None
        first = self._row
        self._row += count
        self._left -= count * _ROW
        return first

    @contextmanager
    def beside(self, count: int, height: int) -> Iterator[None]:
        """Inside, `count` charts lie beside each other, none higher."""
        row, width = self.area(height), self.width // count
        self._beside = (Spot(row, number * width, width) for number in range(count))
        try:
            yield
        finally:
            self._beside = None

    @property
    def is_beside(self) -> bool:
        return self._beside is not None

    def spot(self, height: int) -> Spot:
        """Of a chart, over the whole width unless it lies beside others."""
        return next(self._beside) if self._beside is not None else Spot(self.area(height), 0, self.width)

    def finish(self) -> None:
        self.sheet.set_h_pagebreaks(self._breaks)
        self.sheet.fit_to_pages(1, 0)  # for whoever lacks the font in which it is as wide as the page
        self.sheet.print_area(0, 0, max(self._row - 1, 0), self.last_column)

    def _require(self, height: int) -> None:
        if height <= self._left or self._left == self._page:
            return
        begun, left = self._section or (self._row, self._left)
        said = left - self._left
        is_whole = left < self._page and said + height <= self._page
        self._breaks.append(begun if is_whole else self._row)
        self._left = self._page - (said if is_whole else 0)
        self._section = None
