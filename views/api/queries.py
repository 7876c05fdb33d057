"""`/api/v1/queries`: read-only SQL over one's own datasets."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.made_files import send_made_file


class QueryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sql` is one `select`; datasets are its tables. `parameters` are bound as `$name`."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
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


async def run_query(call: Call[QueryBody, NoQuery]) -> web.StreamResponse:
    """The worker writes what `QueryRows` describes: the server does not look at it."""
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
]
