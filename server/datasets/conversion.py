"""Turn an uploaded file into a Parquet part and a list of rejects; or show what it looks like. Runs in workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from server.datasets.schema import ColumnType, FileLimits, FileWarning, ReadOptions

Report = Callable[[dict[str, Any]], None]


class PreviewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which file to look at, and what a person already decided about it. `name` is what the person called the file."""

    source: Path
    name: str
    options: ReadOptions = ReadOptions()
    limits: FileLimits = FileLimits()
    rows: int = 50


class PreviewColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the file. Counts are of the sample: `misfits` are cells that would be rejected as this type."""

    name: str
    source: str
    type: ColumnType
    format: str | None = None
    nulls: int = 0
    misfits: int = 0


class SheetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet of an Excel file; `rows` and `columns` are None when they were not counted."""

    name: str
    visible: bool = True
    rows: int | None = None
    columns: int | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file looks like. `rows` hold the cells as text, as they stand in the file; null is an empty cell.

    `lines` are the physical lines (or sheet rows) where these rows start. `encoding_verified` is False when only
    samples of a large file were decoded. `options` are those to send back to import the file as it is shown.
    """

    format: str  # csv, xlsx, xls, ods, jsonl, parquet
    encoding: str | None = None
    encoding_verified: bool = True
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True
    skip_rows: int = 0
    sheet: str | None = None
    sheets: list[SheetInfo] = []
    columns: list[PreviewColumn]
    rows: list[list[str | None]]
    lines: list[int]
    estimated_rows: int | None = None
    warnings: list[FileWarning] = []
    options: ReadOptions


class ConvertRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Read `source`, write `target` (Parquet) and `rejects` (JSON lines).

    `existing_columns` are the `columns` of the dataset that is appended to, else None.
    """

    source: Path
    name: str
    target: Path
    rejects: Path
    options: ReadOptions = ReadOptions()
    reject_limit: int = 100_000
    limits: FileLimits = FileLimits()
    existing_columns: list[dict[str, Any]] | None = None


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file. `columns`: name, type, format, nullable, source; `statistics`: by column name.

    `rejects_path` is None when nothing was rejected. `options` are those the file was read with.
    """

    row_count: int
    rejected_count: int
    bytes: int
    columns: list[dict[str, Any]]
    statistics: dict[str, dict[str, Any]]
    rejects_path: Path | None
    warnings: list[FileWarning] = []
    options: ReadOptions = ReadOptions()
