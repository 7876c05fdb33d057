"""How far the cells of a workbook reach, before it is read: the reader makes room for every cell in between.

Two cells, A1 and XFD1048576, fit into 5 KB and would take the memory of 17 billion. What is measured here is what the
files hold, not what they say of themselves.
"""

from __future__ import annotations

import itertools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.ahead import in_order
from server.errors import FileProblem

_MOST_CELLS = 40_000_000  # with all that lie between: what a worker's memory holds
_MOST_ROWS = 1_048_576  # what Excel and LibreOffice have
_MOST_COLUMNS = 16_384
_ALWAYS_FINE = 2_600_000  # 26 columns of 99,999 rows
_EMPTY_SHARE = 100  # so many empty cells for each that holds something are no table any more
_ENOUGH_CELLS = _MOST_CELLS // _EMPTY_SHARE  # more of them make no sheet smaller
_FEW_TEXTS = 5_000_000
_MOST_LETTERS, _MOST_DIGITS = 9, 18
_BLOCK = 1024 * 1024
_OVERLAP = 64
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,9})(\d{1,18})["']""")
# Places whose numbers fit into no machine word, over which the reader's process would end.
_ENDLESS = re.compile(rb"""["'](?:[A-Za-z]{10,}\d|[A-Za-z]{0,40}\d{19})""")
_NO_VALUE = re.compile(rb"</f>(?:</c>|<v></v>|<v ?/>)")
_COUNT_OF_TEXTS = re.compile(rb"""\buniqueCount\s*=\s*["']\s*0*(\d+)""")
_PLACE = re.compile(r"([A-Za-z]*)0*(\d*)")
_USUAL_CELL = re.compile(rb'r="([A-Za-z]{1,9})(\d{1,18})"')
# Looked for by RE2, which goes once over a text however much is asked; places nearly always read like ` r="A1"`.
_ODD_PLACES = r"r(?:\s+=|=\s|=')"
_FAR_PLACES = r"r(?:=\"(?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{7})|\s+=|=\s|=')"
_TWO_LETTERS, _SIX_DIGITS = r'r="[A-Za-z]{2}[0-9]', r'r="[A-Za-z]*[0-9]{6}'
_SIGNS = r't="e"| hidden="|</f>(?:</c>|<v></v>|<v ?/>)'
_XLSB_HEAD = 10  # bytes of a type, a size and a number, at most
_XLSB_CELLS = range(1, 12)  # record types of cells; 0 is the head of a row


@dataclass(slots=True)
class _Extent:
    rows: int = 0
    columns: int = 0
    cells: int = 0

    def add(self, row: int, column: int, count: int = 1) -> None:
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        self.cells += count

    @property
    def is_small(self) -> bool:
        area = self.rows * self.columns
        is_possible = self.rows <= _MOST_ROWS and self.columns <= _MOST_COLUMNS
        return is_possible and (area <= _ALWAYS_FINE or area <= min(_MOST_CELLS, self.cells * _EMPTY_SHARE))

    def require_small(self) -> None:
        if not self.is_small:
            raise FileProblem(
                "A sheet reaches over {rows} rows and {columns} columns but holds only {cells} cells. Delete the empty "
                "rows and columns (or what stands far outside), or save the sheet as CSV and upload that.",
                code="sheet_too_wide",
                rows=self.rows,
                columns=self.columns,
                cells=self.cells,
            )


@dataclass(slots=True)
class SheetSigns:
    """Whether there is anything in a sheet that only a second look at it can tell."""

    has_errors: bool = False
    has_hidden: bool = False
    has_formulas_without_values: bool = False
    has_values: bool = False

    def note(self, text: bytes) -> None:
        self.has_errors = self.has_errors or b't="e"' in text
        self.has_hidden = self.has_hidden or b' hidden="' in text
        if not self.has_formulas_without_values and b"</f>" in text:
            self.has_formulas_without_values = _NO_VALUE.search(text) is not None


def require_small_sheets(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, SheetSigns]:
    """By the names of sheets in an .xlsx. Raises `FileProblem` for sheets that take too much room, and when a member is
    larger than it says.
    """
    signs = {}
    for member in members:
        name = member.filename.lower()
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            signs[member.filename] = _xlsx(path, member)
        elif name.startswith("xl/worksheets/") and name.endswith(".bin"):
            _xlsb(unpacked(path, member))
        elif name == "content.xml":
            _ods(unpacked(path, member))
        elif name.endswith((".xml", ".bin", ".rels")) or name.startswith("xl/"):
            _other(unpacked(path, member), member.file_size)
    return signs


def _other(pieces: Iterator[bytes], size: int) -> None:
    """The reader makes room for as many shared texts as a workbook says that it has; some say a few too many."""
    most = max(size, _FEW_TEXTS)
    for text in _overlapping(pieces):
        if any(len(digits) > _MOST_DIGITS or int(digits) > most for digits in _COUNT_OF_TEXTS.findall(text)):
            raise _damaged()


def unpacked(path: Path, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member, read past the size it declares: other readers do not stop there."""
    left = member.file_size
    with path.open("rb") as stream:
        stream.seek(max(0, member.header_offset))
        head = stream.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise _damaged()
        stream.seek(sum(struct.unpack("<HH", head[26:30])), 1)
        packed = member.compress_size
        inflate = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
        while packed > 0 and (block := stream.read(min(_BLOCK, packed))):
            packed -= len(block)
            while block:
                piece = block if inflate is None else _inflated(inflate, block)
                block = b"" if inflate is None else inflate.unconsumed_tail
                left -= len(piece)
                if left < 0:
                    raise _damaged()
                yield piece


def _inflated(inflate: Any, block: bytes) -> bytes:
    try:
        piece: bytes = inflate.decompress(block, _BLOCK)
    except zlib.error as error:
        raise _damaged() from error
    return piece


def _damaged() -> FileProblem:
    return FileProblem(
        "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
        code="damaged_workbook",
    )


def _xlsx(path: Path, member: zipfile.ZipInfo) -> SheetSigns:
    """Most sheets are narrow and short, which is seen at once; only others are counted cell by cell."""
    look, cells, has_values = _Look(), 0, False
    for text, is_new in in_order(look.finds, _overlapping(unpacked(path, member))):
        cells += text.count(b"<c ") if cells < _ENOUGH_CELLS else 0
        has_values = has_values or b"v>" in text or b"is>" in text
        if is_new:
            look.note(text)
    rows, columns = 999_999 if look.found(_SIX_DIGITS) else 99_999, 26 * 27 if look.found(_TWO_LETTERS) else 26
    if look.found(_FAR_PLACES) or not _Extent(rows=rows, columns=columns, cells=cells).is_small:
        _count_places(path, member)
    look.signs.has_values = has_values
    return look.signs


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
    if any(_ENDLESS.search(text) is not None for text in _overlapping(unpacked(path, member))):
        _require_places(unpacked(path, member))
    extent = _Extent()
    for text in _overlapping(unpacked(path, member)):
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
            raise _damaged()

    _parse(pieces, start)


def _overlapping(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        yield rest + piece
        rest = piece[-_OVERLAP:]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + (letter & 0x1F)
    return number


def _xlsb(pieces: Iterator[bytes]) -> None:
    """Records of a type and a size, both in 7-bit pieces; cells begin with their column, rows with their number."""
    extent, row = _Extent(), 0
    data, skip = b"", 0
    for piece in itertools.chain(pieces, [bytes(_XLSB_HEAD)]):  # zeros, so that the last record is read too
        data += piece
        place = 0
        while place + skip + _XLSB_HEAD <= len(data):
            place += skip
            kind, place = varint(data, place, 2)
            skip, place = varint(data, place, 4)
            (number,) = struct.unpack_from("<I", data, place)
            if skip >= 4 and kind == 0:
                row = number
            elif skip >= 4 and kind in _XLSB_CELLS:
                extent.add(row + 1, number + 1)
        gone = min(place + skip, len(data))
        data, skip = data[gone:], place + skip - gone
    extent.require_small()


def varint(data: bytes, place: int, most: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * most, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value, place


class _OdsTables:
    """Counts cells of OpenDocument, which says how often a cell or a row is repeated."""

    def __init__(self) -> None:
        self._extent = _Extent()
        self._row = self._column = self._width = self._repeat = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "table":
                self._extent, self._row = _Extent(), 0
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
    return min(int(text), _MOST_CELLS + 1) if text and text.isdecimal() and len(text) < 12 else 1


def _ods(pieces: Iterator[bytes]) -> None:
    tables = _OdsTables()
    _parse(pieces, tables.start, tables.end)


def _parse(
    pieces: Iterator[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)  # the reader would wait for ever for the end of what was cut off
    except expat.ExpatError as error:
        raise _damaged() from error
