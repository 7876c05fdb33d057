"""The star beside a thing, where there is no script to press it."""

from __future__ import annotations

from aiohttp import web

from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from views.forms import local_target


async def mark(request: web.Request) -> web.Response:
    """`on=1` marks it, everything else takes the mark away; then back to the page in `next`."""
    principal, form = require_principal(request), await read_form(request)
    kind, thing_id = request.match_info["kind"], request.match_info["id"]
    favourites = operations_of(request).favourites
    if form.get("on") == "1":
        await favourites.put(principal, kind, thing_id)
    else:
        await favourites.remove(principal, kind, thing_id)
    raise web.HTTPSeeOther(local_target(form.get("next", "/")))
