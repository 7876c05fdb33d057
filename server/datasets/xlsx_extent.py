"""How far the cells of a sheet of .xlsx reach, and whether there is anything in it that a second look must tell."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.ahead import in_order
from server.datasets.sheet_extent import EMPTY_SHARE, MOST_CELLS, Extent
from server.datasets.workbook_members import damaged, overlapping, parse, unpacked

_ENOUGH_CELLS = MOST_CELLS // EMPTY_SHARE  # more of them make no sheet smaller
_MOST_LETTERS, _MOST_DIGITS = 9, 18
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,9})(\d{1,18})["']""")
# Places whose numbers fit into no machine word, over which the reader's process would end.
_ENDLESS = re.compile(rb"""["'](?:[A-Za-z]{10,}\d|[A-Za-z]{0,40}\d{19})""")
_NO_VALUE = re.compile(rb"</f>(?:</c>|<v></v>|<v ?/>)")
_PLACE = re.compile(r"([A-Za-z]*)0*(\d*)")
_USUAL_CELL = re.compile(rb'r="([A-Za-z]{1,9})(\d{1,18})"')
# Looked for by RE2, which goes once over a text however much is asked; places nearly always read like ` r="A1"`.
_ODD_PLACES = r"r(?:\s+=|=\s|=')"
_FAR_PLACES = r"r(?:=\"(?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{7})|\s+=|=\s|=')"
_TWO_LETTERS, _SIX_DIGITS = r'r="[A-Za-z]{2}[0-9]', r'r="[A-Za-z]*[0-9]{6}'
_MORE = r"<!|<\?(?:[^x]|x[^m])"
_SIGNS = rf't="e"| hidden="|</f>(?:</c>|<v></v>|<v ?/>)|{_MORE}'


@dataclass(slots=True)
class SheetSigns:
    """Whether there is anything in a sheet that only a second look at it can tell."""

    has_errors: bool = False
    has_hidden: bool = False
    has_formulas_without_values: bool = False
    has_values: bool = False
    has_more_than_elements: bool = False  # comments, texts that are no markup, and what is meant for programs
    text: list[bytes] | None = field(default=None, compare=False, repr=False)  # all of the sheet, where it is kept

    def note(self, text: bytes) -> None:
        self.has_errors = self.has_errors or b't="e"' in text
        self.has_hidden = self.has_hidden or b' hidden="' in text
        self.has_more_than_elements = self.has_more_than_elements or _holds(text, _MORE)
        if not self.has_formulas_without_values and b"</f>" in text:
            self.has_formulas_without_values = _NO_VALUE.search(text) is not None


def xlsx(path: Path, member: zipfile.ZipInfo, *, keep: bool = False) -> SheetSigns:
    """Most sheets are narrow and short, which is seen at once; only others are counted cell by cell.

    `keep`: the unpacked text, for whoever loads the sheet next.
    """
    look, cells, has_values = _Look(), 0, False
    texts = unpacked(path, member)
    if keep:
        look.signs.text = []
        texts = _noted(texts, look.signs.text)
    for text, is_new in in_order(look.finds, overlapping(texts)):
        cells += text.count(b"<c ") if cells < _ENOUGH_CELLS else 0
        has_values = has_values or b"v>" in text or b"is>" in text
        if is_new:
            look.note(text)
    rows, columns = 999_999 if look.found(_SIX_DIGITS) else 99_999, 26 * 27 if look.found(_TWO_LETTERS) else 26
    if look.found(_FAR_PLACES) or not Extent(rows=rows, columns=columns, cells=cells).is_small:
        _count_places(path, member)
    look.signs.has_values = has_values
    return look.signs


def _noted(texts: Iterator[bytes], kept: list[bytes]) -> Iterator[bytes]:
    for text in texts:
        kept.append(text)
        yield text


@dataclass(slots=True)
class _Look:
    """What is found once is looked for no more, so that a piece with nothing new is gone through once."""

    signs: SheetSigns = field(default_factory=SheetSigns)
    _left: tuple[str, ...] = (_FAR_PLACES, _TWO_LETTERS, _SIX_DIGITS, _SIGNS)

    def finds(self, text: bytes) -> bool:
        """Also in other threads."""
        return _holds(text, "|".join(self._left))

    def note(self, text: bytes) -> None:
        found = {pattern for pattern in self._left if _holds(text, pattern)}
        if _SIGNS in found:
            self.signs.note(text)
        self._left = tuple(pattern for pattern in self._left if pattern == _SIGNS or pattern not in found)

    def found(self, pattern: str) -> bool:
        return pattern not in self._left


def _holds(text: bytes, pattern: str) -> bool:
    offsets = pa.py_buffer(struct.pack("<qq", 0, len(text)))
    cell = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(text)])
    return bool(pc.match_substring_regex(cell, pattern)[0].as_py())


def _count_places(path: Path, member: zipfile.ZipInfo) -> None:
    if any(_ENDLESS.search(text) is not None for text in overlapping(unpacked(path, member))):
        _require_places(unpacked(path, member))
    extent = Extent()
    for text in overlapping(unpacked(path, member)):
        found = set((_CELL if _holds(text, _ODD_PLACES) else _USUAL_CELL).findall(text))
        extent.cells += len(found)
        extent.rows = max(extent.rows, max((int(row) for _, row in found), default=0))
        extent.columns = max(extent.columns, max((_column_number(c) for c in {c for c, _ in found}), default=0))
    extent.require_small()


def _require_places(pieces: Iterator[bytes]) -> None:
    """What looks endless may stand in a text as well: only those of rows and cells count."""

    def start(name: str, attributes: dict[str, str]) -> None:
        match = _PLACE.match(attributes.get("r", "")) if name.rpartition(":")[2] in ("row", "c") else None
        if match and (len(match[1]) > _MOST_LETTERS or len(match[2]) > _MOST_DIGITS):
            raise damaged()

    parse(pieces, start)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + (letter & 0x1F)
    return number
