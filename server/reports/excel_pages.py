"""The paper that sheets are printed on: its size, what has room there, and what stands above and below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.brand import Brand
from server.reports.excel_room import letters
from server.reports.printable import printable

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
_FOOT_SIZES = (10, 9, 8, 7, 6)  # points
_FOOT_LETTER = 0.52  # of its size is a letter wide
_HEAD_UNITS = 250  # Excel takes 255
_LEAST_UNITS = 12  # of what is cut: less says nothing
_SMALL = "&8 "  # three lines have room in a margin; the blank ends the size before a digit


class Sheets(msgspec.Struct, frozen=True, kw_only=True):
    """How all sheets of a workbook are printed. `left_foot` and `right_foot` stand below each page,
    what a brand says above the title and above the foot."""

    size: str
    landscape: bool
    title: str
    left_foot: str
    right_foot: str
    brand: Brand = Brand()

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
        has_brand = bool(self.brand.footer or self.brand.confidentiality)
        foot = self._brand_foot() if has_brand else self._foot(self.width(landscape=landscape))
        sheet.set_header(self._head(), {"margin": 0.35})
        sheet.set_footer(foot, {"margin": 0.25 if has_brand else 0.35})

    def _head(self) -> str:
        own = [self.brand.header]
        room = _HEAD_UNITS - len("&L&R&A") if self.brand.header else _HEAD_UNITS // 2
        return "&L" + _lines(own, self.title, room) + "&R&A"

    def _brand_foot(self) -> str:
        """What a brand says comes first: what is said of the data stands in the workbook, too."""
        right = "&R" + self.right_foot
        room = _HEAD_UNITS - len(right) - len("&L")
        return "&L" + _lines([self.brand.confidentiality, self.brand.footer], self.left_foot, room) + right

    def _foot(self, width: int) -> str:
        """In letters so small that left and right do not meet, down to what can be read; then the left one is cut."""
        room = width * 72 / _PIXELS
        count = letters(self.left_foot) + letters(self.right_foot)
        size = next((size for size in _FOOT_SIZES if count * size * _FOOT_LETTER <= room), _FOOT_SIZES[-1])
        spare = int(room / size / _FOOT_LETTER) - letters(self.right_foot)
        left = self.left_foot if count * size * _FOOT_LETTER <= room else self.left_foot[: spare - 1] + "…"
        right = f"&R&{size} {self.right_foot}"
        return f"&L&{size} " + _literal(left, _HEAD_UNITS - len(right) - 6) + right

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


def _lines(own: Sequence[str], last: str, room: int) -> str:
    """The lines of a brand, and below them what each report has; as much of it all as there is room for."""
    lines = []
    for text in filter(None, own):
        line = _SMALL + _literal(text, room - len(_SMALL))
        lines.append(line)
        room -= len(line) + 1
    if not lines:
        return _literal(last, room)
    if room > _LEAST_UNITS:
        lines.append(_SMALL + _literal(last, room - len(_SMALL)))
    return "\n".join(lines)


def _literal(text: str, most: int) -> str:
    """Text of a head or foot, in which `&` begins a command."""
    found = ""
    for character in " ".join(printable(text).split()):
        found += "&&" if character == "&" else character
        if len(found) >= most - 1:
            return found + "…"
    return found
