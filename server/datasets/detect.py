"""What a file is, judged by its content and never by its name: format, encoding, dialect, sheets, header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.datasets.dialect import Dialect
from server.datasets.dialect_finding import find_dialect
from server.datasets.records import line_count, read_records
from server.datasets.schema import FileLimits, FileWarning, ReadOptions, SheetInfo, clean_names, require_column_count
from server.datasets.table_start import has_header, table_start
from server.datasets.text_encoding import FoundEncoding, find_encoding
from server.datasets.text_source import TextSource
from server.errors import FileProblem

_HEAD_RECORDS = 400

_NOT_A_TABLE = "The file is {kind}, not a table. Upload a CSV, Excel, JSON lines or Parquet file."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShape:
    """How a file is to be read. `names` are the columns; `first_line` is how many lines stand above the data."""

    format: str
    names: tuple[str, ...]
    encoding: FoundEncoding | None = None
    dialect: Dialect | None = None
    header: bool = True
    skip_rows: int = 0
    first_line: int = 0
    sheet: str | None = None
    sheets: tuple[SheetInfo, ...] = ()
    warnings: tuple[FileWarning, ...] = field(default=())


def shape_of_text(path: Path, name: str, options: ReadOptions, limits: FileLimits, *, whole: bool) -> FileShape:
    """`whole` verifies the encoding to the end of the file; without, large files are sampled."""
    encoding = find_encoding(path, wanted=options.encoding, whole=whole)
    source = TextSource(
        path=path, encoding=encoding, dialect=Dialect(), width=1, first_line=0, max_line_bytes=limits.max_line_bytes
    )
    lines = source.head()
    _refuse_binary(lines)
    dialect, skip_rows = _dialect(lines, name, options)
    lines = lines[skip_rows:]
    records = read_records(lines, dialect, is_last=False).rows[:_HEAD_RECORDS]
    if options.skip_rows is None:
        above = table_start(records)
        skipped = _physical_lines(records[:above])
        skip_rows, records = skip_rows + skipped, records[above:]
    if not records or not any(records):
        raise FileProblem("The file has no rows.", code="empty_file")
    header = has_header(records) if options.header is None else options.header
    widths = [len(record) for record in records if record]
    # A cell that is empty in every row of the sample is a delimiter at the end of the lines.
    width = max(len(records[0]), _usual(widths)) if header else _usual(widths)
    names = clean_names([*records[0], *[""] * (width - len(records[0]))] if header else [""] * width)
    require_column_count(len(names), limits)
    return FileShape(
        format="csv",
        names=tuple(names),
        encoding=encoding,
        dialect=dialect,
        header=header,
        skip_rows=skip_rows,
        first_line=skip_rows + (_physical_lines(records[:1]) if header else 0),
        warnings=tuple(_text_warnings(encoding)),
    )


def _refuse_binary(lines: Sequence[str]) -> None:
    """Control characters and bytes that are no text are the mark of binary files; a few are just dirt."""
    text = "".join(lines[:2000])[:65536]
    odd = sum(
        1 for character in text if character < "\t" or "\x0e" <= character < " " or "\ud800" <= character < "\ue000"
    )
    if odd > max(4, len(text) // 30):
        raise FileProblem(_NOT_A_TABLE, code="not_a_table", kind="a binary file")


def _dialect(lines: Sequence[str], name: str, options: ReadOptions) -> tuple[Dialect, int]:
    """The dialect, and how many lines are known to stand above the table."""
    prefer = "\t" if name.lower().endswith((".tsv", ".tab")) else None
    skip_rows = options.skip_rows or 0
    dialect = find_dialect(lines[skip_rows:], delimiter=options.delimiter, quote=options.quote, prefer=prefer)
    if options.skip_rows is None and lines and lines[0].strip().lower() == f"sep={dialect.delimiter}":
        skip_rows = 1
    return dialect, skip_rows


def _usual(widths: Sequence[int]) -> int:
    return max(set(widths), key=lambda width: (widths.count(width), width))


def _physical_lines(records: Sequence[Sequence[str]]) -> int:
    return sum(map(line_count, records))


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
    if not encoding.is_verified:
        warnings.append(
            FileWarning(
                code="encoding_not_verified",
                message="The encoding {encoding} was found on samples; the import checks the whole file.",
                parameters={"encoding": encoding.name.upper()},
            )
        )
    return warnings
