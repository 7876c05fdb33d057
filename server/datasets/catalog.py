"""Which datasets there are, their immutable versions, and the one transaction that points a dataset at a new one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, owner_is, user_may
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.datasets.catalog_rows import (
    IS_CURRENT,
    VERSION_SIZE,
    current_where,
    dataset_of,
    find_dataset,
    find_version_of_job,
    lock_dataset,
    make_findable,
    search_text,
    stored_tags,
    tags_text,
    version_of,
    versions_where,
)
from server.datasets.dataset import ColumnNote, Dataset, DatasetChange, Mode, Version, mentioned
from server.datasets.like_files import of_file, with_columns
from server.datasets.readable import Readable, readable
from server.datasets.schema import Column
from server.datasets.version_rows import (
    add_version,
    appended,
    create_dataset,
    keys_of,
    require_mode_fits,
    require_unused,
)
from server.errors import Conflict, Gone, NotFound
from server.live.announcing import Announce
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.pages import Listing, NameOrder, page_of, size_of
from server.storage.searching import holds, searched
from server.storage.sounding import is_said
from server.storage.tables import dataset_versions, datasets, findables, users

MISSING = "There is no dataset named “{name}”."
_NO_VERSION = "The dataset “{name}” has no version {number}."


class Deleted(Gone):
    """The dataset was deleted at this moment."""

    code = "dataset_deleted"


class Catalog:
    """The datasets of every owner. Rows of data are elsewhere: here is only what there is and where it lies."""

    def __init__(self, database: Database, blobs: BlobStore, *, announce: Announce, clock: Clock = utc_now) -> None:
        self._database = database
        self._blobs = blobs
        self._announce = announce
        self._clock = clock

    async def publish(
        self,
        connection: AsyncConnection,
        *,
        owner_id: str,
        name: str,
        mode: Mode,
        job_id: str,
        files: Sequence[str],
        row_count: int,
        rejected_count: int,
        bytes: int,  # noqa: A002 – the column's name
        own_bytes: int,
        rejects_bytes: int = 0,
        columns: Sequence[Column],
        statistics: dict[str, Any],
        source: dict[str, Any],
    ) -> Version:
        """Make what one import produced the current version, within the caller's transaction.

        Counts, files and statistics are those of the import alone; appending adds the version before. A job that
        already published gets the same version again. Call `announce_change` once the transaction is committed.
        """
        published = await find_version_of_job(connection, job_id)
        if published is not None:
            return published
        current = await lock_dataset(connection, owner_id, name)
        require_mode_fits(name, mode, current)
        now = self._clock()
        dataset_id = current.id if current else await create_dataset(connection, owner_id, name, mode, now=now)
        row: dict[str, Any] = {
            "mode": mode,
            "job_id": job_id,
            "files": list(files),
            "row_count": row_count,
            "rejected_count": rejected_count,
            "bytes": bytes,
            "own_bytes": own_bytes,
            "rejects_bytes": rejects_bytes,
            "columns": list(columns),
            "statistics": statistics,
            "source": source,
        }
        if mode == "append" and current is not None:
            row |= appended(current.current, row)
        return await add_version(connection, dataset_id, row, now=now)

    async def get(self, owner_id: str, name: str) -> Dataset:
        """Raises `NotFound` when `owner_id` has no dataset of that name."""
        async with self._database.read() as connection:
            found = await find_dataset(connection, owner_id, name)
        if found is None:
            raise NotFound(MISSING, name=name)
        return found

    async def by_id(self, dataset_id: str, name: str) -> Dataset:
        """Raises `NotFound` in the words of its `name`."""
        async with self._database.read() as connection:
            row = (await connection.execute(current_where(datasets.c.id == dataset_id))).mappings().one_or_none()
        if row is None:
            raise NotFound(MISSING, name=name)
        return dataset_of(row)

    async def of_ids(self, which: ColumnElement[bool]) -> dict[str, Dataset]:
        """By id, those of `which`."""
        async with self._database.read() as connection:
            rows = (await connection.execute(current_where(which))).mappings().all()
        return {dataset.id: dataset for dataset in map(dataset_of, rows)}

    async def find(self, owner_id: str, name: str) -> Dataset | None:
        async with self._database.read() as connection:
            return await find_dataset(connection, owner_id, name)

    async def find_open(self, user_id: str, owner: str, name: str) -> Dataset | None:
        """That of `owner`, a name or id, as long as the user may see it; they may be away."""
        async with self._database.read() as connection:
            for owner_id in await connection.scalars(select(users.c.id).where(owner_is(owner))):
                found = await find_dataset(connection, owner_id, name)
                if found is not None and await user_may(connection, user_id, DATASETS, found.id):
                    return found
        return None

    async def like(self, owner_id: str, *, columns: Set[str], stem: str) -> tuple[Dataset, str] | None:
        """The dataset last changed that a file with these names of columns is like, or else of this stem of a name;
        and which of the two, `columns` or `name`.
        """
        async with self._database.read() as connection:
            # Columns first: a name often holds the month, and says less of what is in a file.
            name, why = await with_columns(connection, owner_id, columns), "columns"
            if name is None and stem:
                name, why = await of_file(connection, owner_id, stem), "name"
            found = None if name is None else await find_dataset(connection, owner_id, name)
        return None if found is None else (found, why)

    async def require_mode_fits(self, connection: AsyncConnection, owner_id: str, name: str, mode: Mode) -> None:
        """What `publish` would say of the mode, before the work is done."""
        require_mode_fits(name, mode, await find_dataset(connection, owner_id, name))

    async def would_take(self, owner_id: str, name: str, mode: Mode) -> None:
        """The same, as things stand at this moment."""
        async with self._database.read() as connection:
            await self.require_mode_fits(connection, owner_id, name, mode)

    async def list(
        self,
        which: ColumnElement[bool],
        *,
        q: str = "",
        tags: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[Dataset]:
        """Those of `which` by name that have all of `tags`. `q` is looked for in all that is said of them
        (`search_text`).
        """
        mine = [which, datasets.c.version.is_not(None)]
        mine += [
            or_(
                holds(datasets.c.search, word),
                is_said(findables.c.dataset_id == datasets.c.id, word),
            )
            for word in searched(q.casefold())
        ]
        mine += [holds(datasets.c.tags, f"\n{tag}\n") for tag in tags]
        by_name = NameOrder(datasets.c.name, datasets.c.id)
        sizes = (
            select(datasets.c.id, VERSION_SIZE + size_of(datasets.c.column_notes))
            .join(dataset_versions, IS_CURRENT)
            .where(*mine, *by_name.after(cursor))
            .order_by(*by_name.columns)
            .limit(limit + 1)
        )
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(datasets).where(*mine)) or 0
            ids, has_more = page_of([(row[0], row[1]) for row in await connection.execute(sizes)], limit=limit)
            rows = await connection.execute(current_where(datasets.c.id.in_(ids)).order_by(datasets.c.id))
            items = [dataset_of(row) for row in rows.mappings()]
        next_cursor = by_name.cursor(items[-1].name, items[-1].id) if has_more else None
        return Listing(items=items, total=total, next_cursor=next_cursor)

    async def versions(self, dataset: Dataset, *, limit: int = 50, before: int | None = None) -> Listing[Version]:
        """Newest first, from the one before number `before` on."""
        is_ours = dataset_versions.c.dataset_id == dataset.id
        number = dataset_versions.c.number
        sizes = select(number, VERSION_SIZE).where(is_ours)
        if before is not None:
            sizes = sizes.where(number < before)
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).where(is_ours)) or 0
            found = await connection.execute(sizes.order_by(number.desc()).limit(limit + 1))
            numbers, has_more = page_of([(row[0], row[1]) for row in found], limit=limit)
            rows = await connection.execute(versions_where(is_ours, number.in_(numbers)).order_by(number.desc()))
            items = [version_of(row) for row in rows.mappings()]
        return Listing(items=items, total=total, next_cursor=str(numbers[-1]) if has_more else None)

    async def version(self, owner_id: str, name: str, number: int) -> Version:
        query = versions_where(
            datasets.c.owner_id == owner_id, datasets.c.name == name, dataset_versions.c.number == number
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            await self.get(owner_id, name)
            raise NotFound(_NO_VERSION, name=name, number=number)
        return version_of(row)

    async def files_held(self, dataset: Dataset) -> tuple[int, set[str]]:
        """How many versions there are, and the blob keys of all their parts."""
        query = select(dataset_versions.c.files).where(dataset_versions.c.dataset_id == dataset.id)
        async with self._database.read() as connection:
            held = list((await connection.execute(query)).scalars())
        return len(held), {key for files in held for key in files}

    async def version_of_job(self, job_id: str) -> Version | None:
        """The version an import published, if it did."""
        async with self._database.read() as connection:
            return await find_version_of_job(connection, job_id)

    async def restore(self, connection: AsyncConnection, old: Version) -> Version:
        """Make the content of an old version the newest one; the versions between stay.

        Raises `NotFound` when its dataset was deleted since `old` was read, or the version for its age.
        """
        if await connection.scalar(select(datasets.c.id).where(datasets.c.id == old.dataset_id)) is None:
            raise NotFound(MISSING, name=old.dataset)
        here = (dataset_versions.c.dataset_id == old.dataset_id) & (dataset_versions.c.number == old.number)
        if await connection.scalar(select(dataset_versions.c.number).where(here)) is None:
            raise NotFound(_NO_VERSION, name=old.dataset, number=old.number)
        row = {
            name: getattr(old, name)
            for name in ("files", "row_count", "rejected_count", "bytes", "columns", "statistics")
        }
        source = old.source | {"restored_from": old.number}
        row |= {"mode": "restore", "job_id": None, "rejects_bytes": 0, "source": source}
        return await add_version(connection, old.dataset_id, row, now=self._clock())

    async def tags(self, which: ColumnElement[bool]) -> dict[str, int]:
        """Every tag, and how many datasets of `which` have it."""
        query = select(datasets.c.tags).where(which, datasets.c.version.is_not(None), datasets.c.tags != "")
        async with self._database.read() as connection:
            texts = (await connection.execute(query)).scalars().all()
        return dict(sorted(Counter(tag for text in texts for tag in stored_tags(text)).items()))

    async def describe(self, connection: AsyncConnection, dataset: Dataset, change: DatasetChange) -> None:
        """Rename a dataset or say something else of it; raises `Conflict` for a name that is taken, or `NotFound`."""
        name = dataset.name if change.name is None else change.name
        if name != dataset.name and await lock_dataset(connection, dataset.owner_id, name):
            raise Conflict("There is already a dataset named “{name}”; choose another name.", name=name)
        now = await lock_dataset(connection, dataset.owner_id, dataset.name)
        if now is None or now.id != dataset.id:
            raise NotFound(MISSING, name=dataset.name)
        notes = now.column_notes | (change.column_notes or {})
        notes = {column: note for column, note in notes.items() if note != ColumnNote()}
        changed = {
            "name": name,
            "description": now.description if change.description is None else change.description,
            "tags": tags_text(now.tags if change.tags is None else change.tags),
        }
        search = search_text(**changed, notes=notes, columns=now.columns, source=now.current.source)
        await connection.execute(
            update(datasets)
            .where(datasets.c.id == dataset.id)
            .values(**changed, column_notes=msgspec.to_builtins(notes), search=search, updated_at=self._clock())
        )
        await make_findable(connection, dataset.id)

    async def delete(self, connection: AsyncConnection, dataset: Dataset) -> set[str]:
        """Remove a dataset with all versions; returns the blob keys to give to `remove_files` after the commit.

        Raises `Locked` while reports are being made from it.
        """
        await require_unused(connection, dataset)
        keys = await keys_of(connection, dataset)
        await connection.execute(delete(dataset_versions).where(dataset_versions.c.dataset_id == dataset.id))
        await connection.execute(delete(datasets).where(datasets.c.id == dataset.id))
        return keys

    async def keys_of(self, dataset: Dataset) -> set[str]:
        """Blob keys of everything that belongs to a dataset."""
        async with self._database.read() as connection:
            return await keys_of(connection, dataset)

    async def remove_files(self, keys: Iterable[str]) -> None:
        """Delete blobs that no version names any more."""
        await self._blobs.delete(*keys)

    async def names_of(self, owner_id: str) -> Sequence[str]:
        """Of every dataset that they have."""
        query = select(datasets.c.name).where(datasets.c.owner_id == owner_id, datasets.c.version.is_not(None))
        async with self._database.read() as connection:
            return list((await connection.execute(query.order_by(datasets.c.name))).scalars())

    async def readable(self, principal: Principal, *, meant_by: str | None = None) -> Readable:
        """By which names they may read datasets: their own, and those of others that they may see."""
        async with self._database.read() as connection:
            return await readable(connection, principal, meant_by=meant_by)

    async def mentioned(self, known: Readable, texts: Sequence[str]) -> dict[str, Version]:
        """The current versions of those of the datasets `known` that are named in `texts`, by these names."""
        ids = {name: known.ids[name] for name in await asyncio.to_thread(mentioned, texts, known.ids)}
        query = current_where(datasets.c.id.in_(ids.values()))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = {dataset.id: dataset.current for dataset in map(dataset_of, rows)}
        return {name: found[dataset_id] for name, dataset_id in ids.items() if dataset_id in found}

    @asynccontextmanager
    async def fetched(self, files: Sequence[str]) -> AsyncIterator[tuple[Path, ...]]:
        """The Parquet parts of a version, to be read inside the block.

        Whatever fails there because they went meanwhile is `Deleted`: each reader has words of its own.
        """
        async with self._blobs.fetch(files) as paths:
            try:
                yield paths
            except Exception:
                if all(path.exists() for path in paths):
                    raise
                raise Deleted from None

    def announce_change(self, version: Version, change: str = "published") -> None:
        """Tell whoever watches `dataset:<name>` or `dataset:<id>`; only after the change is committed."""
        data = {
            "name": version.dataset,
            "change": change,
            "version": version.number,
            "row_count": version.row_count,
            "rejected_count": version.rejected_count,
        }
        self._announce(f"dataset:{version.dataset}", data, version.owner_id)
        # By its id others watch it, too, as long as they may (live/shared_events.py).
        self._announce(f"dataset:{version.dataset_id}", data, None)
