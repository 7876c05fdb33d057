"""What people do with datasets: find them, rename and describe them, restore a version, delete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import and_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import DATASETS, TEMPLATES, Right, Whose, listed, may, require_still
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets.catalog_rows import find_dataset
from server.datasets.dataset import (
    MOST_TAGS,
    TAG_CHARACTERS,
    Dataset,
    DatasetChange,
    Version,
    clean_tags,
    mentioned,
    require_dataset_name,
)
from server.datasets.query_store import QueryStore
from server.errors import FieldError, InvalidInput, NotFound, PreconditionFailed
from server.operations.data_reading import DataReading
from server.operations.dataset_access import DatasetAccess
from server.reports.batches import UsedDataset
from server.reports.template_store import TemplateStore
from server.storage.blob_store import BlobStore
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.growth import Growth
from server.storage.pages import Listing

_SOURCES_AT_ONCE = 20  # of templates, which may be long


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What deleting a dataset loses."""

    name: str
    versions: int
    row_count: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """What names a dataset, and would no longer find it under another name."""

    templates: list[str]
    queries: list[str]


class DatasetOperations:
    """Every method takes who asks first; an `owner` is the name of a user who shared theirs."""

    def __init__(
        self,
        reading: DataReading,
        access: DatasetAccess,
        *,
        database: Database,
        templates: TemplateStore,
        queries: QueryStore,
        blobs: BlobStore,
        audit: Audit,
        growth: Growth,
    ) -> None:
        self._reading = reading
        self._access = access
        self._catalog = reading.catalog
        self._database = database
        self._templates = templates
        self._queries = queries
        self._blobs = blobs
        self._audit = audit
        self._growth = growth

    async def list(
        self,
        principal: Principal,
        *,
        owner: str | None = None,
        whose: Whose = Whose.MINE_AND_SHARED,
        q: str = "",
        tags: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[Dataset]:
        """By name, those that have all of `tags`; of `owner` all that the caller may see."""
        principal.require_read()
        which = listed(principal, DATASETS, whose, owner)
        return await self._catalog.list(which, q=q, tags=clean_tags(tags), limit=limit, cursor=cursor)

    async def tags(self, principal: Principal, *, whose: Whose = Whose.MINE_AND_SHARED) -> dict[str, int]:
        """The tags of such datasets, and how many have each."""
        principal.require_read()
        return await self._catalog.tags(listed(principal, DATASETS, whose))

    async def get(self, principal: Principal, name: str, *, owner: str | None = None) -> Dataset:
        return await self._access.get(principal, name, owner)

    async def right(self, principal: Principal, dataset: Dataset) -> Right:
        """What they may do with it."""
        return await self._access.right(principal, dataset)

    async def sources(self, principal: Principal, used: Mapping[str, UsedDataset]) -> dict[str, Dataset]:
        """By the names that reports were made from: those of the datasets that the reader may open."""
        principal.require_read()
        ids = {each.dataset_id for each in used.values()}
        found = await self._catalog.of_ids(and_(DATASETS.table.c.id.in_(ids), may(principal, DATASETS)))
        return {name: found[each.dataset_id] for name, each in used.items() if each.dataset_id in found}

    async def versions(
        self, principal: Principal, name: str, *, owner: str | None = None, limit: int = 50, before: int | None = None
    ) -> Listing[Version]:
        """Newest first, from the one before number `before` on."""
        return await self._catalog.versions(await self._access.get(principal, name, owner), limit=limit, before=before)

    async def uses(self, principal: Principal, name: str, *, owner: str | None = None) -> Uses:
        """What would have to be told of another name."""
        dataset = await self.get(principal, name, owner=owner)
        templates = [template async for template in self._templates_naming(principal, dataset)]
        if dataset.owner_id != principal.user_id and not principal.is_admin:
            return Uses(templates=templates, queries=[])  # what its owner asks of it is nobody else's business
        saved = await self._queries.naming(dataset.owner_id, dataset.name)
        return Uses(
            templates=templates,
            queries=[query for query, sql in saved.items() if mentioned([sql], [dataset.name])],
        )

    async def change(
        self,
        principal: Principal,
        name: str,
        change: DatasetChange,
        *,
        owner: str | None = None,
        expected: str | None = None,
    ) -> Dataset:
        """Rename it, or say something else of it; `expected` is the entity tag it must still have."""
        principal.require_write()
        dataset = await self._access.get(principal, name, owner, Right.EDIT)
        change = _checked(change, dataset)
        async with self._database.write() as connection:
            await require_still(connection, principal, DATASETS, dataset.id, Right.EDIT)
            await _require_still_same(connection, dataset, expected)
            # As it is, in the text that is searched, and in the audit log.
            texts = [change.description or "", *(change.tags or ()), change.column_notes]
            self._growth.charge(principal.user_id, *texts * 3)
            await self._catalog.describe(connection, dataset, change)
            detail = {
                "fields": [field for field in DatasetChange.__struct_fields__ if getattr(change, field) is not None]
            }
            renamed = {} if change.name in (None, dataset.name) else {"renamed_to": change.name}
            await self._audit.record(
                connection, principal, "dataset.change", dataset.name, detail | renamed, subject_id=dataset.id
            )
        self._catalog.announce_change(dataset.current, "changed")
        return await self._catalog.get(dataset.owner_id, change.name or name)

    async def restore(self, principal: Principal, name: str, number: int, *, owner: str | None = None) -> Version:
        """Make an old version current again, as a new version."""
        principal.require_write()
        dataset = await self._access.get(principal, name, owner, Right.EDIT)
        old = await self._catalog.version(dataset.owner_id, dataset.name, number)
        self._reading.room.require()
        async with self._database.write() as connection:
            await require_still(connection, principal, DATASETS, dataset.id, Right.EDIT)
            self._growth.charge(principal.user_id, old.columns, old.statistics, old.source, old.files)
            version = await self._catalog.restore(connection, old)
            detail = {"from": number, "version": version.number}
            await self._audit.record(connection, principal, "dataset.restore", name, detail, subject_id=dataset.id)
        self._catalog.announce_change(version, "restored")
        return version

    async def loss(self, principal: Principal, name: str, *, owner: str | None = None) -> Loss:
        """What `delete` would take away."""
        dataset = await self.get(principal, name, owner=owner)
        versions, parts = await self._catalog.files_held(dataset)
        size = sum([await _size(self._blobs, key) for key in parts])
        return Loss(name=name, versions=versions, row_count=dataset.row_count, bytes=size)

    async def delete(
        self, principal: Principal, name: str, *, owner: str | None = None, expected: str | None = None
    ) -> Loss:
        """Remove a dataset with all its versions for good; raises `Locked` while reports are made from it."""
        principal.require_write()
        dataset = await self._access.get(principal, name, owner, Right.OWN)
        _require_same(dataset, expected)  # also before: on a full disk the files go first (`delete_whole`)
        loss = await self.loss(principal, name, owner=owner)
        # Before, since on a full disk the files go first; and again below, since an import may add some meanwhile.
        keys = await self._catalog.keys_of(dataset)

        async def forget() -> None:
            async with self._database.write() as connection:
                await _require_still_same(connection, dataset, expected)
                keys.update(await self._catalog.delete(connection, dataset))
                detail = {"versions": loss.versions, "rows": loss.row_count}
                await self._audit.record(connection, principal, "dataset.delete", name, detail, subject_id=dataset.id)

        await delete_whole(forget=forget, remove=lambda: self._catalog.remove_files(keys))
        self._catalog.announce_change(dataset.current, "deleted")
        return loss

    async def _templates_naming(self, principal: Principal, dataset: Dataset) -> AsyncIterator[str]:
        """Its owner's, as far as the reader may see them."""
        theirs = and_(TEMPLATES.table.c.owner_id == dataset.owner_id, may(principal, TEMPLATES))
        found = await self._templates.holding(theirs, dataset.name)
        left = list(found)
        while left:
            names, left = left[:_SOURCES_AT_ONCE], left[_SOURCES_AT_ONCE:]
            sources = await self._templates.sources([found[name] for name in names])
            for name in names:
                if await asyncio.to_thread(mentioned, [sources.get(found[name], "")], [dataset.name]):
                    yield name


def entity_tag(dataset: Dataset) -> str:
    """Changes whenever anything about the dataset does."""
    return f"{dataset.id}-{dataset.version}-{round(dataset.updated_at.timestamp() * 1_000_000):x}"


def _checked(change: DatasetChange, dataset: Dataset) -> DatasetChange:
    """Raises `InvalidInput` for a name that none can have, too many tags, or a note on a column that is not there."""
    if change.name is not None:
        require_dataset_name(change.name, field="name")
    known = {column.name for column in dataset.columns} | dataset.column_notes.keys()
    errors = [
        FieldError(field=f"column_notes.{column}", message="There is no column “{name}”.", parameters={"name": column})
        for column in change.column_notes or ()
        if column not in known
    ]
    tags = None if change.tags is None else clean_tags(change.tags)
    if tags is not None and (len(tags) > MOST_TAGS or any(len(tag) > TAG_CHARACTERS for tag in tags)):
        told: dict[str, object] = {"count": MOST_TAGS, "limit": TAG_CHARACTERS}
        message = "A dataset has at most {count} tags of up to {limit} characters."
        errors.append(FieldError(field="tags", message=message, parameters=told))
    if errors:
        raise InvalidInput(errors=errors)
    return msgspec.structs.replace(change, tags=tags)


async def _require_still_same(connection: AsyncConnection, seen: Dataset, expected: str | None) -> None:
    """In the transaction that writes: two who saw the same may both have come so far."""
    if expected is not None:
        _require_same(await find_dataset(connection, seen.owner_id, seen.name), expected)


def _require_same(dataset: Dataset | None, expected: str | None) -> None:
    if expected is not None and (dataset is None or expected not in ("*", entity_tag(dataset))):
        raise PreconditionFailed


async def _size(blobs: BlobStore, key: str) -> int:
    with suppress(NotFound):  # removed at this moment, or by a delete that broke off: it takes nothing any more
        return await blobs.size(key)
    return 0
