"""`/api/v1/datasets`: what there is, and what is said of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from server.auth.permissions import Principal
from server.datasets.dataset import MOST_TAGS, TAG_CHARACTERS, TAG_PATTERN, ColumnNote, Dataset, DatasetChange
from server.datasets.schema import Column
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, encoded
from server.http.values import DatasetName
from server.operations.datasets import entity_tag
from server.storage.pages import Listing
from views.api.owners import OwnerQuery, OwnersPage, of_owner, owner_for, whose_of

_PLACES = {"name": DatasetName}

_Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_CHARACTERS, pattern=TAG_PATTERN)]


class DatasetQuery(OwnersPage, frozen=True, kw_only=True):
    """`q` is looked for in names, descriptions, column names, tags and source file names. `tag`: only datasets that
    have it; may be repeated, then they have all of them. `whose`: only your own (`mine`), what others `shared` with
    you, your `favourites`, or, for administrators, `all` there are. `owner`: what you may see of this user.
    """

    tag: tuple[str, ...] = ()


class DatasetItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset at its current version. `id` is for the event `dataset:<id>`; `owner` is a user's name."""

    id: str
    owner: str
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
        whose=whose_of(call.query.whose),
        q=call.query.q or "",
        tags=call.query.tag,
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    return DatasetList(
        items=[DatasetItem(**_fields(call.principal, dataset)) for dataset in page.items],
        total=page.total,
        next_cursor=page.next_cursor,
    )


async def get_dataset(call: Call[None, OwnerQuery]) -> web.Response:
    dataset = await call.operations.datasets.get(call.principal, call.path["name"], owner=call.query.owner)
    return _described(call.principal, dataset)


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
    return _described(call.principal, dataset)


async def dataset_uses(call: Call[None, OwnerQuery]) -> DatasetUses:
    uses = await call.operations.datasets.uses(call.principal, call.path["name"], owner=call.query.owner)
    return DatasetUses(templates=uses.templates, queries=uses.queries)


async def delete_dataset(call: Call[None, OwnerQuery]) -> DatasetLoss:
    loss = await call.operations.datasets.delete(
        call.principal, call.path["name"], owner=call.query.owner, expected=_expected(call.request)
    )
    return DatasetLoss(name=loss.name, versions=loss.versions, row_count=loss.row_count, bytes=loss.bytes)


def dataset_links(name: str, owner: str | None = None) -> dict[str, str]:
    """`owner` is named where it is not the reader's."""
    base = outside(f"/api/v1/datasets/{quote(name)}")
    links = {
        "self": base,
        "rows": f"{base}/rows",
        "versions": f"{base}/versions",
        "diff": f"{base}/diff",
        "export": f"{base}/export.csv",
        "access": f"{base}/access",
    }
    page = outside(f"/datasets/{quote(f'{owner}:{name}' if owner else name, safe=':')}")
    return {name: of_owner(link, owner) for name, link in links.items()} | {"page": page}


def _described(reader: Principal, dataset: Dataset) -> web.Response:
    detail = DatasetDetail(
        **_fields(reader, dataset),
        column_notes=dataset.column_notes,
        statistics=dataset.current.statistics,
        source=dataset.current.source.get("name"),
    )
    return encoded(detail, headers={"ETag": f'"{entity_tag(dataset)}"'})


def _fields(reader: Principal, dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "owner": dataset.owner,
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
        "links": dataset_links(dataset.name, owner_for(reader, dataset.owner_id, dataset.owner)),
    }


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
        summary="Your datasets and those that others share with you, by name",
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
]
