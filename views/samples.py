"""`POST /samples`: begin with sample data, on the very page one's own file leads to."""

from __future__ import annotations

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of


async def start_samples(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    upload = await operations_of(request).samples.start(principal)
    raise web.HTTPSeeOther(f"/imports/new?upload={upload.id}")
