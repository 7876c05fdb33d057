"""What people do with datasets: find them, read and export rows, rename, restore a version, delete."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import select

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.datasets.answers import Answer, AnswerPlace, page_rows
from server.datasets.catalog import Catalog, deleted_named
from server.datasets.dataset import Dataset, DatasetPage, Version, VersionPage, require_dataset_name
from server.datasets.excel_texts import require_fits_excel
from server.datasets.row_filters import check_request
from server.datasets.work import (
    MEDIA_TYPES,
    ColumnProfile,
    ExportFormat,
    ExportRequest,
    ProfileRequest,
    QueryLimits,
    RowsAnswerRequest,
    RowsPage,
    RowsRequest,
    export_dataset,
    profile_columns,
    read_rows,
    write_rows,
)
from server.errors import InvalidInput, NotFound, PreconditionFailed
from server.jobs.shared_workers import SharedWorkers
from server.numerals import whole_number
from server.operations.made_files import MadeFile, place_for
from server.storage.blobs import Blobs
from server.storage.database import Database
from server.storage.deleting import delete_whole
from server.storage.growth import Growth
from server.storage.room import Room
from server.storage.tables import users

_KEPT_PROFILES = 64  # versions never change, so neither do their profiles
_EXPORT_SECONDS = 1800.0
_GRACE_SECONDS = 5.0  # a worker ends itself at its limit; this is for one that cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsQuery:
    """Which rows somebody wants to see; the syntax is that of `datasets.rows`."""

    filters: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    q: str = ""
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of the rows of one version; `offset` is the place of the first, `limit` how many a page has."""

    version: Version
    page: RowsPage
    offset: int
    limit: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What deleting a dataset loses."""

    name: str
    versions: int
    row_count: int
    bytes: int


class DatasetOperations:
    """Every method takes who asks first. Only administrators may name another `owner`."""

    def __init__(
        self,
        *,
        database: Database,
        catalog: Catalog,
        workers: SharedWorkers,
        exports: SharedWorkers,
        blobs: Blobs,
        audit: Audit,
        limits: QueryLimits,
        answer_bytes: int,
        room: Room,
        growth: Growth,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._workers = workers
        self._exports = exports
        self._blobs = blobs
        self._audit = audit
        self._limits = limits
        self._answer_bytes = answer_bytes
        self._room = room
        self._growth = growth
        self._profiles: OrderedDict[tuple[str, int], Sequence[ColumnProfile]] = OrderedDict()

    async def list(
        self,
        principal: Principal,
        *,
        owner: str | None = None,
        q: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> DatasetPage:
        owner_id = await self._owner_id(principal, owner)
        return await self._catalog.list(owner_id, q=q, limit=limit, cursor=cursor)

    async def get(self, principal: Principal, name: str, *, owner: str | None = None) -> Dataset:
        return await self._catalog.get(await self._owner_id(principal, owner), name)

    async def versions(
        self, principal: Principal, name: str, *, owner: str | None = None, limit: int = 50, before: int | None = None
    ) -> VersionPage:
        """Newest first, from the one before number `before` on."""
        return await self._catalog.versions(await self._owner_id(principal, owner), name, limit=limit, before=before)

    async def rows(self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None) -> Rows:
        """Rows as a page shows them, fewer of wide ones.

        A cursor stays with the version it began in, so that no import in between shifts rows.
        """
        version, request = await self._rows_request(principal, name, query, owner)
        request = msgspec.structs.replace(request, limit=page_rows(query.limit, len(request.columns)))
        with deleted_named(request.paths):
            page: RowsPage = await self._workers.run(
                principal.user_id, read_rows, request, timeout_seconds=self._worker_seconds
            )
        after = request.offset + len(page.rows)
        more = page.rows and after < page.total
        return Rows(
            version=version,
            page=page,
            offset=request.offset,
            limit=request.limit,
            next_cursor=f"{version.number}.{after}" if more else None,
        )

    async def rows_answer(
        self, principal: Principal, name: str, query: RowsQuery, *, owner: str | None = None
    ) -> MadeFile:
        """The same for programs, as JSON with every value whole; raises `InvalidInput` when that is too large."""
        _, rows = await self._rows_request(principal, name, query, owner)
        with deleted_named(rows.paths):
            async with place_for(self._blobs, ".json") as path:
                place = AnswerPlace(path=path, max_bytes=self._answer_bytes, min_free_bytes=self._room.min_free_bytes)
                request = RowsAnswerRequest(rows=rows, place=place)
                answer: Answer = await self._workers.run(
                    principal.user_id, write_rows, request, timeout_seconds=self._worker_seconds
                )
        return MadeFile.of(answer, name=f"{name}.json", media_type="application/json")

    async def profile(
        self, principal: Principal, name: str, *, owner: str | None = None
    ) -> tuple[Dataset, Sequence[ColumnProfile]]:
        """What the values of each column look like; computed once a version."""
        dataset = await self.get(principal, name, owner=owner)
        key = (dataset.id, dataset.version)
        if key not in self._profiles:
            files = self._catalog.files(dataset.current)
            request = ProfileRequest(paths=files.paths, columns=files.columns, limits=self._limits)
            with deleted_named(files.paths):
                self._profiles[key] = await self._workers.run(
                    principal.user_id, profile_columns, request, timeout_seconds=self._worker_seconds
                )
            while len(self._profiles) > _KEPT_PROFILES:
                self._profiles.popitem(last=False)
        return dataset, self._profiles[key]

    async def export(
        self,
        principal: Principal,
        name: str,
        file_format: ExportFormat,
        *,
        owner: str | None = None,
        exact: bool = False,
    ) -> MadeFile:
        """The current version as one file; raises `InvalidInput` when Excel cannot hold it.

        `exact`: see `ExportRequest`.
        """
        dataset = await self.get(principal, name, owner=owner)
        files = self._catalog.files(dataset.current)
        if file_format == "xlsx":
            require_fits_excel(dataset.row_count, len(files.columns))
        file_name, media_type = f"{dataset.name}.{file_format}", MEDIA_TYPES[file_format]
        if file_format == "parquet" and len(files.paths) == 1:
            return MadeFile(path=files.paths[0], name=file_name, media_type=media_type, temporary=False)
        with deleted_named(files.paths):
            # Excel files are written in many pieces beside each other: a directory of their own goes as a whole.
            async with self._blobs.workplace() as directory, place_for(self._blobs, f".{file_format}") as target:
                request = ExportRequest(
                    paths=files.paths,
                    columns=files.columns,
                    row_count=dataset.row_count,
                    format=file_format,
                    target=directory / file_name,
                    title=dataset.name,
                    exact=exact,
                    language=principal.language,
                )
                work = self._exports.run(principal.user_id, export_dataset, request, timeout_seconds=_EXPORT_SECONDS)
                await self._room.within(work, needed=dataset.current.bytes)
                await asyncio.to_thread(request.target.rename, target)
        return MadeFile(path=target, name=file_name, media_type=media_type)

    async def change(
        self,
        principal: Principal,
        name: str,
        *,
        owner: str | None = None,
        new_name: str | None = None,
        description: str | None = None,
        expected: str | None = None,
    ) -> Dataset:
        """Rename or describe; `expected` is the entity tag it must still have."""
        principal.require_write()
        dataset = await self.get(principal, name, owner=owner)
        _require_same(dataset, expected)
        if new_name is not None:
            require_dataset_name(new_name, field="name")
        async with self._database.write() as connection:
            # As it is, in the text that is searched, and in the audit log.
            self._growth.charge(principal.user_id, *[description or ""] * 3)
            await self._catalog.describe(connection, dataset, name=new_name, description=description)
            detail = {"name": new_name, "description": description}
            await self._audit.record(connection, principal, "dataset.change", dataset.name, detail)
        self._catalog.announce_change(dataset.current, "changed")
        return await self._catalog.get(dataset.owner_id, new_name or name)

    async def restore(self, principal: Principal, name: str, number: int, *, owner: str | None = None) -> Version:
        """Make an old version current again, as a new version."""
        principal.require_write()
        dataset = await self.get(principal, name, owner=owner)
        old = await self._catalog.version(dataset.owner_id, name, number)
        self._room.require()
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
        size = await asyncio.to_thread(lambda: sum(_size(self._blobs, key) for key in parts))
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

    async def _rows_request(
        self, principal: Principal, name: str, query: RowsQuery, owner: str | None
    ) -> tuple[Version, RowsRequest]:
        dataset = await self.get(principal, name, owner=owner)
        number, offset = _place(query.cursor, dataset.version)
        version = dataset.current
        if number != version.number:
            version = await self._catalog.version(dataset.owner_id, name, number)
        check_request(query.filters, query.order, version.columns)
        files = self._catalog.files(version)
        request = RowsRequest(
            paths=files.paths,
            columns=files.columns,
            row_count=version.row_count,
            limits=self._limits,
            filters=query.filters,
            order=query.order,
            q=query.q,
            limit=query.limit,
            offset=offset,
            version=version.number,
        )
        return version, request

    @property
    def _worker_seconds(self) -> float:
        return self._limits.seconds + _GRACE_SECONDS

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


def _size(blobs: Blobs, key: str) -> int:
    with suppress(NotFound, OSError):
        return blobs.path(key).stat().st_size
    return 0
