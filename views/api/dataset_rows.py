"""`/api/v1/datasets/{name}/rows` and exports: rows of a dataset, and files of them for other programs."""

from __future__ import annotations

from typing import Annotated, Any, cast

from aiohttp import web

from server.datasets.work import MEDIA_TYPES, ExportFormat
from server.errors import NotFound
from server.http.endpoint import Call, Endpoint, Page
from server.http.made_files import head_of_made_file, send_made_file
from server.http.values import DatasetName, described
from server.operations.dataset_rows import RowsQuery
from server.storage.pages import Listing
from views.api.owners import Owner, OwnerQuery

_FILTER = ":(?:eq|ne|lt|le|gt|ge|contains|null)(?::|$)"
_PLACES = {"name": DatasetName, "format": ExportFormat}


class ExportQuery(OwnerQuery, frozen=True, kw_only=True):
    """`exact`: texts of a CSV as they are. Else those that begin like a formula get a leading apostrophe. `filter`,
    `order` and `q` choose rows and their order as in the list of rows; all that are found come.
    """

    exact: bool = False
    filter: tuple[Annotated[str, described(pattern=_FILTER)], ...] = ()
    order: tuple[Annotated[str, described(minLength=1)], ...] = ()
    q: str | None = None


class RowQuery(Page, frozen=True, kw_only=True):
    """`filter=column:operator:value` (eq, ne, lt, le, gt, ge, contains; `column:null` and `column:null:false`), may be
    repeated, all must hold. `order=column` or `order=-column`, may be repeated; file order otherwise. `q` is looked
    for in every column. A cursor stays with the version it began in.
    """

    filter: tuple[Annotated[str, described(pattern=_FILTER)], ...] = ()
    order: tuple[Annotated[str, described(minLength=1)], ...] = ()
    owner: Owner | None = None
    cursor: Annotated[str, described(pattern="^[0-9]{1,18}[.][0-9]{1,18}$")] | None = None


class RowList(Listing[dict[str, Any]], frozen=True, kw_only=True):
    """`items` are objects by column name; `version` is the one they are from."""

    version: int


async def list_rows(call: Call[None, RowQuery]) -> web.StreamResponse:
    query = RowsQuery(
        filters=call.query.filter,
        order=call.query.order,
        q=call.query.q or "",
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    answer = await call.operations.dataset_rows.answer(call.principal, call.path["name"], query, owner=call.query.owner)
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
    export = await call.operations.dataset_exports.export(
        call.principal, name, wanted, owner=query.owner, exact=query.exact, selection=selection
    )
    return await send_made_file(call.request, export, disposition="attachment")


ENDPOINTS = [
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
]
