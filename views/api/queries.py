"""`/api/v1/queries`: read-only SQL over one's own datasets."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.datasets.query_store import (
    DESCRIPTION_CHARACTERS,
    NAME_CHARACTERS,
    QueryChange,
    QueryRun,
    SavedQuery,
)
from server.http.endpoint import Call, Endpoint, NoQuery, Page
from server.http.made_files import send_made_file
from server.operations.queries import MOST_CHARACTERS
from server.storage.pages import Listing

_Sql = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CHARACTERS)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS, pattern=r"\S")]
_Description = Annotated[str, msgspec.Meta(max_length=DESCRIPTION_CHARACTERS)]


class QueryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sql` is one `select`; datasets are its tables. `parameters` are bound as `$name`."""

    sql: _Sql
    parameters: dict[str, Any] = {}
    limit: Annotated[int, msgspec.Meta(ge=1)] = 1000


class QueryColumn(msgspec.Struct, frozen=True, kw_only=True):
    """`type` is DuckDB's name of it."""

    name: str
    type: str


class QueryRows(msgspec.Struct, frozen=True, kw_only=True):
    """`items` are objects by column name; `truncated`: there were more rows than the limit."""

    columns: list[QueryColumn]
    items: list[dict[str, Any]]
    truncated: bool
    seconds: float


class SavedQueryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is yours alone. Whether the SQL is right is said when it is run."""

    name: _Name
    sql: _Sql
    description: _Description = ""


class SavedQueryChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; the rest stays."""

    name: _Name | None = None
    sql: _Sql | None = None
    description: _Description | None = None


class SavedQueryList(Listing[SavedQuery], frozen=True, kw_only=True):
    pass


class QueryHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What you ran on the query page, the newest first, each text once; the last hundred are kept."""

    items: list[QueryRun]


async def list_saved(call: Call[None, Page]) -> SavedQueryList:
    query = call.query
    page = await call.operations.queries.saved(call.principal, q=query.q or "", limit=query.limit, cursor=query.cursor)
    return SavedQueryList(items=page.items, total=page.total, next_cursor=page.next_cursor)


async def save_query(call: Call[SavedQueryBody, NoQuery]) -> SavedQuery:
    body = call.body
    return await call.operations.queries.save(
        call.principal, name=body.name, sql=body.sql, description=body.description
    )


async def get_saved(call: Call[None, NoQuery]) -> SavedQuery:
    return await call.operations.queries.get(call.principal, call.path["id"])


async def change_saved(call: Call[SavedQueryChange, NoQuery]) -> SavedQuery:
    change = QueryChange(name=call.body.name, sql=call.body.sql, description=call.body.description)
    return await call.operations.queries.change(call.principal, call.path["id"], change)


async def delete_saved(call: Call[None, NoQuery]) -> None:
    await call.operations.queries.delete(call.principal, call.path["id"])


async def history(call: Call[None, NoQuery]) -> QueryHistory:
    return QueryHistory(items=list(await call.operations.queries.history(call.principal)))


async def forget_history(call: Call[None, NoQuery]) -> None:
    await call.operations.queries.forget_history(call.principal)


async def run_query(call: Call[QueryBody, NoQuery]) -> web.StreamResponse:
    # The worker writes what `QueryRows` describes: the server does not look at it.
    answer = await call.operations.queries.answer(
        call.principal, call.body.sql, call.body.parameters, limit=call.body.limit
    )
    return await send_made_file(call.request, answer)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/queries",
        name="api_query",
        handler=run_query,
        summary="Run read-only SQL over your datasets, with limits on time and rows",
        body=QueryBody,
        answer=QueryRows,
        errors=(422,),
    ),
    Endpoint(
        method="GET",
        path="/queries/saved",
        name="api_saved_queries",
        handler=list_saved,
        summary="Your saved queries by name",
        query=Page,
        answer=SavedQueryList,
    ),
    Endpoint(
        method="POST",
        path="/queries/saved",
        name="api_save_query",
        handler=save_query,
        summary="Save a query under a name",
        access="write",
        body=SavedQueryBody,
        answer=SavedQuery,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="GET",
        path="/queries/saved/{id}",
        name="api_saved_query",
        handler=get_saved,
        summary="One saved query",
        answer=SavedQuery,
        errors=(404,),
    ),
    Endpoint(
        method="PATCH",
        path="/queries/saved/{id}",
        name="api_change_saved_query",
        handler=change_saved,
        summary="Change a saved query",
        access="write",
        body=SavedQueryChange,
        answer=SavedQuery,
        errors=(404, 409),
    ),
    Endpoint(
        method="DELETE",
        path="/queries/saved/{id}",
        name="api_delete_saved_query",
        handler=delete_saved,
        summary="Delete a saved query",
        access="write",
        status=204,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/queries/history",
        name="api_query_history",
        handler=history,
        summary="The last hundred queries that you ran on the query page",
        answer=QueryHistory,
    ),
    Endpoint(
        method="DELETE",
        path="/queries/history",
        name="api_forget_query_history",
        handler=forget_history,
        summary="Forget which queries you ran",
        status=204,
    ),
]
