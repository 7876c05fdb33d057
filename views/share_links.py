"""Share links on the pages of those who make them: beside a report or batch, and all of them in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from aiohttp import web

from server.clock import utc_now
from server.errors import InvalidInput
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.operations.share_links import KnownLink, WantedLink
from views.api.share_links import link_address, page_of_thing
from views.context import render
from views.field_errors import errors_by_field
from views.forms import local_target

_SHOWN_BESIDE = 20
_PER_PAGE = 50
_PAGE = "/account/links"
_PANEL = "#share-links"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLink:
    """`address` is None for who did not make it."""

    known: KnownLink
    address: str | None
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPanel:
    """What stands beside a `report` or a `batch`. `made` is the id of the link that was made a moment ago."""

    thing: str
    thing_id: str
    links: Sequence[ShownLink]
    total: int
    made: str
    today: date
    default_day: date
    latest_day: date | None


async def link_panel(request: web.Request, batch_id: str, report_id: str | None = None) -> LinkPanel | None:
    """Of a report, or of the whole batch; None for who can make none."""
    principal, operations = require_principal(request), operations_of(request).share_links
    if not await operations.may_make(principal, batch_id):
        return None
    of_batch = None if report_id else batch_id
    found = await operations.links(principal, report_id=report_id, batch_id=of_batch, limit=_SHOWN_BESIDE)
    zone, now = principal.time_zone, utc_now()
    return LinkPanel(
        thing="report" if report_id else "batch",
        thing_id=report_id or batch_id,
        links=[_shown(request, known) for known in found.items],
        total=found.total,
        made=request.query.get("link", ""),
        today=operations.rules.today(zone, now),
        default_day=operations.rules.default_day(zone, now),
        latest_day=operations.rules.latest_day(zone, now),
    )


async def make_link(request: web.Request) -> web.Response:
    """From the form beside a report or batch; what is wrong is shown with it, on a page of its own."""
    principal = require_principal(request, "write")
    form = await read_form(request)
    report_id, batch_id = form.get("report") or None, form.get("batch") or None
    wanted = WantedLink(
        report_id=report_id,
        batch_id=batch_id,
        expires_at=None if "endless" in form else form.get("expires_at", ""),
        password=form.get("password", ""),
    )
    try:
        made = await operations_of(request).share_links.make(principal, wanted)
    except InvalidInput as error:
        if bool(report_id) == bool(batch_id):
            raise  # no form of ours
        return await _form_again(request, form, error)
    raise web.HTTPSeeOther(f"{page_of_thing(made.link)}?link={made.link.id}{_PANEL}")


async def revoke_link(request: web.Request) -> web.Response:
    principal = require_principal(request)
    form = await read_form(request)
    await operations_of(request).share_links.revoke(principal, request.match_info["id"])
    raise web.HTTPSeeOther(local_target(form.get("back") or _PAGE))


async def links_page(request: web.Request) -> web.Response:
    """Those that one made; administrators can look at everybody's, owners at those that others made of theirs."""
    principal, operations = require_principal(request), operations_of(request).share_links
    is_own = request.query.get("of") != "all"
    cursor = request.query.get("cursor")
    page = await operations.links(principal, is_own=is_own, limit=_PER_PAGE, cursor=cursor)
    return await render(
        request,
        "links/list.html",
        page=page,
        links=[_shown(request, known) for known in page.items],
        is_own=is_own,
        cursor=cursor,
        are_on=operations.rules.are_on,
    )


async def _form_again(request: web.Request, form: Form, error: InvalidInput) -> web.Response:
    problems: Mapping[str, str] = errors_by_field(request, error)
    batches, principal = operations_of(request).batches, require_principal(request)
    if report_id := form.get("report"):
        report, batch = await batches.report(principal, report_id)
        title, panel = report.title, await link_panel(request, batch.id, report_id)
    else:
        batch = await batches.get(principal, form.get("batch", ""))
        title, panel = batch.name, await link_panel(request, batch.id)
    if panel is None:
        raise error
    return await render(
        request,
        "links/new.html",
        error.status,
        link_panel=panel,
        title=title,
        form=form,
        problems=problems,
    )


def _shown(request: web.Request, known: KnownLink) -> ShownLink:
    return ShownLink(known=known, address=link_address(request, known), page=page_of_thing(known.link))
