"""Rows of versions: how one is added to a dataset, what adding to it makes, and which files they name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id
from server.datasets.appending import merged_columns, merged_statistics
from server.datasets.catalog_rows import (
    make_findable,
    search_text,
    version_of,
    versions_where,
)
from server.datasets.dataset import ColumnNote, Dataset, Mode, Version
from server.errors import Conflict, FieldError, InvalidInput, Locked
from server.storage.rows import insert_or_get, lock
from server.storage.tables import batches, dataset_versions, datasets, jobs

_EXISTS = "There is already a dataset named “{name}”; use the mode “replace” or “append”, or another name."


def data_key(job_id: str) -> str:
    """Blob key of the Parquet part that an import makes; a repeated attempt writes the same one."""
    return f"datasets/{job_id}/data.parquet"


def rejects_key(job_id: str) -> str:
    """Blob key of the rows that an import rejected, as JSON lines."""
    return f"imports/{job_id}/rejects.jsonl"


def require_mode_fits(name: str, mode: Mode, current: Dataset | None) -> None:
    """Raises `Conflict` for creating what exists, `InvalidInput` for adding to what does not.

    Replacing what does not exist yet is fine: a nightly import need not know whether it is the first.
    """
    if mode == "create" and current is not None:
        raise Conflict(_EXISTS, code="dataset_exists", name=name)
    if mode in ("append", "upsert") and current is None:
        raise InvalidInput(
            "There is no dataset named “{name}” to append to; use the mode “create”."
            if mode == "append"
            else "There is no dataset named “{name}” to update; use the mode “create”.",
            code="dataset_missing",
            errors=[
                FieldError(
                    field="dataset",
                    message="There is no dataset of this name to append to."
                    if mode == "append"
                    else "There is no dataset of this name to update.",
                )
            ],
            name=name,
        )


def appended(before: Version, added: dict[str, Any]) -> dict[str, Any]:
    return {
        "files": [*before.files, *(key for key in added["files"] if key not in before.files)],
        "row_count": before.row_count + added["row_count"],
        "bytes": before.bytes + added["bytes"],
        "columns": merged_columns(before.columns, added["columns"]),
        "statistics": merged_statistics(before.statistics, added["statistics"], before.columns),
    }


async def keys_of(connection: AsyncConnection, dataset: Dataset) -> set[str]:
    versions = await connection.execute(
        select(dataset_versions.c.files, dataset_versions.c.job_id).where(dataset_versions.c.dataset_id == dataset.id)
    )
    keys: set[str] = set()
    for files, job_id in versions:
        keys.update(files)
        if job_id is not None:
            keys.add(rejects_key(job_id))  # raw rows of the file: what is deleted is deleted
    return keys


async def require_unused(connection: AsyncConnection, dataset: Dataset) -> None:
    # Reports open the files of the versions their batch began with, one after the other.
    live = await connection.execute(
        select(batches.c.name, batches.c.owner_id, batches.c.dataset_versions)
        .join(jobs, jobs.c.id == batches.c.job_id)
        .where(jobs.c.state.in_(("queued", "running")))
    )
    for batch_name, owner_id, used in live:
        if any(each["dataset_id"] == dataset.id for each in used.values()):
            if owner_id != dataset.owner_id:
                raise Locked(
                    "Somebody's reports are being made from the dataset “{name}”; wait until they are finished.",
                    name=dataset.name,
                )
            raise Locked(
                "Reports of “{batch}” are being made from the dataset “{name}”; wait for them or cancel them first.",
                batch=batch_name,
                name=dataset.name,
            )


async def create_dataset(connection: AsyncConnection, owner_id: str, name: str, mode: Mode, *, now: datetime) -> str:
    """Its id. Another import may have created it at this moment: then it is there already."""
    row = {"id": new_id(), "owner_id": owner_id, "name": name, "created_at": now, "updated_at": now}
    stored, is_new = await insert_or_get(connection, datasets, row, key=("owner_id", "name"))
    if mode == "create" and not is_new:
        raise Conflict(_EXISTS, code="dataset_exists", name=name)
    return str(stored.id)


async def add_version(connection: AsyncConnection, dataset_id: str, row: dict[str, Any], *, now: datetime) -> Version:
    await connection.execute(lock(select(datasets.c.id).where(datasets.c.id == dataset_id)))
    newest = await connection.scalar(
        select(func.max(dataset_versions.c.number)).where(dataset_versions.c.dataset_id == dataset_id)
    )
    number = (newest or 0) + 1
    stored = row | {"columns": msgspec.to_builtins(row["columns"])}
    await connection.execute(
        insert(dataset_versions).values(**stored, dataset_id=dataset_id, number=number, created_at=now)
    )
    is_ours = datasets.c.id == dataset_id
    said = select(datasets.c.name, datasets.c.description, datasets.c.tags, datasets.c.column_notes)
    found = (await connection.execute(said.where(is_ours))).one()
    notes = msgspec.convert(found.column_notes, dict[str, ColumnNote])
    search = search_text(found.name, found.description, found.tags, notes, columns=row["columns"], source=row["source"])
    await connection.execute(update(datasets).where(is_ours).values(version=number, search=search, updated_at=now))
    await make_findable(connection, dataset_id)
    query = versions_where(dataset_versions.c.dataset_id == dataset_id, dataset_versions.c.number == number)
    return version_of((await connection.execute(query)).mappings().one())
