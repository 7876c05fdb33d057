"""`/imports/fetch`: a file that lies elsewhere, at an address or in a folder of the server, to be imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from server.auth.permissions import Principal
from server.errors import InvalidInput
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.uploads.elsewhere import Place
from server.uploads.folders import FolderFile
from views.context import render
from views.field_errors import error_texts, errors_by_field

_SHOWN = 100  # files of a folder


async def fetch_page(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    return await render(request, "imports/fetch.html", **await _values(request, principal))


async def start_fetch(request: web.Request) -> web.Response:
    """On to the job, whose page leads to the import; or the form again with what is wrong."""
    principal = require_principal(request, "write")
    form = await read_form(request)
    url = form.get("url", "").strip()
    place = Place(url=url) if url else Place(folder=form.get("folder") or None, file=form.get("file") or None)
    try:
        job = await operations_of(request).fetches.start(principal, place)
    except InvalidInput as error:
        values = await _values(request, principal)
        errors = errors_by_field(request, error)
        return await render(request, "imports/fetch.html", status=422, **values | {"url_given": url, "errors": errors})
    raise web.HTTPSeeOther(f"/jobs/{job.id}")


async def _values(request: web.Request, principal: Principal) -> dict[str, Any]:
    fetches = operations_of(request).fetches
    places = fetches.places(principal)
    folders: dict[str, Sequence[FolderFile]] = {}
    problems: dict[str, Sequence[str]] = {}
    for name in places.folders:
        try:
            folders[name] = await fetches.files(principal, name)
        except InvalidInput as error:
            folders[name], problems[name] = [], error_texts(request, error)
    return {
        "hosts": places.hosts,
        "folders": folders,
        "problems": problems,
        "shown": _SHOWN,
        "url_given": "",
        "errors": {},
    }
