"""Pages of a template's versions: the list, one of them, what differs between two, and bringing one back."""

from __future__ import annotations

from aiohttp import web

from server.errors import InvalidInput, NotFound
from server.http.forms import read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.reports.template_store import StoredTemplate
from views.context import render
from views.field_errors import error_texts
from views.owned import named, path_of

_PER_PAGE = 50
_CHOICE = 200  # versions that the page of differences offers
_FORM_BYTES = 1024 * 1024


async def versions_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    stored = await _stored(request)
    versions = await operations_of(request).template_versions.list(principal, stored.name, owner=stored.owner)
    begin = whole_number(request.query.get("after"), at_most=10**9) or 0
    return await render(
        request,
        "templates/versions.html",
        stored=stored,
        versions=versions[begin : begin + _PER_PAGE],
        total=len(versions),
        begin=begin,
        right=await operations_of(request).templates.right(principal, stored),
        end=begin + _PER_PAGE if begin + _PER_PAGE < len(versions) else None,
    )


async def version_page(request: web.Request) -> web.Response:
    """The source as it was then."""
    principal = require_principal(request)
    operations = operations_of(request)
    newest = await _stored(request)
    stored, version = await operations.template_versions.get(
        principal, newest.name, int(request.match_info["number"]), owner=newest.owner
    )
    right = await operations.templates.right(principal, newest)
    return await render(request, "templates/version.html", stored=stored, version=version, newest=newest, right=right)


async def diff_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    given = request.query
    operations = operations_of(request)
    stored = await _stored(request)
    versions = await operations.template_versions.list(principal, stored.name, owner=stored.owner)
    before, after = (whole_number(given.get(name), at_most=10**9) for name in ("from", "to"))
    diff, problem = None, None
    try:
        diff = await operations.template_versions.compare(
            principal, stored.name, owner=stored.owner, before=before, after=after, whole="whole" in given
        )
    except (InvalidInput, NotFound) as error:
        problem = error
    known = {number for number in (before, after) if number}
    if diff and diff.after:
        before, after = diff.before.number, diff.after.number
    return await render(
        request,
        "templates/diff.html",
        200 if problem is None else problem.status,
        stored=stored,
        diff=diff,
        messages=error_texts(request, problem),
        before=before,
        after=after or stored.version,
        numbers=sorted(known | {version.number for version in versions[:_CHOICE]}, reverse=True),
        whole="whole" in given,
        right=await operations.templates.right(principal, stored),
        unified=given.get("view") == "unified",
    )


async def restore_version(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    (name, owner), number = named(request), int(request.match_info["number"])
    stored, _ = await operations_of(request).template_versions.restore(principal, name, number, owner=owner)
    raise web.HTTPSeeOther(f"/templates/{path_of(principal, stored)}")


async def compare_text(request: web.Request) -> web.Response:
    """What the editor shows of a text when a newer version was saved meanwhile."""
    principal = require_principal(request)
    form = await read_form(request, limit_bytes=_FORM_BYTES)
    name, owner = named(request)
    diff = await operations_of(request).template_versions.compare_text(
        principal, name, form.get("source", "").replace("\r\n", "\n"), owner=owner
    )
    return await render(request, "templates/_conflict.html", diff=diff)


async def _stored(request: web.Request) -> StoredTemplate:
    """The one in the address."""
    name, owner = named(request)
    return await operations_of(request).templates.get(require_principal(request), name, owner=owner)
