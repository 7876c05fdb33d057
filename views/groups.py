"""The administrators' page of groups: who is in which."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from server.errors import JinduError
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from views.context import render
from views.field_errors import errors_by_field

_BETWEEN = re.compile(r"[\n,;、，；]")


async def groups_page(request: web.Request) -> web.Response:
    return await _groups(request)


async def add_group(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    form = await read_form(request)
    try:
        await operations_of(request).groups.create(principal, form.get("name", "").strip(), _members(form))
    except JinduError as error:
        return await _groups(request, form=form, error=error)
    raise web.HTTPSeeOther("/admin/groups?saved")


async def change_group(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    form, name = await read_form(request), request.match_info["name"]
    await operations_of(request).groups.get(principal, name)
    try:
        await operations_of(request).groups.change(
            principal, name, new_name=form.get("name", "").strip() or None, members=_members(form)
        )
    except JinduError as error:
        return await _groups(request, form=form, error=error, changed=name)
    raise web.HTTPSeeOther("/admin/groups?saved")


async def delete_group(request: web.Request) -> web.Response:
    principal = require_principal(request, "admin")
    await operations_of(request).groups.delete(principal, request.match_info["name"])
    raise web.HTTPSeeOther("/admin/groups")


async def _groups(
    request: web.Request, *, form: Form | None = None, error: JinduError | None = None, changed: str = ""
) -> web.Response:
    """`changed` is the group whose form is wrong; none, when it is that of a new one."""
    principal = require_principal(request, "admin")
    values: dict[str, Any] = {"name": "", "members": ""}
    if form is not None:
        values = {name: form.get(name, "") for name in values}
    return await render(
        request,
        "admin/groups.html",
        200 if error is None else error.status,
        section="groups",
        groups=await operations_of(request).groups.list(principal),
        typed=values,
        changed=changed,
        problems=errors_by_field(request, error),
        is_saved="saved" in request.query and error is None,
    )


def _members(form: Form) -> list[str]:
    names = (" ".join(name.split()) for name in _BETWEEN.split(form.get("members", "")))
    return list(dict.fromkeys(filter(None, names)))
