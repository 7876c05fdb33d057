"""What a binary workbook (.xlsb) says of its cells beside their values (MS-XLSB, 2.4)."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from server.datasets.number_formats import NumberFormat, format_numbered
from server.datasets.sheet_marks import SheetMarks
from server.datasets.xlsb_extent import varint

_ROW, _ERROR, _FORMULA_ERROR, _NUMBER, _REAL, _FORMULA_NUMBER = 0, 3, 11, 2, 5, 9
_FORMAT, _XF, _COLUMN, _BOOK, _SHEET, _CELL_XFS, _END_CELL_XFS = 44, 47, 60, 153, 156, 617, 618
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip
_LINK = re.compile(rb"<Relationship\b[^>]*>")
_MOST_BYTES = 512 * 1024 * 1024


def xlsb_marks(path: Path, sheet: str) -> SheetMarks:
    """The file was read by calamine before."""
    marks = SheetMarks()
    with (
        suppress(zipfile.BadZipFile, KeyError, struct.error, IndexError, StopIteration, ValueError, OSError),
        zipfile.ZipFile(path) as archive,
    ):
        part = _part(archive, sheet, marks)
        formats = _formats(_read(archive, "xl/styles.bin"))
        row = 0
        for kind, data in _records(_read(archive, part)):
            if kind == _ROW:
                row = struct.unpack_from("<I", data)[0] + 1
                marks.hidden_rows += bool(data[11] & 0x10)
            elif kind in (_ERROR, _FORMULA_ERROR):
                marks.note_error(row, struct.unpack_from("<I", data)[0], _ERRORS.get(data[8], "#N/A"))
            elif kind in (_NUMBER, _REAL, _FORMULA_NUMBER):
                column, style = struct.unpack_from("<II", data)
                found = formats.get(style & 0xFFFFFF)
                if found is not None:
                    marks.note_format(row, column, found)
            elif kind == _COLUMN and struct.unpack_from("<H", data, 16)[0] & 1:
                first, last = struct.unpack_from("<II", data)
                marks.hidden_columns += range(first, min(last + 1, 16_384))
    return marks


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MOST_BYTES:
        raise ValueError("more than is looked at")
    return archive.read(name)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        kind, place = varint(data, place, 2)
        size, place = varint(data, place, 4)
        yield kind, data[place : place + size]
        place += size


def _part(archive: zipfile.ZipFile, sheet: str, marks: SheetMarks) -> str:
    wanted = ""
    for kind, data in _records(_read(archive, "xl/workbook.bin")):
        if kind == _BOOK:
            marks.from_1904 = bool(data[0] & 1)
        elif kind == _SHEET:
            link, place = _text(data, 8)
            if _text(data, place)[0] == sheet:
                wanted = link
    links = _LINK.findall(_read(archive, "xl/_rels/workbook.bin.rels"))
    link_of = next(link for link in links if f'Id="{wanted}"'.encode() in link)
    target = re.search(rb'Target="([^"]*)"', link_of)
    name = target[1].decode() if target else ""
    return name.lstrip("/") if name.startswith("/") else f"xl/{name}"


def _text(data: bytes, place: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, place)
    end = place + 4 + 2 * length
    return data[place + 4 : end].decode("utf-16-le"), end


def _formats(styles: bytes) -> dict[int, NumberFormat]:
    """Those that change what is seen, by the number that cells name."""
    codes: dict[int, str] = {}
    numbers: list[int] = []
    is_of_cells = False
    for kind, data in _records(styles):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", data)[0]] = _text(data, 2)[0]
        elif kind in (_CELL_XFS, _END_CELL_XFS):
            is_of_cells = kind == _CELL_XFS
        elif kind == _XF and is_of_cells:
            numbers.append(struct.unpack_from("<H", data, 2)[0])
    found = {style: format_numbered(number, codes.get(number)) for style, number in enumerate(numbers)}
    return {style: each for style, each in found.items() if each.changes_what_is_seen}
