"""Read one sheet of an Excel or OpenDocument file row by row, its cells as the texts a person sees in them."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import python_calamine as calamine

from server.datasets.chunks import Chunk
from server.datasets.named import ABOVE_TABLE, BLANK, HEADER, Named
from server.datasets.schema import SheetInfo
from server.datasets.sheet_extent import require_small_sheets
from server.errors import FileProblem

_MOST_FILLED = 2_000_000  # cells that merged ones above them fill
_MOST_FILLED_CHARACTERS = 50_000_000
_ROWS_PER_CHUNK = 20_000
_SAMPLE_ROWS = 5_000
# Real workbooks shrink to a tenth; sheets of one repeated value to a hundredth.
_MAX_RATIO = 400
_RATIO_MATTERS_FROM = 50 * 1024 * 1024

SheetRow = list[str]


def guard_against_zip_bomb(path: Path, *, max_unpacked_bytes: int) -> list[str]:
    """Names of the archive's members; raises `FileProblem` when it is broken or would unpack to too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileProblem(
            "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
            code="damaged_workbook",
        ) from error
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    if unpacked > max_unpacked_bytes or (unpacked > _RATIO_MATTERS_FROM and unpacked > _MAX_RATIO * packed):
        raise FileProblem(
            "The Excel file would unpack to {size} MB, which is more than is accepted; save it as CSV and upload that.",
            code="unpacks_too_large",
            size=unpacked // 1_000_000,
        )
    require_small_sheets(path, members)
    return [member.filename for member in members]


def open_workbook(path: Path) -> calamine.CalamineWorkbook:
    try:
        return calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError as error:
        raise FileProblem(
            "The Excel file is protected by a password; remove the password and upload it again.",
            code="encrypted_workbook",
        ) from error
    except (calamine.CalamineError, OSError) as error:
        raise FileProblem(
            "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
            code="damaged_workbook",
        ) from error


def sheets_of(workbook: calamine.CalamineWorkbook) -> list[SheetInfo]:
    return [
        SheetInfo(name=sheet.name, visible=sheet.visible == calamine.SheetVisibleEnum.Visible)
        for sheet in workbook.sheets_metadata
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet
    ]


@dataclass(slots=True, kw_only=True)
class ExcelSource:
    """`width` and `first_line` as for text; a line is a row of the sheet, empty ones are left out."""

    path: Path
    sheet: calamine.CalamineSheet
    width: int = 0
    first_line: int = 0
    header_rows: int = 0
    bytes_read: int = field(default=0, init=False)
    records: int = field(default=0, init=False)

    def rows(self) -> Iterator[tuple[int, SheetRow]]:
        """Row number from 1, and its cells."""
        if self.sheet.start is None:
            return
        start_column = self.sheet.start[1]
        merged = _Merged(self.sheet)
        for row, cells in enumerate(self.sheet.iter_rows()):
            yield row + 1, merged.filled(row, start_column, [as_text(cell) for cell in cells])

    def chunks(self) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        errors = _error_cells(self.path, self.sheet.name)
        last = (self.sheet.end or (1, 0))[0] + 1
        self.records, named = 0, Named()
        rows = self._data_rows(errors, named)
        while block := list(islice(rows, _ROWS_PER_CHUNK)):
            self.bytes_read = min(size, size * block[-1][0] // last)
            yield self._chunk(block, errors)
        self.bytes_read = size
        yield self._chunk([], errors, named)

    def sample(self) -> Chunk:
        named = Named()
        return self._chunk(list(islice(self._data_rows({}, named), _SAMPLE_ROWS)), {}, named)

    def _data_rows(self, errors: dict[int, dict[int, str]], named: Named) -> Iterator[tuple[int, SheetRow]]:
        for number, row in self.rows():
            self.records += 1
            if number <= self.first_line:
                self._name_above(number, row, named)
            elif any(map(str.strip, row)) or number in errors:
                yield number, row
            else:
                named.add(BLANK, number)

    def _name_above(self, number: int, row: SheetRow, named: Named) -> None:
        if number > self.first_line - self.header_rows:
            named.add(HEADER, number)
        elif any(map(str.strip, row)):
            named.add(ABOVE_TABLE, number, "\t".join(row).strip())
        else:
            named.add(BLANK, number)

    def _chunk(
        self, block: list[tuple[int, SheetRow]], errors: dict[int, dict[int, str]], named: Named | None = None
    ) -> Chunk:
        start_column = self.sheet.start[1] if self.sheet.start else 0
        rows = [(row + [""] * self.width)[: self.width] for _, row in block]
        misfits = {
            (index, column - start_column): error
            for index, (number, _) in enumerate(block)
            for column, error in errors.get(number, {}).items()
            if 0 <= column - start_column < self.width
        }
        for (index, column), error in misfits.items():
            rows[index][column] = error
        return Chunk(
            columns=[pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
            if rows
            else [pa.array([], pa.string())] * self.width,
            line_of=lambda row: block[row][0],
            raw_of=lambda row: "\t".join(rows[row]),
            misfits=dict.fromkeys(misfits, "excel_error"),
            named=named or Named(),
        )


def as_text(cell: Any) -> str:
    """A cell as text that reads back as the same value; whole numbers without `.0`, midnight without a time."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


class _Merged:
    """Cells merged downwards hold their value in each row: that is what the person who merged them meant."""

    def __init__(self, sheet: calamine.CalamineSheet) -> None:
        self._columns: dict[int, list[int]] = {}
        self._values: dict[int, str] = {}
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

    def filled(self, row: int, start_column: int, cells: SheetRow) -> SheetRow:
        if not self._columns:
            return cells
        for column in self._columns.get(row, ()):
            place = column - start_column
            if 0 <= place < len(cells) and not cells[place]:
                cells[place] = self._values.get(place, "")
                self._left_characters -= len(cells[place])
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


_ERROR_CELL = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})(\d{1,7})"[^>]*>'
    rb"(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<",
    re.DOTALL,
)
_REST_BYTES = 4 * 1024 * 1024  # of a row that goes on in the next piece
# What a part that others could read may raise here; its error cells are then left empty, as calamine gives them.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, ElementTree.ParseError,
    StopIteration, ValueError, OSError,
)  # fmt: skip
_NAMESPACES = {
    "m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "p": "http://schemas.openxmlformats.org/package/2006/relationships",
}


def _error_cells(path: Path, sheet: str) -> dict[int, dict[int, str]]:
    """`#DIV/0!` and its kind by row number and column; calamine gives them as empty cells. Only .xlsx says where."""
    found: dict[int, dict[int, str]] = {}
    with (
        suppress(*_UNREADABLE),
        zipfile.ZipFile(path) as archive,
        archive.open(_part_of_sheet(archive, sheet)) as stream,
    ):
        rest = b""
        while block := stream.read(1024 * 1024):
            text = rest + block
            for match in _ERROR_CELL.finditer(text) if b't="e"' in text else ():
                found.setdefault(int(match[2]), {})[_column_number(match[1].decode())] = match[3].decode(
                    errors="replace"
                )
            rest = text[max(text.rfind(b"<row"), len(text) - _REST_BYTES) :]
    return found


def _part_of_sheet(archive: zipfile.ZipFile, sheet: str) -> str:
    # The document was opened by calamine before: it is well-formed, and its size was checked.
    if archive.getinfo("xl/workbook.xml").file_size > _REST_BYTES:
        raise ValueError("more sheets than anybody has")
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    wanted = next(
        element.get(f"{{{_NAMESPACES['r']}}}id")
        for element in book.iterfind("m:sheets/m:sheet", _NAMESPACES)
        if element.get("name") == sheet
    )
    target = next(
        link.get("Target", "") for link in links.iterfind("p:Relationship", _NAMESPACES) if link.get("Id") == wanted
    )
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
