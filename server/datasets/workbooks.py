"""Open a workbook and find the table in it: which sheet, where it begins, and what a person should be told of it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import python_calamine as calamine

from server.datasets.detect import FileShape, description_warnings
from server.datasets.excel_source import ExcelSource
from server.datasets.file_kinds import not_a_table
from server.datasets.notes_above import filled
from server.datasets.ods_marks import ods_marks
from server.datasets.schema import FileLimits, ReadOptions, SheetInfo, clean_names, require_column_count
from server.datasets.sheet_marks import SheetMarks, sheet_parts, xlsx_marks
from server.datasets.sheet_pieces import Sheet, load_in_pieces
from server.datasets.sheet_tables import find_in_sheet, holds_table, is_cover
from server.datasets.sheet_warnings import (
    cell_warnings,
    hidden_warnings,
    merged_warnings,
    other_sheets,
    table_warnings,
)
from server.datasets.small_sheets import LARGE_BYTES, require_small_sheets
from server.datasets.workbook_members import unpacked
from server.datasets.xlsb_marks import xlsb_marks
from server.datasets.xlsx_extent import SheetSigns
from server.errors import FileProblem, InvalidInput
from server.texts import phrase

_HEAD_ROWS = 200
_LOOKED_AT_ROWS = 2_000  # for other tables
_SHEETS_BELOW_COVER = 10  # that are looked at for a table
# Real workbooks shrink to a tenth; sheets of one repeated value to a hundredth.
_MAX_RATIO = 400
_RATIO_MATTERS_FROM = 50 * 1024 * 1024
_ENCRYPTED_PARTS = ("EncryptedPackage", "EncryptionInfo", "DRMEncryptedTransform")
_OTHER_OLE_FILES = {
    "WordDocument": phrase("a Word document"),
    "PowerPoint": phrase("a presentation"),
    "__nameid_version1.0": phrase("a mail"),
}
_OLE_BLOCK = 4 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class OpenedWorkbook:
    """A workbook with its kind (xlsx, xlsb, xls, ods), and what was seen in its sheets when they were measured."""

    path: Path
    kind: str
    book: calamine.CalamineWorkbook
    signs: dict[str, SheetSigns]

    def sheets(self) -> list[SheetInfo]:
        return [
            SheetInfo(name=sheet.name, visible=sheet.visible == calamine.SheetVisibleEnum.Visible)
            for sheet in self.book.sheets_metadata
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet
        ]

    def sheet(self, name: str) -> Sheet:
        try:
            return self._in_pieces(name) or self.book.get_sheet_by_name(name)
        except calamine.CalamineError as error:
            raise _damaged() from error

    def _in_pieces(self, name: str) -> Sheet | None:
        """Of large ones: the others are read as soon as that begins."""
        part = sheet_parts(self.path).get(name, "") if self.kind == "xlsx" else ""
        signs = self.signs.get(part)
        if signs is None or signs.has_more_than_elements:
            return None
        member = {each.filename: each for each in _members(self.path)}[part]
        if member.file_size < LARGE_BYTES:
            return None
        text, signs.text = signs.text, None
        return load_in_pieces(self.path, name, member, text or unpacked(self.path, member))

    def marks(self, sheet: str) -> SheetMarks:
        if self.kind == "xlsx":
            return xlsx_marks(self.path, sheet, self.signs)
        if self.kind == "xlsb":
            return xlsb_marks(self.path, sheet)
        return ods_marks(self.path, sheet) if self.kind == "ods" else SheetMarks()


def open_workbook(path: Path, kind: str, limits: FileLimits) -> OpenedWorkbook:
    """`kind`: zip or ole. Raises `FileProblem` for what is damaged, encrypted, no workbook, or unpacks to too much."""
    signs: dict[str, SheetSigns] = {}
    if kind == "zip":
        members = _members(path)
        kind = _kind_of_archive(path, [member.filename for member in members])
        signs = _require_small(path, members, limits)
    else:
        _require_old_workbook(path)
        kind = "xls"
    try:
        return OpenedWorkbook(path=path, kind=kind, book=calamine.CalamineWorkbook.from_path(str(path)), signs=signs)
    except calamine.PasswordError as error:
        raise _encrypted() from error
    except (calamine.CalamineError, OSError) as error:
        raise _damaged() from error


def is_workbook(path: Path) -> bool:
    """Of a zip: whether it is a workbook, or an archive of other files."""
    names = {member.filename for member in _members(path)}
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml", "[Content_Types].xml"})


def _members(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged() from error


def _require_small(path: Path, members: list[zipfile.ZipInfo], limits: FileLimits) -> dict[str, SheetSigns]:
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    is_bomb = unpacked > _RATIO_MATTERS_FROM and unpacked > _MAX_RATIO * packed
    if unpacked > limits.max_unpacked_bytes or is_bomb:
        raise FileProblem(
            "The Excel file would unpack to {size} MB, which is more than is accepted; save it as CSV and upload that.",
            code="unpacks_too_large",
            size=unpacked // 1_000_000,
        )
    return require_small_sheets(path, members)


def _kind_of_archive(path: Path, names: Sequence[str]) -> str:
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "content.xml" in names and "mimetype" in names:
        _require_readable_document(path)
        return "ods"
    raise FileProblem(
        "The file is an archive or a document, not a table. Unpack it, and upload the CSV or Excel file that is in it.",
        code="not_a_table",
    )


def _require_readable_document(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        try:
            with archive.open("META-INF/manifest.xml") as stream:
                manifest = stream.read(1024 * 1024)
            with archive.open("mimetype") as stream:
                kind = stream.read(200)
        except (
            KeyError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise _damaged() from error
    if b"encryption-data" in manifest:
        raise _encrypted()
    if b"spreadsheet" not in kind:
        raise FileProblem(
            "The file is an OpenDocument text or drawing, not a table. Save its table as .ods or CSV and upload that.",
            code="not_a_table",
        )


def _require_old_workbook(path: Path) -> None:
    """A compound file holds its parts by names in UTF-16: old Excel files, encrypted new ones, Word, mails."""
    found: set[str] = set()
    wanted = {name: name.encode("utf-16-le") for name in (*_ENCRYPTED_PARTS, *_OTHER_OLE_FILES, "Workbook", "Book")}
    rest = b""
    with path.open("rb") as stream:
        while block := stream.read(_OLE_BLOCK):
            text = rest + block
            found |= {name for name, mark in wanted.items() if mark in text}
            rest = text[-64:]
    if found & set(_ENCRYPTED_PARTS):
        raise _encrypted()
    other = next((kind for name, kind in _OTHER_OLE_FILES.items() if name in found), None)
    if other is not None and not found & {"Workbook", "Book"}:
        raise not_a_table(other, phrase("save its table as CSV or Excel"))


def _encrypted() -> FileProblem:
    return FileProblem(
        "The Excel file is protected by a password; remove the password and upload it again.", code="encrypted_workbook"
    )


def _damaged() -> FileProblem:
    return FileProblem(
        "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
        code="damaged_workbook",
    )


def table_of(workbook: OpenedWorkbook, options: ReadOptions, limits: FileLimits) -> tuple[FileShape, ExcelSource]:
    """The first visible sheet that has rows (if it is just a cover, the first with a table), or the one asked for."""
    sheets = workbook.sheets()
    sheet, marks = _chosen_sheet(workbook, sheets, options.sheet)
    source = ExcelSource(path=workbook.path, sheet=sheet, marks=marks)
    rows = source.first_rows(_LOOKED_AT_ROWS)
    if not any(map(filled, rows[options.skip_rows or 0 :])):
        raise FileProblem("The sheet “{sheet}” has no rows.", code="empty_file", sheet=sheet.name)
    head = find_in_sheet(rows[:_HEAD_ROWS], header=options.header, above=options.skip_rows)
    names = clean_names([*head.names, *[""] * len(rows[0])][: len(rows[0])])
    require_column_count(len(names), limits)
    source.width, source.header_rows = len(names), head.header_records
    source.first_line, source.is_below_table = head.above + head.header_records, head.is_other
    if head.header_records == 1:
        source.header = [*head.names, *[""] * source.width][: source.width]
    shape = FileShape(
        format=workbook.kind,
        names=tuple(names),
        header=head.header_records > 0,
        skip_rows=head.above,
        first_line=source.first_line,
        sheet=sheet.name,
        sheets=tuple(_counted(info, sheet) if info.name == sheet.name else info for info in sheets),
        warnings=(
            *other_sheets(sheet.name, _others(workbook, sheets, sheet.name)),
            *hidden_warnings(marks, sheets, names, source.start_column),
            *cell_warnings(source, names),
            *description_warnings(head, rows),
            *table_warnings(rows, source.first_line, head.above, names),
            *merged_warnings(sheet, source.first_line),
        ),
    )
    return shape, source


def _chosen_sheet(workbook: OpenedWorkbook, sheets: list[SheetInfo], wanted: str | None) -> tuple[Sheet, SheetMarks]:
    if wanted is not None and wanted not in [sheet.name for sheet in sheets]:
        raise InvalidInput("The file has no sheet “{sheet}”.", code="unknown_sheet", sheet=wanted)
    if wanted is not None:
        return _loaded(workbook, wanted)
    names = [info.name for info in sorted(sheets, key=lambda info: not info.visible)]
    loaded = (_loaded(workbook, name) for name in names)
    first = next((each for each in loaded if each[0].start is not None), None)
    if first is None:
        raise FileProblem("The Excel file has no rows in any of its sheets.", code="empty_file")
    if not is_cover(_head_of(workbook, *first)):
        return first
    visible = {info.name for info in sheets if info.visible}
    after = (each for each in islice(loaded, _SHEETS_BELOW_COVER) if each[0].name in visible)
    return next((each for each in after if holds_table(_head_of(workbook, *each))), first)


def _loaded(workbook: OpenedWorkbook, name: str) -> tuple[Sheet, SheetMarks]:
    """The marks are looked for while the sheet is loaded: both take their time outside of Python."""
    with ThreadPoolExecutor(1, "sheet-marks") as beside:
        looked_for = beside.submit(workbook.marks, name)
        return workbook.sheet(name), looked_for.result()


def _head_of(workbook: OpenedWorkbook, sheet: Sheet, marks: SheetMarks) -> list[list[str]]:
    return ExcelSource(path=workbook.path, sheet=sheet, marks=marks).first_rows(_HEAD_ROWS)


def _others(workbook: OpenedWorkbook, sheets: Sequence[SheetInfo], chosen: str) -> list[str]:
    """The other visible sheets that hold something."""
    names = [info.name for info in sheets if info.visible and info.name != chosen]
    if workbook.kind in ("xls", "ods"):  # in memory already
        return [name for name in names if workbook.sheet(name).start is not None]
    parts = sheet_parts(workbook.path) if names and workbook.kind == "xlsx" else {}
    return [name for name in names if (signs := workbook.signs.get(parts.get(name, ""))) is None or signs.has_values]


def _counted(info: SheetInfo, sheet: Sheet) -> SheetInfo:
    return SheetInfo(
        name=info.name, visible=info.visible, rows=sheet.end[0] + 1 if sheet.end else 0, columns=sheet.width
    )
