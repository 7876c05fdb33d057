"""Open any file as a source of rows, in the shape that was found or asked for."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import python_calamine as calamine

from server.datasets.careful_reader import Layout
from server.datasets.chunks import Source
from server.datasets.detect import FileShape, file_format, shape_of_text
from server.datasets.excel_source import ExcelSource, guard_against_zip_bomb, open_workbook, sheets_of
from server.datasets.json_source import JsonSource
from server.datasets.parquet_source import ParquetSource, open_parquet
from server.datasets.schema import FileLimits, ReadOptions, SheetInfo, clean_names, require_column_count
from server.datasets.table_start import find_table
from server.datasets.text_source import TextSource
from server.errors import FileProblem, InvalidInput, JinduError

_LOG = logging.getLogger("jindu.datasets")

_HEAD_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    shape: FileShape
    source: Source


@contextmanager
def problems_named(path: Path) -> Iterator[None]:
    """Whatever the readers of other people's formats raise over a broken file becomes a `FileProblem`."""
    try:
        yield
    except (JinduError, MemoryError):
        raise
    except BaseException as error:
        if isinstance(error, FileNotFoundError) and not path.exists():
            raise FileProblem("The uploaded file is gone; upload it again.", code="upload_gone") from error
        if type(error).__name__ == "OutOfMemoryException":  # DuckDB's: a limit of ours, no fault of the file
            raise MemoryError from error
        if not _is_of_the_file(error):
            raise
        _LOG.exception("a file could not be read", extra={"action": "read_file"})
        raise FileProblem(
            "The file is damaged, or holds something that cannot be read here. Open it in the program it comes from, "
            "save it again (best as CSV) and upload that.",
            code="unreadable_file",
        ) from error


def _is_of_the_file(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (None, errno.EINVAL, errno.EOVERFLOW)  # places in the file that cannot be; else the disk
    # A panic of a reader written in Rust is no `Exception`.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def open_file(path: Path, name: str, options: ReadOptions, limits: FileLimits, *, whole: bool) -> OpenedFile:
    """Raises `FileProblem` when the file cannot be read as a table. `whole`: see `shape_of_text`."""
    kind = file_format(path)
    if kind in ("zip", "xls"):
        return _open_workbook(path, kind, options, limits)
    if kind == "parquet":
        return _open_parquet(path, limits)
    if kind in ("json", "jsonl"):
        return _open_json(path, kind, limits)
    shape = shape_of_text(path, name, options, limits, whole=whole)
    assert shape.encoding is not None
    assert shape.dialect is not None
    source = TextSource(
        path=path,
        encoding=shape.encoding,
        layout=Layout(
            dialect=shape.dialect,
            width=len(shape.names),
            encoding=shape.encoding.name,
            headers=shape.headers,
            pads_short_rows=shape.pads_short_rows,
        ),
        skip_rows=shape.skip_rows,
        first_line=shape.first_line,
        max_line_bytes=limits.max_line_bytes,
    )
    return OpenedFile(shape=shape, source=source)


def _open_workbook(path: Path, kind: str, options: ReadOptions, limits: FileLimits) -> OpenedFile:
    kind = _kind_of_archive(path, limits) if kind == "zip" else kind
    workbook = open_workbook(path)
    sheets = sheets_of(workbook)
    sheet = _chosen_sheet(workbook, sheets, options.sheet)
    source = ExcelSource(path=path, sheet=sheet)
    records = [row for _, row in islice(source.rows(), _HEAD_ROWS)]
    above = options.skip_rows or 0
    records = records[above:]
    if not any(any(record) for record in records):
        raise FileProblem("The sheet “{sheet}” has no rows.", code="empty_file", sheet=sheet.name)
    table = find_table(records, header=options.header, above=None if options.skip_rows is None else 0)
    above += table.above
    width = len(records[0])
    names = clean_names([*table.names, *[""] * width][:width])
    require_column_count(len(names), limits)
    source.width = len(names)
    source.header_rows = table.header_records
    source.first_line = above + table.header_records
    found = [_counted(info, sheet) if info.name == sheet.name else info for info in sheets]
    shape = FileShape(
        format=kind,
        names=tuple(names),
        header=table.header_records > 0,
        skip_rows=above,
        first_line=source.first_line,
        sheet=sheet.name,
        sheets=tuple(found),
    )
    return OpenedFile(shape=shape, source=source)


def _kind_of_archive(path: Path, limits: FileLimits) -> str:
    members = guard_against_zip_bomb(path, max_unpacked_bytes=limits.max_unpacked_bytes)
    if "xl/workbook.xml" in members:
        return "xlsx"
    if "xl/workbook.bin" in members:
        return "xlsb"
    if "content.xml" in members and "mimetype" in members:
        return "ods"
    raise FileProblem(
        "The file is an archive or a document, not a table. Unpack it, and upload the CSV or Excel file that is in it.",
        code="not_a_table",
    )


def _chosen_sheet(
    workbook: calamine.CalamineWorkbook, sheets: list[SheetInfo], wanted: str | None
) -> calamine.CalamineSheet:
    if wanted is not None and wanted not in [sheet.name for sheet in sheets]:
        raise InvalidInput("The file has no sheet “{sheet}”.", code="unknown_sheet", sheet=wanted)
    try:
        for info in sorted(sheets, key=lambda info: not info.visible):
            if wanted in (None, info.name):
                sheet = workbook.get_sheet_by_name(info.name)
                if wanted is not None or sheet.start is not None:
                    return sheet
    except calamine.CalamineError as error:
        raise FileProblem(
            "The Excel file is damaged or cut off; open it in a spreadsheet program, save it again and upload that.",
            code="damaged_workbook",
        ) from error
    raise FileProblem("The Excel file has no rows in any of its sheets.", code="empty_file")


def _counted(info: SheetInfo, sheet: calamine.CalamineSheet) -> SheetInfo:
    return SheetInfo(name=info.name, visible=info.visible, rows=sheet.total_height, columns=sheet.width)


def _open_parquet(path: Path, limits: FileLimits) -> OpenedFile:
    file = open_parquet(path)
    names = clean_names(file.schema_arrow.names)
    if not names:
        raise FileProblem("The file has no columns.", code="empty_file")
    require_column_count(len(names), limits)
    source = ParquetSource(path=path, file=file, max_unpacked_bytes=limits.max_unpacked_bytes)
    return OpenedFile(shape=FileShape(format="parquet", names=tuple(names)), source=source)


def _open_json(path: Path, kind: str, limits: FileLimits) -> OpenedFile:
    source = JsonSource(path=path, keys=(), max_line_bytes=limits.max_line_bytes, is_array=kind == "json")
    keys = source.found_keys()
    if not keys:
        raise FileProblem("The file holds no JSON objects; write one object a line.", code="empty_file")
    require_column_count(len(keys), limits)
    source = JsonSource(path=path, keys=keys, max_line_bytes=limits.max_line_bytes, is_array=kind == "json")
    return OpenedFile(shape=FileShape(format=kind, names=tuple(clean_names(keys))), source=source)
