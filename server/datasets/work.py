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
from server.datasets.schema import Column
from server.jobs.worker_process import ByName

run_query = ByName("server.datasets.query", "run_query")
write_query = ByName("server.datasets.query", "write_query")
read_names = ByName("server.datasets.query", "read_names")
read_rows = ByName("server.datasets.rows", "read_rows")
write_rows = ByName("server.datasets.rows", "write_rows")
read_differences = ByName("server.datasets.differences", "read_differences")
write_differences = ByName("server.datasets.differences", "write_differences")
profile_columns = ByName("server.datasets.profile", "profile_columns")
export_dataset = ByName("server.datasets.export", "export_dataset")


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


class NamesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the datasets `owned` a statement reads: their names, each with the one that says its owner, or none."""

    sql: str
    owned: dict[str, str]
    limits: QueryLimits


class NamesRead(msgspec.Struct, frozen=True, kw_only=True):
    """`sql` is the statement with an owner before each dataset; None where that cannot be written for certain."""

    read: list[str]
    sql: str | None


def unique_names(names: Sequence[str]) -> list[str]:
    """`select a, a` gives `a` and `a_2`: rows are told by their columns' names, which are there once each."""
    taken: set[str] = set()
    unique: list[str] = []
    for name in names:
        free, copy = name, 2
        while free in taken:
            free, copy = f"{name}_{copy}", copy + 1
        taken.add(free)
        unique.append(free)
    return unique


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` are names with DuckDB's type names; `truncated` when there were more rows than the limit."""

    columns: list[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    truncated: bool = False

    @property
    def names(self) -> list[str]:
        """Each once: see `unique_names`."""
        return unique_names([name for name, _type in self.columns])

    @property
    def renamed(self) -> list[str]:
        """The names, where they are not those that the database knows."""
        names = self.names
        return names if names != [name for name, _type in self.columns] else []


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
