"""Files from browser to browser: the page they are chosen on, and who is there to send to."""

from __future__ import annotations

from aiohttp import web

from server.errors import NotFound
from server.http.guards import require_principal
from server.http.parts import operations_of
from views.context import render


async def send_page(request: web.Request) -> web.Response:
    require_principal(request)
    peers = operations_of(request).peers
    if not peers.is_on:
        raise NotFound
    return await render(request, "peer/send.html", most_bytes=peers.most_bytes)


async def receivers(request: web.Request) -> web.Response:
    """`?own=` is the asker's own connection."""
    principal = require_principal(request)
    there = await operations_of(request).peers.receivers(principal, own_connection=request.query.get("own", ""))
    return await render(request, "peer/_receivers.html", there=there)
