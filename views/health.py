"""For supervisors and load balancers: `/healthz` says that the process lives, `/readyz` that it takes requests."""

from __future__ import annotations

from aiohttp import web

from server.errors import Unavailable
from server.http import keys


async def healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Answers 503 while the server starts or drains."""
    readiness = request.app[keys.READINESS]
    if not readiness.is_ready:
        raise Unavailable
    return web.json_response({"status": readiness.phase}, headers={"Cache-Control": "no-store"})
