"""`/api/v1/datasets/{name}/versions` and `/diff`: the versions of a dataset, and what changed between them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from server.datasets.dataset import Version
from server.datasets.schema import Column
from server.datasets.work import Change
from server.errors import NotFound
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, encoded
from server.http.made_files import send_made_file
from server.http.values import DatasetName, DigitText, Limit, described
from server.operations.dataset_differences import DifferencesQuery
from server.storage.pages import Listing
from views.api.owners import Owner, OwnerQuery, of_owner

_VersionNumber = Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
_PLACES = {"name": DatasetName, "number": _VersionNumber}


class VersionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `cursor` is `next_cursor` of the page before."""

    limit: Limit = 50
    cursor: DigitText | None = None
    owner: Owner | None = None


class DiffQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """`to` is the current version, `from` the one before it, unless you name others. Rows are matched by `key`, which
    may be repeated: by default the first column that is unique by its check or, named like an identifier, by its
    values; `whole=true` (or no such column) compares whole rows. `change`: only such rows. A cursor stays with the
    versions it began in.
    """

    from_: _VersionNumber | None = None
    to: _VersionNumber | None = None
    key: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()
    whole: bool = False
    change: Change | None = None
    limit: Limit = 50
    cursor: Annotated[str, described(pattern="^[0-9]{1,9}[.][0-9]{1,9}[.][0-9]{1,18}$")] | None = None
    owner: Owner | None = None


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
        items=[_version(version, current=version.number == newest, owner=query.owner) for version in page.items],
        total=page.total,
        next_cursor=page.next_cursor,
    )


async def diff_versions(call: Call[None, DiffQuery]) -> web.StreamResponse:
    # The worker writes what `DiffList` describes.
    query = call.query
    wanted = DifferencesQuery(
        before=query.from_,
        after=query.to,
        key=query.key or (() if query.whole else None),
        change=query.change or "",
        limit=query.limit,
        cursor=query.cursor,
    )
    answer = await call.operations.dataset_differences.answer(
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
    return encoded(_version(version, current=True, owner=call.query.owner), status=201)


def _version(version: Version, *, current: bool, owner: str | None) -> VersionItem:
    links = {"dataset": of_owner(outside(f"/api/v1/datasets/{quote(version.dataset)}"), owner)}
    if version.job_id:
        links |= {
            "import": outside(f"/api/v1/imports/{version.job_id}"),
            "rejects": outside(f"/api/v1/imports/{version.job_id}/rejects"),
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


ENDPOINTS = [
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
