"""What a dataset is: a named table of one owner, its immutable versions, and where their files lie."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec

from server.datasets.schema import Column
from server.errors import FieldError, InvalidInput

Mode = Literal["create", "replace", "append", "upsert"]

# A name is also the name of the view in SQL: no quoting needed, and Chinese names stay Chinese.
NAME_PATTERN = "[a-z_\u4e00-\u9fff][a-z0-9_\u4e00-\u9fff]{0,62}"
_NAME = re.compile(NAME_PATTERN)
NAME_RULE = "Use up to 63 small letters, digits, _ or Chinese characters, beginning with a letter."
MOST_TAGS = 20
TAG_CHARACTERS = 40
TAG_PATTERN = r"^[^\x00-\x1f\x7f,;\uff0c\uff1b\u3001]*$"  # none of what people write between tags
MOST_DECIMALS = 10
_BETWEEN_TAGS = re.compile("[,;\n\uff0c\uff1b\u3001]")


class ColumnNote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What people say of one column, whatever version: shown with its values, which stay as they are.

    With `decimals` its numbers are written with so many digits after the mark.
    """

    description: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    unit: Annotated[str, msgspec.Meta(max_length=20)] = ""
    decimals: Annotated[int, msgspec.Meta(ge=0, le=MOST_DECIMALS)] | None = None


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
    """A named table of one owner, at its current version. `owner` is the name of that user."""

    id: str
    owner_id: str
    owner: str = ""
    name: str
    description: str
    tags: list[str]
    column_notes: dict[str, ColumnNote]
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


class DatasetChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of a dataset from now on; None leaves a thing as it is.

    Of `column_notes` those that are named replace what was said of their columns; an empty one takes it away.
    """

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    column_notes: dict[str, ColumnNote] | None = None


def clean_tags(texts: Iterable[str]) -> list[str]:
    """Small letters, single spaces, each once, in their order: `Finance` and `finance ` are one tag."""
    composed = (" ".join(unicodedata.normalize("NFC", text).lower().split()) for text in texts)
    return list(dict.fromkeys(filter(None, composed)))


def tags_in(text: str) -> list[str]:
    """Tags as people write them into one field: `finance, monthly`, `财务、月度`."""
    return clean_tags(_BETWEEN_TAGS.split(text))


def mentioned(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of `names` that stand as a word in a text, say a query: never too few of the datasets that are read.

    Of a name with its owner (`mei.orders`) both have to stand there somewhere.
    """
    whole = "\n".join(texts).casefold()
    words = set(re.findall(r"\w+", whole))
    parts = ((name, *path_of(name)) for name in names)
    return [
        name for name, *owner, last in parts if last.casefold() in words and all(o.casefold() in whole for o in owner)
    ]


def with_owner(owner: str, name: str) -> str:
    """The name of somebody else's dataset in SQL: `"mei"."orders"` there, and `mei.orders` here."""
    return f"{owner}.{name}"


def path_of(name: str) -> list[str]:
    """Its owner, if that is said, and what it is called: names of users may hold points, those of datasets do not."""
    owner, point, last = name.rpartition(".")
    return [owner, last] if point else [last]


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


def page_of(version: Version, reader_id: str) -> str:
    """Of the dataset, whose owner is named to everybody else."""
    owner = "" if version.owner_id == reader_id else f"{version.owner_id}:"
    return f"/datasets/{owner}{quote(version.dataset)}"


def address_of(version: Version, reader_id: str) -> str:
    """The same in the API."""
    owner = "" if version.owner_id == reader_id else f"?owner={version.owner_id}"
    return f"/api/v1/datasets/{quote(version.dataset)}{owner}"
