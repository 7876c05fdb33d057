"""What worker processes are asked to do with datasets, and what they answer.

How they do it stands in modules that the server itself never imports: what reads files and runs queries of
strangers is not even loaded there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from server.datasets.answers import AnswerPlace
from server.datasets.corrections import Corrections
from server.datasets.reject_rows import RejectLayout
from server.datasets.schema import Column, ColumnType, FileLimits, FileWarning, ReadOptions, SheetInfo
from server.jobs.worker_process import ByName

run_query = ByName("server.datasets.query", "run_query")
write_query = ByName("server.datasets.query", "write_query")
read_rows = ByName("server.datasets.rows", "read_rows")
write_rows = ByName("server.datasets.rows", "write_rows")
read_differences = ByName("server.datasets.differences", "read_differences")
write_differences = ByName("server.datasets.differences", "write_differences")
profile_columns = ByName("server.datasets.profile", "profile_columns")
export_dataset = ByName("server.datasets.export", "export_dataset")
preview_file = ByName("server.datasets.conversion", "preview_file")
convert_file = ByName("server.datasets.conversion", "convert_file")
write_rejects = ByName("server.datasets.reject_files", "write_rejects")
correct_rows = ByName("server.datasets.correcting", "correct_rows")


class QueryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long one query may take, how many rows it may return, and the memory of all of a session's queries."""

    seconds: float = 30.0
    rows: int = 100_000
    memory_mib: int = 512


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One statement with its bound `$name` values, over datasets by name (several files: one after the other).

    `known` are the names of all datasets there are, to tell whoever names another one.
    """

    sql: str
    datasets: dict[str, tuple[Path, ...]]
    limits: QueryLimits
    parameters: dict[str, Any] = {}
    known: tuple[str, ...] = ()


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` are names with DuckDB's type names; `truncated` when there were more rows than the limit."""

    columns: list[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    truncated: bool = False

    @property
    def names(self) -> list[str]:
        return [name for name, _type in self.columns]


class QueryAnswerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A query whose answer goes out as JSON (`{columns, items, truncated, seconds}`) or as CSV."""

    query: QueryRequest
    place: AnswerPlace
    format: Literal["json", "csv"] = "json"


class RowsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: `filters` are `column:operator:value`, `order` is column names, descending with a leading `-`.

    `q` is looked for in every column. Without a `limit` it is all of them. `row_count` is that of the version, so that
    it need not be counted again.
    `version` is its number, for cursors.
    """

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]
    row_count: int
    limits: QueryLimits
    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    q: str = ""
    limit: int | None = 50
    offset: int = 0
    version: int = 1


class RowsPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` in column order, their cells as a page shows them; `total` counts all that match."""

    rows: list[list[Any]]
    total: int


class RowsAnswerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for a program: whole values, as JSON."""

    rows: RowsRequest
    place: AnswerPlace


class ComparedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One of two versions that are compared."""

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]
    row_count: int


Change = Literal["changed", "added", "removed"]


class DifferencesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows differ from `before` to `after`. `key`: the columns that tell which row is which; without any, whole
    rows are compared. `change`: only such rows.
    """

    before: ComparedVersion
    after: ComparedVersion
    key: tuple[str, ...]
    limits: QueryLimits
    change: Change | Literal[""] = ""
    limit: int = 50
    offset: int = 0


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it was and as it is; None where it is not. `cells` are the places of what changed in it."""

    change: Change
    before: list[Any] | None
    after: list[Any] | None
    cells: list[int] = []


class DifferencesPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` hold a value for each of `names`; None also where a version has no such column. `total` counts what was
    asked for. `cells`: by column in how many rows it changed. `repeated_…`: rows whose key another row has.
    """

    names: list[str]
    changed: int
    added: int
    removed: int
    same: int
    cells: dict[str, int]
    repeated_before: int
    repeated_after: int
    total: int
    rows: list[RowDifference] = []

    def with_rows(self, rows: list[RowDifference]) -> DifferencesPage:
        return msgspec.structs.replace(self, rows=rows)

    def facts(self) -> dict[str, Any]:
        """As the API tells them."""
        return {
            "counts": {
                "changed": self.changed,
                "added": self.added,
                "removed": self.removed,
                "same": self.same,
                "cells": self.cells,
            },
            "repeated_keys": {"from": self.repeated_before, "to": self.repeated_after},
        }


class DifferencesAnswerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Differences for a program: whole values, as JSON that begins with `head`."""

    differences: DifferencesRequest
    head: dict[str, Any]
    place: AnswerPlace


def differences_cursor(before: int, after: int, offset: int) -> str:
    """Where a list of differences goes on, whatever is imported meanwhile."""
    return f"{before}.{after}.{offset}"


class TopValue(msgspec.Struct, frozen=True, kw_only=True):
    """A frequent value and its share (0 to 1) of the rows that have one."""

    value: str
    share: float


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column. `distinct` and `median` are estimates, `mean` and `median` are of numbers alone; `histogram` counts
    values in equal steps from `min` to `max`.
    """

    name: str
    type: str
    nulls: int
    distinct: int
    min: Any = None
    max: Any = None
    mean: Any = None
    median: Any = None
    top: list[TopValue] = []
    histogram: list[int] = []
    sampled: bool = False


class ProfileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which files to look at."""

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]
    limits: QueryLimits


ExportFormat = Literal["csv", "xlsx", "parquet", "json"]


MEDIA_TYPES: dict[str, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which files to read in order, and where to write one file of `format`.

    Without `exact` a CSV has no cell that a spreadsheet program would run as a formula. `rows`: only these, so ordered.
    """

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]
    row_count: int
    format: ExportFormat
    target: Path
    title: str
    exact: bool = False
    language: str = "en"
    rows: RowsRequest | None = None


class PreviewRequest(msgspec.Struct, frozen=True, kw_only=True):
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
    that the dataset had before an import by key, None where these are no longer kept.
    """

    rejects: Path
    rows: dict[int, list[str | None]]
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

    `messages` are the texts of reasons in the language of whoever asks, by the English ones.
    """

    rejects: Path
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
    upsert, the whole dataset.
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
    corrections: Corrections = Corrections()
