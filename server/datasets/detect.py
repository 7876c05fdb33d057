"""What a file is, judged by its content and never by its name: format, encoding, dialect, sheets, header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from server.datasets.above_table import HeadRecord, head_records
from server.datasets.careful_reader import Layout
from server.datasets.dialect import OF_HIVE, Dialect
from server.datasets.dialect_finding import find_dialect
from server.datasets.file_kinds import not_a_table
from server.datasets.found_table import FoundTable, find_table
from server.datasets.notes_above import trimmed
from server.datasets.records import read_sample
from server.datasets.schema import FileLimits, FileWarning, ReadOptions, SheetInfo, clean_names, require_column_count
from server.datasets.table_start import is_ruler
from server.datasets.text_encoding import FoundEncoding, find_encoding
from server.datasets.text_source import TextSource
from server.datasets.told_headers import dialect_of_log, fields_at, with_fields_named
from server.errors import FileProblem
from server.texts import phrase

_HEAD_RECORDS = 400
_LINES_OF_ONE_WIDTH = 50

_QUOTES_ARE_WRONG = (
    "Every line has a quote where none may stand, the first in line {line}. Write quotes within a quoted cell twice, "
    "or say that nothing stands around texts."
)
# Several bytes in a row that are no text count once: they may be one character of another encoding.
_ODD = re.compile(r"[\x00-\x08\x0e-\x1f]|[\ud800-\udfff]{1,8}")
_NOTHING = ' \t\r\n,;|，；、"'  # of what is no more, a file holds nothing
_UNIT_ENDS = ("]", ")")
_NARROW = {"，": ",", "；": ";", "｜": "|"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShape:
    """How a file is to be read. `names` are the columns; `first_line` is how many lines stand above the data.

    `headers` are the records of a text file that name its columns, as they may stand in it once more.
    `has_directives`: lines that begin with `#` are none of its rows, wherever they stand.
    """

    format: str
    names: tuple[str, ...]
    encoding: FoundEncoding | None = None
    dialect: Dialect | None = None
    header: bool = True
    headers: tuple[tuple[str, ...], ...] = ()
    pads_short_rows: bool = False
    has_directives: bool = False
    skip_rows: int = 0
    first_line: int = 0
    sheet: str | None = None
    sheets: tuple[SheetInfo, ...] = ()
    warnings: tuple[FileWarning, ...] = field(default=())


def shape_of_text(path: Path, name: str, options: ReadOptions, limits: FileLimits, *, whole: bool) -> FileShape:
    """`whole` verifies the encoding to the end of the file; without, large files are sampled."""
    encoding = find_encoding(path, wanted=options.encoding, whole=whole, language=options.language)
    source = TextSource(
        path=path, encoding=encoding, layout=Layout(dialect=Dialect(), width=1), max_line_bytes=limits.max_line_bytes
    )
    lines, is_whole = source.head()
    _refuse_binary(lines)
    fields = _fields_at(lines, options)
    if fields is None:
        dialect, skip_rows = _dialect(lines, name, options, is_whole=is_whole)
    else:
        dialect = dialect_of_log(lines, delimiter=options.delimiter, quote=options.quote)
        skip_rows = options.skip_rows or 0
    lines = lines[skip_rows:]
    found = read_sample(lines, dialect, is_whole=is_whole)
    records = head_records(found, lines, dialect)[:_HEAD_RECORDS]
    if not "".join(lines).strip(_NOTHING):
        raise FileProblem("The file has no rows.", code="empty_file")
    if is_whole and all(record.is_faulty for record in records if "".join(record.cells).strip()):
        raise FileProblem(_QUOTES_ARE_WRONG, code="quotes_are_wrong", line=skip_rows + records[0].start + 1)
    table = _table(records, dialect, options, fields)
    require_column_count(table.width, limits)
    is_cut_short = table.is_cut_short and not _are_broken(lines)
    pads = is_cut_short if options.pad_short_rows is None else options.pad_short_rows
    headers = records[table.above : table.above + table.header_records]
    begins = _line_after(records, table.above, lines)
    return FileShape(
        format="csv",
        names=tuple(clean_names(table.names)),
        encoding=encoding,
        dialect=dialect,
        header=table.header_records > 0,
        headers=_as_they_come_again([record.cells for record in headers if not is_ruler(record.cells)]),
        pads_short_rows=pads,
        has_directives=fields is not None,
        skip_rows=skip_rows + begins,
        first_line=skip_rows + (_line_after(records, table.above + table.header_records, lines) if headers else begins),
        warnings=(
            *_text_warnings(encoding),
            *_quote_warnings(dialect),
            *_short_row_warnings(table, pads=pads),
            *_unit_warnings(table),
            *description_warnings(table, [record.cells for record in records]),
            *_wide_row_warnings(table, records, skip_rows),
        ),
    )


def _fields_at(lines: Sequence[str], options: ReadOptions) -> int | None:
    """The line of a log that names its fields, counted from where the file is read."""
    if options.header is False:
        return None
    place = fields_at(lines[options.skip_rows or 0 :])
    return place if options.skip_rows is None or place == 0 else None


def _table(records: Sequence[HeadRecord], dialect: Dialect, options: ReadOptions, fields: int | None) -> FoundTable:
    cells = [record.cells for record in records]
    if fields is not None:
        place = next(place for place, record in enumerate(records) if record.start >= fields)
        return find_table(with_fields_named(cells, place), header=True, above=place)
    above = None if options.skip_rows is None else 0
    return find_table(_with_narrow_header(cells, dialect), header=options.header, above=above)


def _are_broken(lines: Sequence[str]) -> bool:
    """Whether line ends of two kinds say that cells hold some of them: rows are torn there, and not cut short."""
    feeds = sum(line.endswith("\n") and not line.endswith("\r\n") for line in lines)
    return 0 < feeds < len(lines) / 2 and any(line.endswith("\r\n") for line in lines)


def _as_they_come_again(headers: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """With and without the delimiters at their ends."""
    return tuple(dict.fromkeys(tuple(cells) for header in headers for cells in (header, trimmed(header))))


def _line_after(records: Sequence[HeadRecord], count: int, lines: Sequence[str]) -> int:
    """How many lines the first so many records take."""
    return records[count].start if count < len(records) else len(lines)


def _with_narrow_header(records: list[list[str]], dialect: Dialect) -> list[list[str]]:
    """Names between commas of ASCII above rows between full-width ones."""
    narrow = _NARROW.get(dialect.delimiter)
    if narrow is None or len(records) < 2 or len(records[0]) != 1:
        return records
    names = records[0][0].split(narrow)
    return [names, *records[1:]] if len(names) == len(records[1]) else records


def _refuse_binary(lines: Sequence[str]) -> None:
    """Control characters and bytes that are no text are the mark of binary files; a few are just dirt."""
    text = "".join(lines[:2000])[:65536]
    if len({line.count(OF_HIVE) for line in lines[:_LINES_OF_ONE_WIDTH]}) == 1:
        text = text.replace(OF_HIVE, "")  # it stands between cells
    odd = len(_ODD.findall(text))
    if odd > max(4, len(text) // 30):
        raise not_a_table(phrase("a binary file"))


def _dialect(lines: Sequence[str], name: str, options: ReadOptions, *, is_whole: bool) -> tuple[Dialect, int]:
    """The dialect, and how many lines are known to stand above the table."""
    prefer = "\t" if name.lower().endswith((".tsv", ".tab")) else None
    skip_rows = options.skip_rows or 0
    dialect = find_dialect(
        lines[skip_rows:], delimiter=options.delimiter, quote=options.quote, prefer=prefer, is_whole=is_whole
    )
    if options.skip_rows is None and lines and lines[0].strip().lower() == f"sep={dialect.delimiter}":
        skip_rows = 1
    return dialect, skip_rows


def _quote_warnings(dialect: Dialect) -> list[FileWarning]:
    if not dialect.is_wrapped:
        return []
    return [
        FileWarning(
            code="lines_in_quotes",
            message="Quotes stand around whole lines. They are taken off, and what is within is read as cells; check "
            "the columns.",
        )
    ]


def _short_row_warnings(table: FoundTable, *, pads: bool) -> list[FileWarning]:
    if not table.short:
        return []
    if pads:
        warning = FileWarning(
            code="short_rows_filled",
            message="Rows with fewer cells than the header: {count} of the first {rows}. Empty cells are added at "
            "their ends; if they were cut off by accident, have them left out instead.",
        )
    else:
        warning = FileWarning(
            code="short_rows",
            message="Rows with fewer cells than the header: {count} of the first {rows}. They will be left out; if "
            "only empty cells at their ends are missing, have them filled up.",
        )
    return [msgspec.structs.replace(warning, parameters={"count": table.short, "rows": table.rows})]


def _unit_warnings(table: FoundTable) -> list[FileWarning]:
    if not table.has_units:
        return []
    return [
        FileWarning(
            code="units_in_names",
            message="The row below the names holds units: they are part of the names now, such as {name}. Give the "
            "columns other names if you like.",
            parameters={"name": next((name for name in table.names if name.endswith(_UNIT_ENDS)), table.names[0])},
        )
    ]


def description_warnings(table: FoundTable, records: Sequence[Sequence[str]]) -> list[FileWarning]:
    if not table.described:
        return []
    return [
        FileWarning(
            code="described_names",
            message="Below the names stand texts where all other rows have numbers or dates, such as “{text}”. They "
            "are left out as part of the header; if they are data, say that there is no header, and name the columns.",
            parameters={"text": records[table.above + table.header_records - table.described][0].strip()[:60]},
        )
    ]


def _wide_row_warnings(table: FoundTable, records: Sequence[HeadRecord], above: int) -> list[FileWarning]:
    """`above` are the lines above the records."""
    if table.first_wide is None:
        return []
    record = records[table.first_wide]
    return [
        FileWarning(
            code="more_cells_than_names",
            message="Rows have more cells than the header has names, the first in line {line}: {found} instead of "
            "{expected}. If a cell holds the delimiter, put it between quotes; else name all columns.",
            parameters={"line": above + record.start + 1, "found": len(trimmed(record.cells)), "expected": table.named},
        )
    ]


def _text_warnings(encoding: FoundEncoding) -> list[FileWarning]:
    warnings = []
    if encoding.is_mixed:
        warnings.append(
            FileWarning(
                code="mixed_encodings",
                message="Some lines are not {encoding}; they will be rejected or may show wrong characters.",
                parameters={"encoding": encoding.name.upper()},
            )
        )
    if encoding.has_controls:
        warnings.append(
            FileWarning(
                code="control_characters",
                message="Some texts have invisible control characters (U+0080 to U+009F): the file was converted from "
                "another encoding once too often. Export it again as UTF-8 if texts look wrong.",
            )
        )
    if encoding.candidates:
        warnings.append(
            FileWarning(
                code="encoding_guessed",
                message="The encoding {encoding} is a guess. Look at the texts; choose another one if they are wrong.",
                parameters={
                    "encoding": encoding.name.upper(),
                    "candidates": [{"encoding": one.name, "sample": one.sample} for one in encoding.candidates],
                },
            )
        )
    if not encoding.is_verified:
        warnings.append(
            FileWarning(
                code="encoding_not_verified",
                message="The encoding {encoding} was found on samples; the import checks the whole file.",
                parameters={"encoding": encoding.name.upper()},
            )
        )
    return warnings
