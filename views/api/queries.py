"""`/api/v1/queries`: read-only SQL over one's own datasets."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from aiohttp import web

from server.http import keys
from server.http.endpoint import Call, Endpoint, NoQuery

_ENCODER = msgspec.json.Encoder(decimal_format="number")


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


async def run_query(call: Call[QueryBody, NoQuery]) -> web.Response:
    began = time.monotonic()
    answer = await call.request.app[keys.QUERIES].run(
        call.principal, call.body.sql, call.body.parameters, limit=call.body.limit
    )
    names = [name for name, _ in answer.columns]
    rows = QueryRows(
        columns=[QueryColumn(name=name, type=kind) for name, kind in answer.columns],
        items=[dict(zip(names, row, strict=True)) for row in answer.rows],
        truncated=answer.truncated,
        seconds=round(time.monotonic() - began, 3),
    )
    return web.Response(body=_ENCODER.encode(rows), content_type="application/json")


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
