"""`/api/v1/datasets`: what there is, its rows, its versions, and files of it for other programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import quote

import msgspec
from aiohttp import web

from server.datasets.dataset import MOST_TAGS, TAG_CHARACTERS, TAG_PATTERN, ColumnNote, Dataset, DatasetChange, Version
from server.datasets.schema import Column
from server.datasets.work import MEDIA_TYPES, Change, ExportFormat
from server.errors import NotFound
from server.http.endpoint import Call, Endpoint, Page, encoded
from server.http.made_files import head_of_made_file, send_made_file
from server.http.values import DatasetName, Digits, Limit, described
from server.operations.datasets import DifferencesQuery, RowsQuery, entity_tag
from server.storage.pages import Listing

_FILTER = ":(?:eq|ne|lt|le|gt|ge|contains|null)(?::|$)"
_VersionNumber = Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
_PLACES = {"name": DatasetName, "number": _VersionNumber, "format": ExportFormat}


_Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_CHARACTERS, pattern=TAG_PATTERN)]


class OwnerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`owner`: for administrators, the name of the user whose datasets are meant."""

    owner: str | None = None


class ExportQuery(OwnerQuery, frozen=True, kw_only=True):
    """`exact`: texts of a CSV as they are. Else those that begin like a formula get a leading apostrophe. `filter`,
    `order` and `q` choose rows and their order as in the list of rows; all that are found come.
    """

    exact: bool = False
    filter: tuple[Annotated[str, described(pattern=_FILTER)], ...] = ()
    order: tuple[Annotated[str, described(minLength=1)], ...] = ()
    q: str | None = None


class DatasetQuery(Page, frozen=True, kw_only=True):
    """`q` is looked for in names, descriptions, column names, tags and source file names. `tag`: only datasets that
    have it; may be repeated, then they have all of them.
    """

    tag: tuple[str, ...] = ()
    owner: str | None = None


class RowQuery(Page, frozen=True, kw_only=True):
    """`filter=column:operator:value` (eq, ne, lt, le, gt, ge, contains; `column:null` and `column:null:false`), may be
    repeated, all must hold. `order=column` or `order=-column`, may be repeated; file order otherwise. `q` is looked
    for in every column. A cursor stays with the version it began in.
    """

    filter: tuple[Annotated[str, described(pattern=_FILTER)], ...] = ()
    order: tuple[Annotated[str, described(minLength=1)], ...] = ()
    owner: str | None = None
    cursor: Annotated[str, described(pattern="^[0-9]{1,18}[.][0-9]{1,18}$")] | None = None


class VersionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `cursor` is `next_cursor` of the page before."""

    limit: Limit = 50
    cursor: Digits | None = None
    owner: str | None = None


class DiffQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`to` is the current version, `from` the one before it, unless you name others. Rows are matched by `key`, which
    may be repeated: by default the first column that is unique by its check or, named like an identifier, by its
    values; `whole=true` (or no such column) compares whole rows. `change`: only such rows.
    """

    from_: _VersionNumber | None = None
    to: _VersionNumber | None = None
    key: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()
    whole: bool = False
    change: Change | None = None
    limit: Limit = 50
    cursor: Digits | None = None
    owner: str | None = None


class DiffCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows; `cells`: by column, in how many rows it changed."""

    changed: int
    added: int
    removed: int
    same: int
    cells: dict[str, int]


class ChangedColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Names of columns that only one of the versions has, or that have another type."""

    added: list[str]
    removed: list[str]
    retyped: list[str]


class RepeatedKeys(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """How many rows have a key that a row before them has: such rows are paired in their order."""

    from_: int
    to: int


class DiffItem(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it was and as it is, by column name. `cells` are the columns that changed in it."""

    change: Change
    key: dict[str, Any]
    cells: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class DiffList(Listing[DiffItem], frozen=True, kw_only=True, rename={"from_": "from"}):
    """What differs between two versions, in the order of the later one. `total` counts what was asked for."""

    from_: int
    to: int
    key: list[str]
    columns: ChangedColumns
    counts: DiffCounts
    repeated_keys: RepeatedKeys


class VersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable state of a dataset. `mode`: create, replace, append or restore."""

    number: int
    mode: str
    row_count: int
    rejected_count: int
    bytes: int
    source: str | None
    job_id: str | None
    created_at: datetime
    current: bool
    columns: list[Column]
    links: dict[str, str]


class VersionList(Listing[VersionItem], frozen=True, kw_only=True):
    pass


class DatasetItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset at its current version."""

    name: str
    description: str
    version: int
    row_count: int
    rejected_count: int
    bytes: int
    columns: list[Column]
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    links: dict[str, str]


class DatasetDetail(DatasetItem, frozen=True, kw_only=True):
    """Also what is known of each column: nulls, min, max and more, by column name, and what people say of it."""

    column_notes: dict[str, ColumnNote]
    statistics: dict[str, Any]
    source: str | None


class DatasetList(Listing[DatasetItem], frozen=True, kw_only=True):
    pass


class DatasetChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; the rest stays. `tags` replace all there were.

    `column_notes`: by column name, its `description`, `unit`, and `decimals`, with how many its numbers are shown.
    A note replaces what was said of its column, an empty one (`{}`) takes it away.
    """

    name: DatasetName | None = None
    description: Annotated[str, msgspec.Meta(max_length=4000)] | None = None
    tags: Annotated[list[_Tag], msgspec.Meta(max_length=MOST_TAGS)] | None = None
    column_notes: dict[str, ColumnNote] | None = None


class DatasetUses(msgspec.Struct, frozen=True, kw_only=True):
    """What names a dataset, and would no longer find it under another name: templates and saved queries by name."""

    templates: list[str]
    queries: list[str]


class RowList(Listing[dict[str, Any]], frozen=True, kw_only=True):
    """`items` are objects by column name; `version` is the one they are from."""

    version: int


class DatasetLoss(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted for good."""

    name: str
    versions: int
    row_count: int
    bytes: int


async def list_datasets(call: Call[None, DatasetQuery]) -> DatasetList:
    page = await call.operations.datasets.list(
        call.principal,
        owner=call.query.owner,
        q=call.query.q or "",
        tags=call.query.tag,
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return DatasetList(
        items=[DatasetItem(**_fields(dataset)) for dataset in page.items],
        total=page.total,
        next_cursor=page.next_cursor,
    )


async def get_dataset(call: Call[None, OwnerQuery]) -> web.Response:
    dataset = await call.operations.datasets.get(call.principal, call.path["name"], owner=call.query.owner)
    return _described(dataset)


async def change_dataset(call: Call[DatasetChanges, OwnerQuery]) -> web.Response:
    dataset = await call.operations.datasets.change(
        call.principal,
        call.path["name"],
        DatasetChange(
            name=call.body.name,
            description=call.body.description,
            tags=call.body.tags,
            column_notes=call.body.column_notes,
        ),
        owner=call.query.owner,
        expected=_expected(call.request),
    )
    return _described(dataset)


async def dataset_uses(call: Call[None, OwnerQuery]) -> DatasetUses:
    uses = await call.operations.datasets.uses(call.principal, call.path["name"], owner=call.query.owner)
    return DatasetUses(templates=uses.templates, queries=uses.queries)


async def delete_dataset(call: Call[None, OwnerQuery]) -> DatasetLoss:
    loss = await call.operations.datasets.delete(
        call.principal, call.path["name"], owner=call.query.owner, expected=_expected(call.request)
    )
    return DatasetLoss(name=loss.name, versions=loss.versions, row_count=loss.row_count, bytes=loss.bytes)


async def list_rows(call: Call[None, RowQuery]) -> web.StreamResponse:
    query = RowsQuery(
        filters=call.query.filter,
        order=call.query.order,
        q=call.query.q or "",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    answer = await call.operations.datasets.rows_answer(
        call.principal, call.path["name"], query, owner=call.query.owner
    )
    return await send_made_file(call.request, answer)


async def export_dataset(call: Call[None, ExportQuery]) -> web.StreamResponse:
    file_format = call.path["format"]
    if file_format not in MEDIA_TYPES:
        raise NotFound("There is no export format “{format}”; use csv, xlsx, parquet or json.", format=file_format)
    datasets, name = call.operations.datasets, call.path["name"]
    wanted = cast(ExportFormat, file_format)
    if call.request.method == "HEAD":
        dataset = await datasets.get(call.principal, name, owner=call.query.owner)
        return head_of_made_file(f"{dataset.name}.{wanted}", MEDIA_TYPES[wanted])
    query = call.query
    selection = RowsQuery(filters=query.filter, order=query.order, q=query.q or "")
    export = await datasets.export(
        call.principal, name, wanted, owner=query.owner, exact=query.exact, selection=selection
    )
    return await send_made_file(call.request, export, disposition="attachment")


async def list_versions(call: Call[None, VersionsQuery]) -> VersionList:
    datasets, name, query = call.operations.datasets, call.path["name"], call.query
    newest = (await datasets.get(call.principal, name, owner=query.owner)).version
    page = await datasets.versions(
        call.principal,
        name,
        owner=query.owner,
        limit=query.limit,
        before=None if query.cursor is None else int(query.cursor),
    )
    return VersionList(
        items=[_version(version, current=version.number == newest) for version in page.items],
        total=page.total,
        next_cursor=page.next_cursor,
    )


async def diff_versions(call: Call[None, DiffQuery]) -> web.StreamResponse:
    """The worker writes what `DiffList` describes."""
    query = call.query
    wanted = DifferencesQuery(
        before=query.from_,
        after=query.to,
        key=query.key or (() if query.whole else None),
        change=query.change or "",
        limit=query.limit,
        cursor=query.cursor,
    )
    answer = await call.operations.datasets.differences_answer(
        call.principal, call.path["name"], wanted, owner=query.owner
    )
    return await send_made_file(call.request, answer)


async def restore_version(call: Call[None, OwnerQuery]) -> web.Response:
    number = call.path["number"]
    if not number.isdecimal() or len(number) > 9:
        raise NotFound
    version = await call.operations.datasets.restore(
        call.principal, call.path["name"], int(number), owner=call.query.owner
    )
    return encoded(_version(version, current=True), status=201)


def dataset_links(name: str) -> dict[str, str]:
    base = f"/api/v1/datasets/{quote(name)}"
    return {
        "self": base,
        "rows": f"{base}/rows",
        "versions": f"{base}/versions",
        "diff": f"{base}/diff",
        "export": f"{base}/export.csv",
        "page": f"/datasets/{quote(name)}",
    }


def _described(dataset: Dataset) -> web.Response:
    detail = DatasetDetail(
        **_fields(dataset),
        column_notes=dataset.column_notes,
        statistics=dataset.current.statistics,
        source=dataset.current.source.get("name"),
    )
    return encoded(detail, headers={"ETag": f'"{entity_tag(dataset)}"'})


def _fields(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "description": dataset.description,
        "version": dataset.version,
        "row_count": dataset.row_count,
        "rejected_count": dataset.current.rejected_count,
        "bytes": dataset.current.bytes,
        "columns": dataset.columns,
        "tags": dataset.tags,
        "created_at": dataset.created_at,
        "updated_at": dataset.updated_at,
        "links": dataset_links(dataset.name),
    }


def _version(version: Version, *, current: bool) -> VersionItem:
    links = {"dataset": f"/api/v1/datasets/{quote(version.dataset)}"}
    if version.job_id:
        links |= {
            "import": f"/api/v1/imports/{version.job_id}",
            "rejects": f"/api/v1/imports/{version.job_id}/rejects",
        }
    return VersionItem(
        number=version.number,
        mode=version.mode,
        row_count=version.row_count,
        rejected_count=version.rejected_count,
        bytes=version.bytes,
        source=version.source.get("name"),
        job_id=version.job_id,
        created_at=version.created_at,
        current=current,
        columns=version.columns,
        links=links,
    )


def _expected(request: web.Request) -> str | None:
    """The value of `If-Match`; one tag is all a client has a use for."""
    tags = request.if_match
    return tags[0].value if tags else None


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/datasets",
        name="api_datasets",
        handler=list_datasets,
        summary="Datasets by name",
        query=DatasetQuery,
        answer=DatasetList,
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}",
        places=_PLACES,
        name="api_dataset",
        handler=get_dataset,
        summary="One dataset: columns, counts, statistics; its entity tag is for If-Match",
        query=OwnerQuery,
        answer=DatasetDetail,
        errors=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/datasets/{name}",
        places=_PLACES,
        name="api_change_dataset",
        handler=change_dataset,
        summary="Rename a dataset, describe it and its columns, tag it",
        access="write",
        body=DatasetChanges,
        query=OwnerQuery,
        answer=DatasetDetail,
        errors=(404, 409, 412),
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}/uses",
        places=_PLACES,
        name="api_dataset_uses",
        handler=dataset_uses,
        summary="The templates and saved queries that name it, and need the new name after it was renamed",
        query=OwnerQuery,
        answer=DatasetUses,
        errors=(404,),
    ),
    Endpoint(
        method="DELETE",
        path="/datasets/{name}",
        places=_PLACES,
        name="api_delete_dataset",
        handler=delete_dataset,
        summary="Delete a dataset with all its versions; the answer says what was lost",
        access="write",
        query=OwnerQuery,
        answer=DatasetLoss,
        errors=(404, 412, 423),
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}/rows",
        places=_PLACES,
        name="api_dataset_rows",
        handler=list_rows,
        summary="Rows in file order, or filtered, searched and sorted",
        query=RowQuery,
        answer=RowList,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}/export.{format}",
        places=_PLACES,
        name="api_dataset_export",
        handler=export_dataset,
        summary="All rows, or those that are filtered, as a file: csv, xlsx, parquet or json",
        query=ExportQuery,
        answer_type=tuple(MEDIA_TYPES.values()),
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}/versions",
        places=_PLACES,
        name="api_dataset_versions",
        handler=list_versions,
        summary="Every version, newest first",
        query=VersionsQuery,
        answer=VersionList,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/datasets/{name}/diff",
        places=_PLACES,
        name="api_dataset_diff",
        handler=diff_versions,
        summary="What changed between two versions: rows added, removed and changed, cell by cell",
        query=DiffQuery,
        answer=DiffList,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/datasets/{name}/versions/{number}/restore",
        places=_PLACES,
        name="api_restore_version",
        handler=restore_version,
        summary="Make an old version current again, as a new version",
        access="write",
        query=OwnerQuery,
        answer=VersionItem,
        status=201,
        errors=(404,),
    ),
]
