"""What a person said of a file that looking at it would not have found: offered when a file of the same shape comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from server.datasets.schema import CHECKS, ColumnSpec, ReadOptions

READING = ("encoding", "delimiter", "quote", "header", "sheet", "skip_rows", "pad_short_rows", "leave_out_totals")
_OF_COLUMNS = ("name", "type", "format", *CHECKS)
_NO_WORD = re.compile(r"[\W\d_]+")


class FileCorrections(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`reading` are options, `columns` those that were named, typed or checked otherwise, by their `source`."""

    reading: dict[str, Any] = {}
    columns: list[ColumnSpec] = []
    left_out: list[str] = []

    @property
    def count(self) -> int:
        return len(self.reading) + len(self.columns) + len(self.left_out)


def corrections(settled: ReadOptions, found: ReadOptions) -> FileCorrections:
    """`settled` is how a file was read, `found` how it would have been without a word, by the same names of columns."""
    by_source: Mapping[str | None, ColumnSpec] = {column.source: column for column in found.columns or ()}
    wanted = settled.columns or []
    kept = {column.source for column in wanted}
    return FileCorrections(
        reading={name: getattr(settled, name) for name in READING if getattr(settled, name) != getattr(found, name)},
        columns=[column for column in wanted if _differs(column, by_source.get(column.source))],
        left_out=[str(source) for source in by_source if source not in kept],
    )


def _differs(column: ColumnSpec, found: ColumnSpec | None) -> bool:
    return found is None or any(getattr(column, name) != getattr(found, name) for name in _OF_COLUMNS)


def stem_of(file_name: str) -> str:
    """What stays of a file's name from month to month: `Orders 2026-03 (final).csv` is `orders final`."""
    return _NO_WORD.sub(" ", PurePath(file_name).stem.casefold()).strip()
