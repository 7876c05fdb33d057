"""Comments below a report: the list with its live refresh, and what its forms do where there is no script."""

from __future__ import annotations

from aiohttp import web

from server.errors import InvalidInput
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from views.comment_panel import comment_panel
from views.context import render
from views.field_errors import error_texts
from views.reports import report_values


async def comments_fragment(request: web.Request) -> web.Response:
    """The list alone, for its live refresh."""
    principal = require_principal(request)
    report, _ = await operations_of(request).batches.report(principal, request.match_info["id"])
    return await render(request, "reports/_comments.html", **await comment_panel(request, report))


async def write_comment(request: web.Request) -> web.Response:
    principal, form = require_principal(request), await read_form(request)
    report_id, text = request.match_info["id"], form.get("text", "")
    try:
        written = await operations_of(request).comments.write(principal, report_id, text)
    except InvalidInput as error:
        return await _again(request, report_id, text, error)
    raise web.HTTPSeeOther(f"/reports/{report_id}#comment-{written.comment.id}")


async def edit_comment(request: web.Request) -> web.Response:
    principal, form = require_principal(request), await read_form(request)
    report_id, comment_id, text = request.match_info["id"], request.match_info["comment_id"], form.get("text", "")
    try:
        await operations_of(request).comments.edit(principal, report_id, comment_id, text)
    except InvalidInput as error:
        return await _again(request, report_id, text, error, editing=comment_id)
    raise web.HTTPSeeOther(f"/reports/{report_id}#comment-{comment_id}")


async def delete_comment(request: web.Request) -> web.Response:
    report_id, comment_id = request.match_info["id"], request.match_info["comment_id"]
    await operations_of(request).comments.delete(require_principal(request), report_id, comment_id)
    raise web.HTTPSeeOther(f"/reports/{report_id}#comments")


async def _again(
    request: web.Request, report_id: str, typed: str, error: InvalidInput, *, editing: str = ""
) -> web.Response:
    """The page with what was typed, and what is wrong with it."""
    principal = require_principal(request)
    report, batch = await operations_of(request).batches.report(principal, report_id)
    panel = await comment_panel(
        request, report, typed=typed, problem=" ".join(error_texts(request, error)), editing=editing
    )
    values = await report_values(request, report, batch)
    return await render(request, "reports/detail.html", error.status, **values | panel)
