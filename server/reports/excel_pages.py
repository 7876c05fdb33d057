"""The paper that sheets are printed on: its size, what has room there, and what stands above and below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

# Excel's number of each size, and its short and long side in inches.
_PAPERS = {
    "A4": (9, 8.27, 11.69), "A3": (8, 11.69, 16.54), "A5": (11, 5.83, 8.27), "Letter": (1, 8.5, 11.0),
    "Legal": (5, 8.5, 14.0),
}  # fmt: skip
_SIDE, _END = 0.5, 0.8  # margins in inches
_PIXELS = 96  # an inch
_SURE = 0.96  # programs and printers differ by less
_UPRIGHT_SCALE = 0.8  # from which letters on upright paper are as large as those on paper on its side
_LEAST_SCALE = 0.6  # of what can be read
_PARTS_SCALE = 0.75  # of a sheet over several pages
_HEAD_UNITS = 250  # Excel takes 255


class Sheets(msgspec.Struct, frozen=True, kw_only=True):
    """How all sheets of a workbook are printed. `left_foot` and `right_foot` stand below each page."""

    size: str
    landscape: bool
    title: str
    left_foot: str
    right_foot: str

    def width(self, *, landscape: bool) -> int:
        """In pixels, as of columns."""
        _code, short, long = _PAPERS[self.size]
        return int(((long if landscape else short) - 2 * _SIDE) * _PIXELS * _SURE)

    def height(self, *, landscape: bool) -> int:
        _code, short, long = _PAPERS[self.size]
        return int(((short if landscape else long) - 2 * _END) * _PIXELS * _SURE)

    def set_up(self, sheet: Any, *, landscape: bool) -> None:
        """Paper, margins, head and foot."""
        sheet.set_paper(_PAPERS[self.size][0])
        sheet.set_landscape() if landscape else sheet.set_portrait()
        sheet.set_margins(left=_SIDE, right=_SIDE, top=_END, bottom=_END)
        sheet.set_header("&L" + _literal(self.title, _HEAD_UNITS // 2) + "&R&A", {"margin": 0.35})
        right = "&R" + self.right_foot
        sheet.set_footer("&L" + _literal(self.left_foot, _HEAD_UNITS - len(right) - 2) + right, {"margin": 0.35})

    def set_up_table(self, sheet: Any, widths: Sequence[int], *, rows: int, head: int = 0) -> None:
        """As wide as a page while that can be read, on its side where that helps, else in parts side by side.

        `head` is the row that each page begins with; `rows` are all of them.
        """
        total = sum(widths)
        choices = [(True, _LEAST_SCALE)] if self.landscape else [(False, _UPRIGHT_SCALE), (True, _LEAST_SCALE)]
        landscape, fits = True, False
        for landscape, least in choices:
            fits = self.width(landscape=landscape) >= total * least
            if fits:
                break
        self.set_up(sheet, landscape=landscape)
        sheet.repeat_rows(head)
        if widths:
            sheet.print_area(0, 0, max(rows - 1, 0), len(widths) - 1)
        if fits:
            sheet.fit_to_pages(1, 0)
            return
        sheet.set_print_scale(int(_PARTS_SCALE * 100))
        sheet.print_across()
        if widths[0] * _PARTS_SCALE < self.width(landscape=True) / 2:
            sheet.repeat_columns(0)


def _literal(text: str, most: int) -> str:
    """Text of a head or foot, in which `&` begins a command."""
    found = ""
    for character in " ".join(text.split()):
        found += "&&" if character == "&" else character
        if len(found) >= most - 1:
            return found + "…"
    return found
