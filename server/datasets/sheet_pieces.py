"""Load a sheet of .xlsx in pieces of whole rows, some at the same time.

Its reader takes one thread, unpacks the sheet twice and goes through it twice: for the cells, then for those that are
merged, which stand at the end. Each piece is a workbook of its own, with the styles and texts of the whole one and the
sheet's own beginning; the merged cells are read of a sheet without rows. All that the reader takes along from one row
to the next is where it is, which the first row of a piece says anew.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import python_calamine as calamine

from server.datasets.ahead import in_order
from server.datasets.workbook_members import UNREADABLE

_PIECE_BYTES = 2 * 1024 * 1024  # what a processor has at hand
_MOST_PIECE_BYTES = 64 * 1024 * 1024  # of a row, or where there are many texts
_MOST_HEAD_BYTES = 4 * 1024 * 1024
_TEXTS_SHARE = 4  # so many times what is read anew for each piece
_BEGIN, _END = b"<sheetData>", b"</sheetData"
_PLACED = re.compile(rb"""<row (?:[^<>]* )?r="[0-9]+"[ >/]""")
_NO_MERGED = b"<mergeCells></mergeCells>"  # whoever looks for them ends here
# What readers of cells do not open: other sheets, what is drawn, and what programs keep for themselves.
_UNREAD = (
    "xl/worksheets/", "xl/media/", "xl/drawings/", "xl/charts/", "xl/embeddings/", "xl/externallinks/", "xl/pivot",
    "xl/printersettings/", "xl/theme/", "xl/tables/", "xl/comments", "xl/calcchain", "xl/vba", "docprops/",
    "customxml/",
)  # fmt: skip

CellPlace = tuple[int, int]  # row and column, from 0


class Sheet(Protocol):
    """Of a workbook: from the first cell that holds something to the last, None where none does."""

    name: str

    @property
    def start(self) -> CellPlace | None: ...
    @property
    def end(self) -> CellPlace | None: ...
    @property
    def width(self) -> int: ...
    @property
    def merged_cell_ranges(self) -> list[tuple[CellPlace, CellPlace]] | None: ...
    def iter_rows(self) -> Iterator[list[Any]]: ...


@dataclass(frozen=True, slots=True)
class SheetPiece:
    """Rows of a sheet that hold something, from the first to the last of them."""

    sheet: calamine.CalamineSheet
    start: CellPlace
    end: CellPlace


@dataclass(slots=True, kw_only=True)
class PiecedSheet:
    """`pieces` follow one upon the other."""

    name: str
    pieces: list[SheetPiece]
    merged_cell_ranges: list[tuple[CellPlace, CellPlace]] | None
    _left: int = field(default=0, init=False)
    _right: int = field(default=-1, init=False)

    def __post_init__(self) -> None:
        if self.pieces:
            self._left = min(each.start[1] for each in self.pieces)
            self._right = max(each.end[1] for each in self.pieces)

    @property
    def start(self) -> CellPlace | None:
        return (self.pieces[0].start[0], self._left) if self.pieces else None

    @property
    def end(self) -> CellPlace | None:
        return (self.pieces[-1].end[0], self._right) if self.pieces else None

    @property
    def width(self) -> int:
        return self._right - self._left + 1

    def iter_rows(self) -> Iterator[list[Any]]:
        """From the first row of the sheet on, also where nothing stands in it."""
        return chain.from_iterable(self._rows())

    def _rows(self) -> Iterator[Iterable[list[Any]]]:
        row = 0
        for piece in self.pieces:
            (first, left), (last, right) = piece.start, piece.end
            if first > row:
                yield ([""] * self.width for _ in range(row, first))
            before, behind = [""] * (left - self._left), [""] * (self._right - right)
            rows = piece.sheet.to_python()
            yield [[*before, *cells, *behind] for cells in rows] if before or behind else rows
            row = last + 1


def load_in_pieces(
    path: Path, name: str, member: zipfile.ZipInfo, texts: Iterable[bytes], *, piece_bytes: int = _PIECE_BYTES
) -> PiecedSheet | None:
    """A sheet and where it stands in the workbook; `texts` are its bytes, unpacked, without comments and the like: what
    looks like a row in these is none. None where it must be read as a whole, also since it is damaged.
    """
    try:
        others = _other_parts(path)
    except UNREADABLE:
        return None
    rows = _Rows(iter(texts), member.CRC, max(piece_bytes, _TEXTS_SHARE * sum(map(len, others.values()))))

    def loaded(piece: bytes) -> calamine.CalamineSheet | None:
        if _PLACED.match(piece) is None:
            return None
        return _loaded(others, name, member.filename, [rows.head, _NO_MERGED, _BEGIN, piece, _END, b">"])

    pieces = _that_follow(sheet for _, sheet in in_order(loaded, rows.pieces()))
    if pieces is None or not rows.is_whole:
        return None
    bare = _loaded(others, name, member.filename, [rows.head, _BEGIN, rows.tail])
    if bare is None:
        return None
    return PiecedSheet(name=name, pieces=pieces, merged_cell_ranges=bare.merged_cell_ranges)


def _that_follow(sheets: Iterable[calamine.CalamineSheet | None]) -> list[SheetPiece] | None:
    """Those that hold something; None where one could not be loaded, or has rows of another."""
    pieces: list[SheetPiece] = []
    for sheet in sheets:
        if sheet is None:
            return None
        if sheet.start is None or sheet.end is None:
            continue
        if pieces and sheet.start[0] <= pieces[-1].end[0]:
            return None
        pieces.append(SheetPiece(sheet, sheet.start, sheet.end))
    return pieces


def _other_parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        others = [each for each in archive.infolist() if not each.filename.lower().startswith(_UNREAD)]
        if sum(each.file_size for each in others) * _TEXTS_SHARE > _MOST_PIECE_BYTES:
            raise ValueError("more than is worth reading for each piece")
        return {each.filename: archive.read(each.filename) for each in others}


@dataclass(slots=True)
class _Rows:
    """The rows of a sheet in pieces of at least `size` bytes, what stands before them, and what behind them.

    `is_whole` says at the end whether all was found, and is what the checksum says.
    """

    _texts: Iterator[bytes]
    _checksum: int
    _size: int
    head: bytes = b""
    tail: bytes = b""
    is_whole: bool = field(default=False, init=False)
    _text: bytes = field(default=b"", init=False)
    _summed: int = field(default=0, init=False)

    def pieces(self) -> Iterator[bytes]:
        """None where rows are not written as nearly everybody writes them."""
        while (place := self._text.find(_BEGIN)) < 0 and len(self._text) < _MOST_HEAD_BYTES:
            if not (more := self._next()):
                return
            self._text += more
        if place < 0:
            return
        self.head, self._text, searched = self._text[:place], self._text[place + len(_BEGIN) :], 0
        while more := self._more():
            self._text += more
            end = self._text.find(_END, searched)
            if end >= 0:
                self.tail = b"".join([self._text[end:], *iter(self._next, b"")])
                self.is_whole = self._summed == self._checksum
                yield self._text[:end]
                return
            cut = self._text.rfind(b"<row ")
            if cut > 0:
                yield self._text[:cut]
                self._text = self._text[cut:]
            elif len(self._text) > _MOST_PIECE_BYTES:
                return
            searched = max(0, len(self._text) - len(_END))

    def _more(self) -> bytes:
        """So much that there is a piece, or all that is left."""
        found: list[bytes] = []
        left = max(1, self._size - len(self._text))
        while left > 0 and (text := self._next()):
            found.append(text)
            left -= len(text)
        return b"".join(found)

    def _next(self) -> bytes:
        text = next(self._texts, b"")
        self._summed = zlib.crc32(text, self._summed)
        return text


def _loaded(others: dict[str, bytes], name: str, part: str, sheet: list[bytes]) -> calamine.CalamineSheet | None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for other, content in others.items():
            archive.writestr(other, content)
        archive.writestr(part, b"".join(sheet))
    stream.seek(0)
    try:
        return calamine.CalamineWorkbook.from_filelike(stream).get_sheet_by_name(name)
    except calamine.CalamineError:
        return None
