"""`POST /templates/gallery/{gallery}`: a template of the gallery becomes one's own, ready to be ordered."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of
from views.context import language_of


async def take_from_gallery(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    gallery = operations_of(request).gallery
    name = await gallery.take(principal, request.match_info["gallery"], language=language_of(request))
    raise web.HTTPSeeOther(f"/batches/new?template={quote(name)}")
