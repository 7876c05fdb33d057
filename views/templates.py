"""Pages of report templates: the list, and one of them with its preview."""

from __future__ import annotations

import dataclasses

import msgspec
from aiohttp import web

from server.delivery.wishes import DeliveryVia
from server.errors import JinduError, NotFound
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.template_previews import PreviewOrder
from views.api.templates import send_preview
from views.context import formats_for, language_of, render
from views.looks import note_look, starred_of
from views.owned import chosen_whose, named
from views.schedule_words import said_when
from views.sharing import share_panel
from views.template_forms import fields_of, parameters_from

_PER_PAGE = 60
_FORM_BYTES = 1024 * 1024  # of a template that is not stored yet, and its parameters

_SCHEDULES_SHOWN = 5


async def templates_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    q, cursor = request.query.get("q", ""), request.query.get("cursor")
    whose = chosen_whose(request, principal)
    page = await operations_of(request).templates.list(principal, whose=whose, q=q, limit=_PER_PAGE, cursor=cursor)
    operations = operations_of(request)
    return await render(
        request,
        "templates/list.html",
        page=page,
        q=q,
        cursor=cursor,
        whose=whose,
        datasets=await operations.template_starts.datasets(principal),
        first_pages=await operations.first_pages.newest(principal, [item.stored.id for item in page.items]),
        gallery=operations.gallery.list(principal, language=language_of(request)),
        starred=await starred_of(request, "template", [item.stored.id for item in page.items]),
    )


async def template_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    operations = operations_of(request).templates
    name, owner = named(request)
    stored = await operations.get(principal, name, owner=owner)
    check = await operations.check(principal, stored.source, owner_id=stored.owner_id)
    choices = await operations.choices(principal, stored)
    planned = await operations_of(request).schedules.list(principal, template_id=stored.id, limit=_SCHEDULES_SHOWN)
    note_look(request, "template", stored.id)
    return await render(
        request,
        "templates/detail.html",
        schedules=[{"schedule": each, "said": said_when(request, each.cron)} for each in planned.items],
        stored=stored,
        summary=check.summary,
        issues=[msgspec.structs.asdict(issue) for issue in check.issues],
        versions=await operations_of(request).template_versions.list(principal, stored.name, owner=stored.owner),
        fields=fields_of(check.summary, choices, {}),
        first_pages=await operations_of(request).first_pages.newest(principal, [stored.id]),
        right=await operations.right(principal, stored),
        can_mail=DeliveryVia.MAIL in operations_of(request).deliveries.checks.ways(),
        **await share_panel(request, "template", stored.name, stored.owner),
        starred=await starred_of(request, "template", [stored.id]),
    )


async def preview_template(request: web.Request) -> web.StreamResponse:
    """What goes into the preview's frame: the report itself, or a page that says why there is none."""
    principal = require_principal(request)
    is_form = request.method == "POST"
    form = await read_form(request, limit_bytes=_FORM_BYTES) if is_form else Form(list(request.query.items()))
    name, owner = named(request)
    order = PreviewOrder(
        name=name,
        owner=owner,
        source=form.get("source"),
        parameters=parameters_from(form.pairs()),
        format="pdf" if request.query.get("format") == "pdf" else "html",
        language=formats_for(request).language,
        is_watched="source" in form,
    )
    try:
        preview = await operations_of(request).template_previews.make(principal, order)
    except NotFound:
        raise
    except JinduError as error:
        places = [dataclasses.asdict(place) for place in error.errors]
        response = await render(
            request, "templates/preview_problem.html", error=error, places=places, is_draft=order.is_watched
        )
        response.headers["Content-Security-Policy"] = (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
        )
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response
    return await send_preview(request, preview)


async def add_samples(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).templates.install_samples(principal)
    raise web.HTTPSeeOther("/templates")


async def delete_template(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    name, owner = named(request)
    await operations_of(request).templates.delete(principal, name, owner=owner)
    raise web.HTTPSeeOther("/templates")
