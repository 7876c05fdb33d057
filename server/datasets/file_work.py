"""What worker processes are asked to do with files that people bring, and what they answer; see `work`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from server.datasets.corrections import FileCorrections
from server.datasets.reject_rows import RejectLayout, Taken
from server.datasets.schema import Column, ColumnType, FileLimits, FileWarning, ReadOptions, SheetInfo
from server.jobs.worker_process import ByName

preview_file = ByName("server.datasets.previewing", "preview_file")
convert_file = ByName("server.datasets.conversion", "convert_file")
write_rejects = ByName("server.datasets.reject_files", "write_rejects")
correct_rows = ByName("server.datasets.correcting", "correct_rows")


class FilePreviewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which file to look at, and what a person already decided about it. `name` is what the person called the file.

    `beside` are the columns of the dataset that its rows may be added to.
    """

    source: Path
    name: str
    options: ReadOptions = ReadOptions()
    limits: FileLimits = FileLimits()
    rows: int = 50
    beside: list[Column] = []


class PreviewColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the file. Counts are of the sample: `misfits` are cells that would be rejected as this type.

    `notations`: how its values are written, as of a column of a dataset.
    """

    name: str
    source: str
    type: ColumnType
    format: str | None = None
    nulls: int = 0
    misfits: int = 0
    notations: list[str] = []


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A line that would be no row: why (the code of a reject, or of what is named), and its text."""

    line: int
    reason: str
    raw: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file looks like. `rows` hold the cells as text, as they stand in the file; null is an empty cell.

    `lines` are the physical lines (or sheet rows) where these rows start. `encoding_verified` is False when only
    samples of a large file were decoded. `named` counts the records of the sample that are neither rows nor rejects,
    by reason; `left_out` are the first lines that would be no rows. `options` are those to send back to import the
    file as it is shown. `members` are the files of a zip.
    """

    format: str  # csv, xlsx, xlsb, xls, xml_sheet, ods, jsonl, json, parquet, arrow, html
    encoding: str | None = None
    encoding_verified: bool = True
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True
    skip_rows: int = 0
    sheet: str | None = None
    sheets: list[SheetInfo] = []
    members: list[str] = []
    columns: list[PreviewColumn]
    rows: list[list[str | None]]
    lines: list[int]
    estimated_rows: int | None = None
    warnings: list[FileWarning] = []
    named: dict[str, int] = {}
    left_out: list[LeftOut] = []
    options: ReadOptions


class Upsert(msgspec.Struct, frozen=True, kw_only=True):
    """The dataset that rows are merged into, by the columns of `key`: its parts, and its columns."""

    paths: tuple[Path, ...]
    columns: list[Column]
    key: tuple[str, ...]


class Upserted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a file: they changed one, said what was there, or are new; `row_count` is of all."""

    row_count: int
    inserted: int
    updated: int
    unchanged: int


class ReferenceFiles(msgspec.Struct, frozen=True, kw_only=True):
    """A column in which values must occur: whose, and the parts that hold it."""

    dataset: str
    column: str
    type: ColumnType
    paths: tuple[Path, ...]


class CorrectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Corrected `rows` (cells by line) of the list `rejects`: which of them fit now, read with `options`.

    Writes those to `target`, the list of all that is left to `left`, that of the rows that are wrong still to `wrong`.
    `columns` are those of the dataset; values of `parts` are taken where values must be unique. `before`: the parts
    that the dataset had before an import by key, None where these are no longer kept. `taken` are lines of the list
    that came back with a file.
    """

    rejects: Path
    rows: dict[int, list[str | None]]
    taken: frozenset[int] = frozenset()
    layout: RejectLayout
    options: ReadOptions
    columns: list[Column]
    parts: tuple[Path, ...]
    references: dict[str, ReferenceFiles]
    upsert: Upsert | None
    before: tuple[Path, ...] | None = None
    target: Path
    left: Path
    wrong: Path


class Corrected(msgspec.Struct, frozen=True, kw_only=True):
    """`row_count` rows fit, `wrong_count` do not, the lines `missing` are no longer in the list; `left_count` rows are.

    `warnings` are about these. The rest is of what was written: of an upsert, the whole dataset.
    """

    row_count: int
    wrong_count: int
    left_count: int
    missing: list[int]
    warnings: list[FileWarning] = []
    bytes: int = 0
    columns: list[Column] = []
    statistics: dict[str, dict[str, Any]] = {}
    upserted: Upserted | None = None


class RejectsFileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Write the rows of the list `rejects` to `target` as the file they came from has its rows, with their reasons.

    `messages` are the texts of reasons in the language of whoever asks, by the English ones. `taken` are lines of the
    list that came back with a file before.
    """

    import_id: str
    rejects: Path
    taken: frozenset[int] = frozenset()
    target: Path
    kind: Literal["text", "json", "xlsx"]
    layout: RejectLayout
    options: ReadOptions
    title: str
    messages: dict[str, str] = {}


class ConvertRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Read `source`, write `target` (Parquet) and `rejects` (JSON lines).

    `existing_columns` are the `columns` of the dataset that is appended to, else None. `reject_share` (0 to 1) is how
    many of all rows may be rejected, besides `reject_limit`. `references` are of columns by name.
    """

    source: Path
    name: str
    target: Path
    rejects: Path
    options: ReadOptions = ReadOptions()
    reject_limit: int = 100_000
    limits: FileLimits = FileLimits()
    existing_columns: list[Column] | None = None
    upsert: Upsert | None = None
    reject_share: float | None = None
    references: dict[str, ReferenceFiles] = {}


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file. `columns`: name, type, format, nullable, source; `statistics`: by column name.

    `rejects_path` is None when nothing was rejected; `rejected_by` counts the rejected rows by their first reason.
    `named` counts the records that are neither rows nor rejects, by reason. `options` are those the file was read with.
    `row_count` is of the file, as are `notations` (see notations.py), `columns` and all else of what was written: of an
    upsert, the whole dataset. `taken` are rows of other lists of rejects that came back.
    """

    row_count: int
    rejected_count: int
    bytes: int
    columns: list[Column]
    statistics: dict[str, dict[str, Any]]
    rejects_path: Path | None
    rejected_by: dict[str, int] = {}
    layout: RejectLayout
    named: dict[str, int] = {}
    warnings: list[FileWarning] = []
    options: ReadOptions = ReadOptions()
    upserted: Upserted | None = None
    notations: dict[str, list[str]] = {}
    corrections: FileCorrections = FileCorrections()
    taken: Taken = {}
