"""What people do with datasets: find them, read and export rows, rename, restore a version, delete."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import select

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets.answers import Answer, page_rows
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
from server.datasets.excel_texts import require_fits_excel
from server.datasets.query_store import QueryStore
from server.datasets.row_filters import check_request
from server.datasets.row_keys import changed_columns, default_key, require_key, shared_columns
from server.datasets.work import (
    MEDIA_TYPES,
    Change,
    ColumnProfile,
    ComparedVersion,
    DifferencesAnswerRequest,
    DifferencesPage,
    DifferencesRequest,
    ExportFormat,
    ExportRequest,
    ProfileRequest,
    QueryLimits,
    RowsAnswerRequest,
    RowsPage,
    RowsRequest,
    export_dataset,
    profile_columns,
    read_differences,
    read_rows,
    write_differences,
    write_rows,
)
from server.errors import FieldError, InvalidInput, NotFound, PreconditionFailed
from server.jobs.shared_workers import SharedWorkers
from server.numerals import whole_number
from server.operations.data_reading import DataReading
from server.operations.made_files import MadeFile
from server.reports.template_store import TemplateStore
from server.storage.blob_store import BlobStore, StoredBlob
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.growth import Growth
from server.storage.pages import Listing, place_of
from server.storage.tables import users

_KEPT_PROFILES = 64  # versions never change, so neither do their profiles
_EXPORT_SECONDS = 1800.0
_SOURCES_AT_ONCE = 20  # of templates, which may be long


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsQuery:
    """Which rows somebody wants to see; the syntax is that of `datasets.rows`."""

    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    q: str = ""
    limit: int = 50
    cursor: str | None = None

    @property
    def chooses(self) -> bool:
        """Whether it is another list of rows than that of the file."""
        return bool(self.filters or self.order or self.q.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of the rows of one version; `offset` is the place of the first, `limit` how many a page has."""

    version: Version
    page: RowsPage
    offset: int
    limit: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencesQuery:
    """Which two versions are compared, and what of it is wanted.

    `after` is the current one when it is None, `before` the one that came before `after`, `key` what
    `row_keys.default_key` chooses; an empty `key` compares whole rows.
    """

    before: int | None = None
    after: int | None = None
    key: tuple[str, ...] | None = None
    change: Change | Literal[""] = ""
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """One page of what differs between two versions."""

    before: Version
    after: Version
    key: list[str]
    page: DifferencesPage
    offset: int
    next_cursor: str | None


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
    """Every method takes who asks first. Only administrators may name another `owner`."""

    def __init__(
        self,
        reading: DataReading,
        *,
        database: Database,
        templates: TemplateStore,
        queries: QueryStore,
        exports: SharedWorkers,
        blobs: BlobStore,
        audit: Audit,
        growth: Growth,
    ) -> None:
        """`exports` are workers of their own: whole datasets take long."""
        self._reading = reading
        self._catalog = reading.catalog
        self._database = database
        self._templates = templates
        self._queries = queries
        self._exports = exports
        self._blobs = blobs
        self._audit = audit
        self._growth = growth
        self._profiles: OrderedDict[tuple[str, int], Sequence[ColumnProfile]] = OrderedDict()

    async def list(
        self,
        principal: Principal,
        *,
        owner: str | None = None,
        q: str = "",
        tags: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[Dataset]:
        """By name, those that have all of `tags`."""
        owner_id = await self._owner_id(principal, owner)
        return await self._catalog.list(owner_id, q=q, tags=clean_tags(tags), limit=limit, cursor=cursor)

    async def tags(self, principal: Principal) -> dict[str, int]:
        """The caller's tags, and how many datasets have each."""
        principal.require_read()
        return await self._catalog.tags(principal.user_id)

    async def get(self, principal: Principal, name: str, *, owner: str | None = None) -> Dataset:
        return await self._catalog.get(await self._owner_id(principal, owner), name)

    async def versions(
        self, principal: Principal, name: str, *, owner: str | None = None, limit: int = 50, before: int | None = None
    ) -> Listing[Version]:
        """Newest first, from the one before number `before` on."""
        return await self._catalog.versions(await self._owner_id(principal, owner), name, limit=limit, before=before)

    async def rows(self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None) -> Rows:
        """Rows as a page shows them, fewer of wide ones.

        A cursor stays with the version it began in, so that no import in between shifts rows.
        """
        async with self._rows_request(principal, name, query, owner) as (version, asked):
            request = msgspec.structs.replace(asked, limit=page_rows(query.limit, len(asked.columns)))
            page: RowsPage = await self._reading.in_worker(principal, read_rows, request)
        after = request.offset + len(page.rows)
        more = page.rows and after < page.total
        return Rows(
            version=version,
            page=page,
            offset=request.offset,
            limit=request.limit or len(page.rows),
            next_cursor=f"{version.number}.{after}" if more else None,
        )

    async def rows_answer(
        self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None
    ) -> MadeFile:
        """The same for programs, as JSON with every value whole; raises `InvalidInput` when that is too large."""
        async with (
            self._rows_request(principal, name, query, owner) as (_, rows),
            self._reading.place(".json") as place,
        ):
            request = RowsAnswerRequest(rows=rows, place=place)
            answer: Answer = await self._reading.in_worker(principal, write_rows, request)
        return MadeFile.of(answer, name=f"{name}.json", media_type="application/json")

    async def differences(
        self, principal: Principal, name: str, query: DifferencesQuery, *, owner: str | None = None
    ) -> Differences:
        """What changed between two versions, as a page shows it. Raises `NotFound`, `InvalidInput`."""
        async with self._differences_request(principal, name, query, owner) as (before, after, request):
            page: DifferencesPage = await self._reading.in_worker(principal, read_differences, request)
        end = request.offset + len(page.rows)
        return Differences(
            before=before,
            after=after,
            key=list(request.key),
            page=page,
            offset=request.offset,
            next_cursor=str(end) if page.rows and end < page.total else None,
        )

    async def differences_answer(
        self, principal: Principal, name: str, query: DifferencesQuery, *, owner: str | None = None
    ) -> MadeFile:
        """The same for programs, as JSON with every value whole."""
        async with (
            self._differences_request(principal, name, query, owner) as (before, after, wanted),
            self._reading.place(".json") as place,
        ):
            head = {
                "from": before.number,
                "to": after.number,
                "key": wanted.key,
                "columns": changed_columns(before, after),
            }
            request = DifferencesAnswerRequest(differences=wanted, head=head, place=place)
            answer: Answer = await self._reading.in_worker(principal, write_differences, request)
        return MadeFile.of(answer, name=f"{name}-diff.json", media_type="application/json")

    async def profile(
        self, principal: Principal, name: str, *, owner: str | None = None
    ) -> tuple[Dataset, Sequence[ColumnProfile]]:
        """What the values of each column look like; computed once a version."""
        dataset = await self.get(principal, name, owner=owner)
        key = (dataset.id, dataset.version)
        if key not in self._profiles:
            async with self._catalog.fetched(dataset.current.files) as paths:
                request = ProfileRequest(paths=paths, columns=tuple(dataset.columns), limits=self._reading.limits)
                self._profiles[key] = await self._reading.in_worker(principal, profile_columns, request)
            while len(self._profiles) > _KEPT_PROFILES:
                self._profiles.popitem(last=False)
        return dataset, self._profiles[key]

    def known_profile(self, dataset: Dataset) -> Sequence[ColumnProfile] | None:
        """That of its current version, if somebody has asked for it lately."""
        return self._profiles.get((dataset.id, dataset.version))

    async def export(
        self,
        principal: Principal,
        name: str,
        file_format: ExportFormat,
        *,
        owner: str | None = None,
        exact: bool = False,
        selection: RowsQuery | None = None,
    ) -> MadeFile:
        """The current version as one file; raises `InvalidInput` when Excel cannot hold it.

        `exact`: see `ExportRequest`. `selection`: only the rows that it finds, in its order; all of them, not a page.
        """
        dataset = await self.get(principal, name, owner=owner)
        files = dataset.current.files
        selection = selection if selection and selection.chooses else None
        if selection is not None:
            check_request(selection.filters, selection.order, dataset.columns)
        elif file_format == "xlsx":
            require_fits_excel(dataset.row_count, len(dataset.columns))
        media_type = MEDIA_TYPES[file_format]
        file_name = f"{dataset.name}{'-rows' if selection else ''}.{file_format}"
        if file_format == "parquet" and len(files) == 1 and selection is None:
            stored = StoredBlob(store=self._blobs, key=files[0])
            return MadeFile(content=stored, name=file_name, media_type=media_type)
        scratch = self._reading.scratch
        # Excel files are written in many pieces beside each other: a directory of their own goes as a whole.
        async with (
            self._catalog.fetched(files) as paths,
            scratch.workplace() as directory,
            scratch.place(f".{file_format}") as target,
        ):
            request = ExportRequest(
                paths=paths,
                columns=tuple(dataset.columns),
                row_count=dataset.row_count,
                format=file_format,
                target=directory / file_name,
                title=dataset.name,
                exact=exact,
                language=principal.language,
                rows=None if selection is None else _all_rows(selection, dataset, paths, self._reading.limits),
            )
            work = self._exports.run(principal.user_id, export_dataset, request, timeout_seconds=_EXPORT_SECONDS)
            await self._reading.room.within(work, needed=dataset.current.bytes)
            await asyncio.to_thread(request.target.rename, target)
        return MadeFile(content=target, name=file_name, media_type=media_type)

    async def uses(self, principal: Principal, name: str, *, owner: str | None = None) -> Uses:
        """What would have to be told of another name."""
        dataset = await self.get(principal, name, owner=owner)
        saved = await self._queries.naming(dataset.owner_id, dataset.name)
        return Uses(
            templates=[template async for template in self._templates_naming(dataset)],
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
        dataset = await self.get(principal, name, owner=owner)
        _require_same(dataset, expected)
        change = _checked(change, dataset)
        async with self._database.write() as connection:
            # As it is, in the text that is searched, and in the audit log.
            texts = [change.description or "", *(change.tags or ()), change.column_notes]
            self._growth.charge(principal.user_id, *texts * 3)
            await self._catalog.describe(connection, dataset, change)
            detail = {field: told for field, told in msgspec.to_builtins(change).items() if told is not None}
            await self._audit.record(connection, principal, "dataset.change", dataset.name, detail)
        self._catalog.announce_change(dataset.current, "changed")
        return await self._catalog.get(dataset.owner_id, change.name or name)

    async def restore(self, principal: Principal, name: str, number: int, *, owner: str | None = None) -> Version:
        """Make an old version current again, as a new version."""
        principal.require_write()
        dataset = await self.get(principal, name, owner=owner)
        old = await self._catalog.version(dataset.owner_id, name, number)
        self._reading.room.require()
        async with self._database.write() as connection:
            self._growth.charge(principal.user_id, old.columns, old.statistics, old.source, old.files)
            version = await self._catalog.restore(connection, old)
            detail = {"from": number, "version": version.number}
            await self._audit.record(connection, principal, "dataset.restore", name, detail)
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
        dataset = await self.get(principal, name, owner=owner)
        _require_same(dataset, expected)
        loss = await self.loss(principal, name, owner=owner)
        keys = await self._catalog.keys_of(dataset)

        async def forget() -> None:
            async with self._database.write() as connection:
                keys.update(await self._catalog.delete(connection, dataset))
                detail = {"versions": loss.versions, "rows": loss.row_count}
                await self._audit.record(connection, principal, "dataset.delete", name, detail)

        await delete_whole(forget=forget, remove=lambda: self._catalog.remove_files(keys))
        self._catalog.announce_change(dataset.current, "deleted")
        return loss

    async def _templates_naming(self, dataset: Dataset) -> AsyncIterator[str]:
        found = await self._templates.holding(dataset.owner_id, dataset.name)
        left = list(found)
        while left:
            names, left = left[:_SOURCES_AT_ONCE], left[_SOURCES_AT_ONCE:]
            sources = await self._templates.sources([found[name] for name in names])
            for name in names:
                if await asyncio.to_thread(mentioned, [sources.get(found[name], "")], [dataset.name]):
                    yield name

    @asynccontextmanager
    async def _rows_request(
        self, principal: Principal, name: str, query: RowsQuery, owner: str | None
    ) -> AsyncIterator[tuple[Version, RowsRequest]]:
        dataset = await self.get(principal, name, owner=owner)
        number, offset = _place(query.cursor, dataset.version)
        version = dataset.current
        if number != version.number:
            version = await self._catalog.version(dataset.owner_id, name, number)
        check_request(query.filters, query.order, version.columns)
        async with self._catalog.fetched(version.files) as paths:
            yield (
                version,
                RowsRequest(
                    paths=paths,
                    columns=tuple(version.columns),
                    row_count=version.row_count,
                    limits=self._reading.limits,
                    filters=query.filters,
                    order=query.order,
                    q=query.q,
                    limit=query.limit,
                    offset=offset,
                    version=version.number,
                ),
            )

    @asynccontextmanager
    async def _differences_request(
        self, principal: Principal, name: str, query: DifferencesQuery, owner: str | None
    ) -> AsyncIterator[tuple[Version, Version, DifferencesRequest]]:
        dataset = await self.get(principal, name, owner=owner)
        after = await self._version(dataset, dataset.version if query.after is None else query.after)
        before = await self._version(dataset, query.before or await self._number_before(dataset, after.number))
        key = default_key(before, after) if query.key is None else require_key(query.key, before, after)
        if not shared_columns(before, after):
            raise InvalidInput("The two versions have no column in common; there is nothing to compare.")
        offset = 0 if query.cursor is None else place_of(query.cursor)
        async with self._catalog.fetched(before.files) as old, self._catalog.fetched(after.files) as new:
            compared = [
                ComparedVersion(paths=paths, columns=tuple(version.columns), row_count=version.row_count)
                for paths, version in ((old, before), (new, after))
            ]
            yield (
                before,
                after,
                DifferencesRequest(
                    before=compared[0],
                    after=compared[1],
                    key=tuple(key),
                    limits=self._reading.limits,
                    change=query.change,
                    limit=query.limit,
                    offset=offset,
                ),
            )

    async def _version(self, dataset: Dataset, number: int) -> Version:
        if number == dataset.version:
            return dataset.current
        return await self._catalog.version(dataset.owner_id, dataset.name, number)

    async def _number_before(self, dataset: Dataset, number: int) -> int:
        earlier = await self._catalog.versions(dataset.owner_id, dataset.name, limit=1, before=number)
        if not earlier.items:
            raise InvalidInput("There is no version before version {number} to compare it with.", number=number)
        return earlier.items[0].number

    async def _owner_id(self, principal: Principal, owner: str | None) -> str:
        principal.require_read()
        if owner is None or owner in (principal.user_id, principal.user_name):
            return principal.user_id
        if not principal.is_admin:
            raise NotFound
        wanted = select(users.c.id).where((users.c.name_key == owner.casefold()) | (users.c.id == owner))
        async with self._database.read() as connection:
            found: str | None = await connection.scalar(wanted)
        if found is None:
            raise NotFound("There is no user named “{name}”.", name=owner)
        return found


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


def _all_rows(selection: RowsQuery, dataset: Dataset, paths: tuple[Path, ...], limits: QueryLimits) -> RowsRequest:
    return RowsRequest(
        paths=paths,
        columns=tuple(dataset.columns),
        row_count=dataset.row_count,
        limits=msgspec.structs.replace(limits, seconds=_EXPORT_SECONDS),
        filters=selection.filters,
        order=selection.order,
        q=selection.q,
        limit=None,
    )


def _require_same(dataset: Dataset, expected: str | None) -> None:
    if expected is not None and expected not in ("*", entity_tag(dataset)):
        raise PreconditionFailed


def _place(cursor: str | None, current: int) -> tuple[int, int]:
    """Version number and row offset of a cursor."""
    if cursor is None:
        return current, 0
    number, offset = map(whole_number, cursor.split(".", maxsplit=1)) if "." in cursor else (None, None)
    if number is None or offset is None:
        raise InvalidInput("This cursor is not one of ours; start again without it.")
    return number, offset


async def _size(blobs: BlobStore, key: str) -> int:
    with suppress(NotFound):
        return await blobs.size(key)
    return 0
