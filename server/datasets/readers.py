"""Open any file as a source of rows, in the shape that was found or asked for."""

from __future__ import annotations

import bisect
import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from server.datasets.arrow_source import ArrowSource
from server.datasets.careful_reader import Layout
from server.datasets.chunks import Source
from server.datasets.detect import FileShape, shape_of_text
from server.datasets.file_kinds import file_kind
from server.datasets.fixed_width import FixedWidthSource, are_told_by_blanks, cells_at, fixed_places, ruled_places
from server.datasets.found_table import find_table
from server.datasets.header_finding import has_header
from server.datasets.html_tables import html_tables, named_tables, page_encoding, xml_sheets
from server.datasets.ipc_source import IpcTable
from server.datasets.json_file import JsonFile, open_json
from server.datasets.json_source import JsonSource, first_rows, found_keys, holds_rows
from server.datasets.listed_source import ListedSource
from server.datasets.notes_above import usual_width
from server.datasets.notes_below import AboveNotes
from server.datasets.parquet_source import ParquetTable
from server.datasets.rule_lines import is_rule_line
from server.datasets.schema import (
    FileLimits,
    FileWarning,
    ReadOptions,
    SheetInfo,
    clean_names,
    require_column_count,
)
from server.datasets.sheet_tables import find_in_sheet
from server.datasets.text_encoding import find_encoding
from server.datasets.text_source import TextSource
from server.datasets.workbooks import open_workbook, table_of
from server.errors import FileProblem, InvalidInput, JinduError

_LOG = logging.getLogger("jindu.datasets")

_HEAD_ROWS = 200
_NAMES_TOLD = 5
_MOST_PAGE_BYTES = 64 * 1024 * 1024  # its tables stand in memory as a whole


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
    kind = file_kind(path)
    if kind in ("zip", "ole"):
        shape, workbook = table_of(open_workbook(path, kind, limits), options, limits)
        return OpenedFile(shape=shape, source=AboveNotes(workbook))
    if kind in ("parquet", "arrow"):
        return _open_arrow(path, kind, limits)
    if kind == "json":
        return _open_json(path, options, limits, whole=whole)
    if kind in ("html", "xml_sheet"):
        return _open_page(path, kind, options, limits, whole=whole)
    return _open_text(path, name, options, limits, whole=whole)


def _open_text(path: Path, name: str, options: ReadOptions, limits: FileLimits, *, whole: bool) -> OpenedFile:
    shape = shape_of_text(path, name, options, limits, whole=whole)
    if options.delimiter is None and (fixed := _open_fixed_width(path, shape, options, limits)) is not None:
        return fixed
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
            has_directives=shape.has_directives,
        ),
        skip_rows=shape.skip_rows,
        first_line=shape.first_line,
        max_line_bytes=limits.max_line_bytes,
    )
    return OpenedFile(shape=shape, source=AboveNotes(source))


def _open_fixed_width(path: Path, shape: FileShape, options: ReadOptions, limits: FileLimits) -> OpenedFile | None:
    """Where no delimiter was found, or blanks part the lines into cells unevenly; None where there are no columns."""
    assert shape.dialect is not None
    assert shape.encoding is not None
    if shape.has_directives or (shape.dialect.delimiter.strip(" ") and len(shape.names) > 1):
        return None
    source = FixedWidthSource(
        path=path, encoding=shape.encoding, places=(), max_line_bytes=max(limits.max_line_bytes, 2)
    )
    lines = list(islice(source.lines(), _HEAD_ROWS))
    above = options.skip_rows if options.skip_rows is not None else 0
    ruled = ruled_places(lines) if options.header is not False else None
    if ruled is not None and options.skip_rows not in (None, ruled[0] - 1):
        ruled = None
    places = fixed_places(lines[above:]) if ruled is None else ruled[1]
    if places is None or (ruled is None and len(shape.names) > 1 and are_told_by_blanks(lines[above:], places)):
        return None
    numbers = [number for number, line in enumerate(lines) if not is_rule_line(line)]
    rows = [cells_at(lines[number], places) for number in numbers]
    skipped = None if options.skip_rows is None else bisect.bisect_left(numbers, options.skip_rows)
    if ruled is not None:
        skipped = numbers.index(ruled[0] - 1)
    head = find_table(rows, header=True if ruled is not None else options.header, above=skipped)
    above = numbers[head.above] if head.above < len(numbers) else len(lines)
    source.places = places
    source.header = [*head.names] if head.header_records == 1 and len(head.names) == len(places) else ()
    source.first_line, source.header_rows = above + head.header_records, head.header_records
    fixed = FileShape(
        format="fixed",
        names=tuple(clean_names([*head.names, *[""] * len(places)][: len(places)])),
        encoding=shape.encoding,
        header=head.header_records > 0,
        skip_rows=above,
        first_line=source.first_line,
        warnings=shape.warnings,
    )
    return OpenedFile(shape=fixed, source=AboveNotes(source))


def _open_arrow(path: Path, kind: str, limits: FileLimits) -> OpenedFile:
    file = ParquetTable(path) if kind == "parquet" else IpcTable(path)
    names = clean_names(file.schema.names)
    if not names:
        raise FileProblem("The file has no columns.", code="empty_file")
    require_column_count(len(names), limits)
    source = ArrowSource(path=path, file=file, max_unpacked_bytes=limits.max_unpacked_bytes)
    return OpenedFile(shape=FileShape(format=kind, names=tuple(names)), source=source)


def _open_json(path: Path, options: ReadOptions, limits: FileLimits, *, whole: bool) -> OpenedFile:
    encoding = find_encoding(path, wanted=options.encoding, whole=whole, language=options.language)
    file = open_json(path, encoding, limits.max_line_bytes, options.sheet)
    if holds_rows(file):
        return _open_json_rows(path, file, options, limits)
    keys = found_keys(file)
    if not keys:
        raise FileProblem("The file holds no JSON objects; write one object a line.", code="empty_file")
    require_column_count(len(keys), limits)
    shape = FileShape(names=tuple(clean_names(keys)), **_json_shape(file))
    return OpenedFile(shape=shape, source=JsonSource(file=file, keys=keys))


def _open_json_rows(path: Path, file: JsonFile, options: ReadOptions, limits: FileLimits) -> OpenedFile:
    rows = first_rows(file, _HEAD_ROWS)
    given = file.table.names if file.table is not None else None
    header = options.header if options.header is not None else given is None and has_header(rows)
    width = max(len(rows[0]) if header else 0, usual_width(rows[header:])) if rows else 0
    if not width:
        raise FileProblem("The file has no rows.", code="empty_file")
    require_column_count(width, limits)
    raw = rows[0] if header else [*(given or ())]
    names = clean_names([*raw, *[""] * (width - len(raw))])
    shape = FileShape(names=tuple(names), header=header, first_line=int(header), **_json_shape(file))
    return OpenedFile(shape=shape, source=JsonSource(file=file, keys=names, has_objects=False, has_header=header))


def _json_shape(file: JsonFile) -> dict[str, Any]:
    named = [table for table in file.tables if table.path]
    return {
        "format": "jsonl" if file.table is None else "json",
        "encoding": file.encoding,
        "sheet": file.table.path if file.table is not None and named else None,
        "sheets": tuple(SheetInfo(name=table.path, rows=len(table.elements)) for table in named),
        "warnings": tuple(_json_warnings(file, [table.path for table in named])),
    }


def _json_warnings(file: JsonFile, names: list[str]) -> Iterator[FileWarning]:
    if file.table is not None and file.table.is_of_members:
        yield FileWarning(
            code="members_are_rows",
            message="The document holds no list of rows; its members are read as a table. Check that its rows are what "
            "you expect.",
        )
    if file.table is None or not file.table.path:
        return
    others = [name for name in names if name != file.table.path]
    if others:
        yield FileWarning(
            code="other_lists",
            message="The document holds several lists. “{chosen}” is read, the longest unless you chose it; left out: "
            "{others}.",
            parameters={"chosen": file.table.path, "others": ", ".join(others[:_NAMES_TOLD])},
        )
    else:
        yield FileWarning(
            code="list_in_document",
            message="The table is the list “{chosen}” within the document; what stands beside it is left out.",
            parameters={"chosen": file.table.path},
        )


def _open_page(path: Path, kind: str, options: ReadOptions, limits: FileLimits, *, whole: bool) -> OpenedFile:
    """A web page or a workbook in XML: the table with most cells, or the one asked for."""
    if path.stat().st_size > _MOST_PAGE_BYTES:
        raise FileProblem(
            "A web page may have {limit} MB; save it as CSV or Excel and upload that.",
            code="page_too_large",
            limit=_MOST_PAGE_BYTES // 1024**2,
        )
    encoding = None
    if kind == "html":
        encoding = page_encoding(path, wanted=options.encoding, language=options.language)
        tables = html_tables(path.read_bytes()[encoding.mark_bytes :].decode(encoding.name, "replace"))
    else:
        tables = xml_sheets(path.read_bytes())
    if not tables:
        raise FileProblem("The file is a web page (HTML) without a table.", code="not_a_table")
    names = named_tables(tables)
    place = max(range(len(tables)), key=lambda index: tables[index].cell_count)
    if options.sheet is not None:
        if options.sheet not in names:
            raise InvalidInput("The file has no sheet “{sheet}”.", code="unknown_sheet", sheet=options.sheet)
        place = names.index(options.sheet)
    table = tables[place]
    rows = table.even_rows()
    header = True if options.header is None and table.header_rows else options.header
    head = find_in_sheet(rows[:_HEAD_ROWS], header=header, above=options.skip_rows)
    width = len(rows[0])
    require_column_count(width, limits)
    first_line = head.above + head.header_records
    shape = FileShape(
        format=kind,
        encoding=encoding,
        names=tuple(clean_names([*head.names, *[""] * width][:width])),
        header=head.header_records > 0,
        skip_rows=head.above,
        first_line=first_line,
        sheet=names[place],
        sheets=tuple(
            SheetInfo(name=name, rows=len(each.rows), columns=each.width)
            for name, each in zip(names, tables, strict=True)
        ),
        warnings=tuple(_other_tables(names, place)),
    )
    source = ListedSource(path=path, rows=rows, width=width, first_line=first_line, header_rows=head.header_records)
    return OpenedFile(shape=shape, source=AboveNotes(source))


def _other_tables(names: list[str], chosen: int) -> Iterator[FileWarning]:
    others = [name for place, name in enumerate(names) if place != chosen]
    if others:
        yield FileWarning(
            code="other_tables",
            message="The page holds several tables. “{chosen}” is read, the largest unless you chose it; left out: "
            "{others}.",
            parameters={"chosen": names[chosen], "others": ", ".join(others[:_NAMES_TOLD])},
        )
