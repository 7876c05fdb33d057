"""`/metrics` for Prometheus: closed, but to administrators and the addresses that the settings allow."""

from __future__ import annotations

from aiohttp import web

from server.http.addresses import client_address
from server.http.guards import current_principal
from server.http.parts import operations_of

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(request: web.Request) -> web.Response:
    principal = current_principal(request)
    body = await operations_of(request).monitoring.exposition(principal, address=client_address(request))
    return web.Response(body=body, headers={"Content-Type": _TYPE, "Cache-Control": "no-store"})
