"""What a dataset is: a named table of one owner, its immutable versions, and where their files lie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from server.datasets.schema import Column
from server.errors import FieldError, InvalidInput

Mode = Literal["create", "replace", "append", "upsert"]

# A name is also the name of the view in SQL: no quoting needed, and Chinese names stay Chinese.
NAME_PATTERN = "[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,62}"
_NAME = re.compile(NAME_PATTERN)
NAME_RULE = "Use up to 63 small letters, digits, _ or Chinese characters, beginning with a letter."


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable state of a dataset. `files` are blob keys of its Parquet parts, in row order."""

    dataset_id: str
    dataset: str
    owner_id: str
    number: int
    mode: str
    job_id: str | None
    files: list[str]
    row_count: int
    rejected_count: int
    bytes: int
    columns: list[Column]
    statistics: dict[str, Any]
    source: dict[str, Any]
    created_at: datetime


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A named table of one owner, at its current version."""

    id: str
    owner_id: str
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    current: Version

    @property
    def version(self) -> int:
        return self.current.number

    @property
    def row_count(self) -> int:
        return self.current.row_count

    @property
    def columns(self) -> list[Column]:
        return self.current.columns


def mentioned(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of `names` that stand as a word in a text, say a query: never too few of the datasets that are read."""
    words = {word.casefold() for text in texts for word in re.findall(r"\w+", text)}
    return [name for name in names if name.casefold() in words]


def is_dataset_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def suggested_name(file_name: str) -> str:
    """A dataset name made from a file's name: `Sales 2026 (final).xlsx` → `sales_2026_final`."""
    base = file_name.rsplit("/", 1)[-1]
    stem = base.rpartition(".")[0] or base
    slug = re.sub(r"[^a-z0-9\u4e00-\u9fff]+", "_", stem.lower()).strip("_")
    if slug[:1].isdigit():
        slug = f"data_{slug}"
    return slug[:63].rstrip("_") or "data"


def require_dataset_name(name: str, *, field: str = "dataset") -> None:
    if not is_dataset_name(name):
        raise InvalidInput(errors=[FieldError(field=field, message=NAME_RULE)])
