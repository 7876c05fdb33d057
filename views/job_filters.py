"""What the page of jobs does with filters that are kept under a name."""

from __future__ import annotations

from aiohttp import web

from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from views.job_filter import FIELDS
from views.jobs import url_with


async def keep_filter(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    form = await read_form(request)
    fields = {name: value for name in FIELDS if (value := form.get(name, "").strip())}
    await operations_of(request).job_filters.keep(principal, form.get("name", ""), fields)
    raise web.HTTPSeeOther(url_with("/jobs", fields))


async def remove_filter(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    form = await read_form(request)
    await operations_of(request).job_filters.remove(principal, form.get("name", ""))
    raise web.HTTPSeeOther("/jobs")
