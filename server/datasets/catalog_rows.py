"""Datasets and versions as rows of the database: how they are looked for, read, and found by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.datasets.dataset import ColumnNote, Dataset, Version
from server.datasets.reject_rows import Taken
from server.datasets.schema import Column
from server.storage import findable
from server.storage.pages import size_of
from server.storage.rows import lock
from server.storage.tables import dataset_versions, datasets, users

_VERSION_COLUMNS = tuple(dataset_versions.c)
VERSION_SIZE = size_of(dataset_versions.c.columns, dataset_versions.c.statistics)
IS_CURRENT = and_(datasets.c.id == dataset_versions.c.dataset_id, dataset_versions.c.number == datasets.c.version)


def versions_where(*conditions: Any) -> Select[Any]:
    return (
        select(*_VERSION_COLUMNS, datasets.c.name.label("dataset"), datasets.c.owner_id)
        .join(datasets, datasets.c.id == dataset_versions.c.dataset_id)
        .where(*conditions)
    )


def current_where(*conditions: Any) -> Select[Any]:
    return (
        versions_where(dataset_versions.c.number == datasets.c.version, *conditions)
        .add_columns(
            datasets.c.description,
            datasets.c.tags,
            datasets.c.column_notes,
            datasets.c.created_at.label("dataset_created_at"),
            datasets.c.updated_at.label("dataset_updated_at"),
            users.c.name.label("owner"),
        )
        .join(users, users.c.id == datasets.c.owner_id)
        .order_by(datasets.c.name)
    )


async def find_dataset(connection: AsyncConnection, owner_id: str, name: str) -> Dataset | None:
    query = current_where(datasets.c.owner_id == owner_id, datasets.c.name == name)
    row = (await connection.execute(query)).mappings().one_or_none()
    return dataset_of(row) if row else None


async def lock_dataset(connection: AsyncConnection, owner_id: str, name: str) -> Dataset | None:
    """The same, and it stays so until the transaction ends: no version is added, and nobody renames or deletes it."""
    await connection.execute(
        lock(select(datasets.c.id).where(datasets.c.owner_id == owner_id, datasets.c.name == name))
    )
    return await find_dataset(connection, owner_id, name)


async def find_version_of_job(connection: AsyncConnection, job_id: str) -> Version | None:
    row = (await connection.execute(versions_where(dataset_versions.c.job_id == job_id))).mappings().one_or_none()
    return version_of(row) if row else None


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """What became of a dataset after a version: `corrects` tells of rejects that were added (import_correction.py),
    `takes` of those that came back with a file (came_back.py).
    """

    number: int
    mode: str
    job_id: str | None
    rejected_count: int
    corrects: dict[str, Any]
    takes: Taken


async def versions_after(connection: AsyncConnection, version: Version) -> list[LaterVersion]:
    """Those of the same dataset that came later, in their order; there may be thousands."""
    columns = dataset_versions.c
    later = (
        select(
            columns.number,
            columns.mode,
            columns.job_id,
            columns.rejected_count,
            columns.source["corrects"],
            columns.source["takes"],
        )
        .where(columns.dataset_id == version.dataset_id, columns.number > version.number)
        .order_by(columns.number)
    )
    return [LaterVersion(*row[:4], row[4] or {}, row[5] or {}) for row in await connection.execute(later)]


def version_of(row: RowMapping) -> Version:
    values = {name: row[name] for name in Version.__struct_fields__}
    return Version(**values | {"columns": msgspec.convert(row["columns"], list[Column])})


def dataset_of(row: RowMapping) -> Dataset:
    return Dataset(
        id=row["dataset_id"],
        owner_id=row["owner_id"],
        owner=row["owner"],
        name=row["dataset"],
        description=row["description"],
        tags=stored_tags(row["tags"]),
        column_notes=msgspec.convert(row["column_notes"], dict[str, ColumnNote]),
        created_at=row["dataset_created_at"],
        updated_at=row["dataset_updated_at"],
        current=version_of(row),
    )


def tags_text(tags: Sequence[str]) -> str:
    """As the column `tags` holds them: each between line ends."""
    return "\n".join(("", *tags, "")) if tags else ""


def stored_tags(text: str) -> list[str]:
    return [tag for tag in text.split("\n") if tag]


def search_text(
    name: str,
    description: str,
    tags: str,
    notes: Mapping[str, ColumnNote],
    *,
    columns: Sequence[Column],
    source: Mapping[str, Any],
) -> str:
    """What a dataset is found by."""
    names = (column.name for column in columns)
    said = (note.description for note in notes.values())
    return "\n".join((name, description, str(source.get("name", "")), *names, tags, *said)).casefold()


async def make_findable(connection: AsyncConnection, dataset_id: str) -> None:
    """Keep by which words it and its columns are found, as its row says by now."""
    row = (await connection.execute(current_where(datasets.c.id == dataset_id))).mappings().one()
    dataset = dataset_of(row)
    said = [dataset.description, str(dataset.current.source.get("name", "")), *dataset.tags]
    await findable.replace(connection, findable.of_dataset(dataset.id, dataset.owner_id, dataset.name, said))
    notes = dataset.column_notes
    columns = {
        column.name: [notes[column.name].description] if column.name in notes else [""]
        for column in dataset.current.columns
    }
    await findable.put_columns(connection, dataset.id, dataset.owner_id, columns)
