"""What a share link shows, to whoever has it. Each address here lies below that of the link, and asks for it anew."""

from __future__ import annotations

import math

from aiohttp import web

from server.auth.secret_words import hash_of
from server.errors import LinkLocked
from server.http.addresses import client_address, is_secure
from server.http.based_requests import base_path_of
from server.http.files import send_file, send_made
from server.http.forms import read_form
from server.http.guards import current_principal
from server.http.made_files import head_of_made_file, send_made_file
from server.http.parts import operations_of
from server.http.problems import wants_page
from server.http.sessions import cookie
from server.http.storable import require_storable_address
from server.numerals import whole_number
from server.operations.shared_reports import REPORTS_PER_PAGE, UNLOCKED_SECONDS, LinkVisit
from server.reports.batches import BatchReport
from server.reports.file_names import served_name
from server.reports.share_links import ShareLink
from server.reports.work import MEDIA_TYPES
from server.storage.file_pieces import in_thread
from views.api.reports import file_headers
from views.context import formats_for, render

_PROOF_COOKIE = "jindu_unlocked"
_LAST_PAGE = 10_000


async def shared_page(request: web.Request) -> web.StreamResponse:
    visit, shared = _visit(request), operations_of(request).shared_reports
    try:
        link = await shared.look(visit)
    except LinkLocked:
        return await render(request, "shared/password.html", problem="")
    if link.report_id is None:
        return await _batch(request, visit, link)
    return await _report(request, visit, link, await shared.report(visit))


async def shared_report_page(request: web.Request) -> web.StreamResponse:
    """One report of a shared batch."""
    visit, shared = _visit(request), operations_of(request).shared_reports
    try:
        link = await shared.look(visit)
    except LinkLocked as locked:
        return _to_password(request, locked)
    return await _report(request, visit, link, await shared.report(visit, request.match_info["report_id"]))


async def unlock(request: web.Request) -> web.StreamResponse:
    """A right password opens all that lies below the link, in this browser, for some hours."""
    form, secret = await read_form(request), request.match_info["secret"]
    shared = operations_of(request).shared_reports
    try:
        proof = await shared.unlock(secret, form.get("password", ""), address=client_address(request))
    except LinkLocked as wrong:
        problem = wrong.translated(formats_for(request).gettext)
        return await render(request, "shared/password.html", wrong.status, problem=problem)
    response = web.Response(status=303, headers={"Location": f"/s/{secret}"})
    base = base_path_of(request)
    response.set_cookie(
        base.cookie(_PROOF_COOKIE),
        proof,
        max_age=UNLOCKED_SECONDS,
        path=base.outside(f"/s/{secret}"),
        httponly=True,
        samesite="Lax",
        secure=is_secure(request),
    )
    return response


async def shared_file(request: web.Request) -> web.StreamResponse:
    visit, shared = _visit(request), operations_of(request).shared_reports
    try:
        found = await shared.artifact(visit, request.match_info["report_id"], request.match_info["file"])
    except LinkLocked as locked:
        return _to_password(request, locked)
    artifact, content = found
    return await send_file(
        request,
        content,
        name=artifact.file,
        media_type=artifact.type,
        sha256=artifact.sha256,
        disposition="inline" if artifact.format in ("html", "pdf") else "attachment",
        headers=file_headers(artifact.format),
    )


async def shared_zip(request: web.Request) -> web.StreamResponse:
    try:
        async with operations_of(request).shared_reports.archive(_visit(request)) as (batch, archive):
            return await send_made(
                request,
                in_thread(archive.pieces()),
                name=served_name(batch.name, "zip"),
                media_type="application/zip",
                size=archive.size,
            )
    except LinkLocked as locked:
        return _to_password(request, locked)


async def shared_pdf(request: web.Request) -> web.StreamResponse:
    visit, shared = _visit(request), operations_of(request).shared_reports
    try:
        if request.method == "HEAD":
            batch = await shared.batch(visit)
            return head_of_made_file(served_name(batch.name, "pdf"), MEDIA_TYPES["pdf"])
        made = await shared.combined(visit)
    except LinkLocked as locked:
        return _to_password(request, locked)
    reader = f"link {hash_of(visit.secret)}"
    return await send_made_file(request, made, disposition="attachment", reader=reader)


def _visit(request: web.Request) -> LinkVisit:
    require_storable_address(request)
    principal = current_principal(request)
    return LinkVisit(
        secret=request.match_info["secret"],
        proof=cookie(request, _PROOF_COOKIE) or "",
        address=client_address(request),
        user_agent=_user_agent(request),
        user_id=principal.user_id if principal else "",
    )


def _user_agent(request: web.Request) -> str:
    """Empty where a browser only fetches ahead, or only looks whether something is there."""
    is_ahead = "prefetch" in f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    return "" if is_ahead or request.method != "GET" else request.headers.get("User-Agent", "")


def _to_password(request: web.Request, locked: LinkLocked) -> web.Response:
    """People come to the page that asks for it; programs are told."""
    if not wants_page(request):
        raise locked
    return web.Response(status=303, headers={"Location": f"/s/{request.match_info['secret']}"})


async def _report(request: web.Request, visit: LinkVisit, link: ShareLink, report: BatchReport) -> web.Response:
    shared = operations_of(request).shared_reports
    await shared.count_opening(visit, link)
    batch = await shared.batch(visit)
    return await render(
        request,
        "shared/report.html",
        link=link,
        here=f"/s/{visit.secret}",
        report=report,
        batch=batch,
        shown=report.of_format("html") or report.of_format("pdf"),
        printed=report.of_format("pdf") or report.of_format("html"),
    )


async def _batch(request: web.Request, visit: LinkVisit, link: ShareLink) -> web.Response:
    shared = operations_of(request).shared_reports
    await shared.count_opening(visit, link)
    q = request.query.get("q", "").strip()
    number = whole_number(request.query.get("page", ""), at_most=_LAST_PAGE) or 1
    page = await shared.reports(visit, q=q, page=number)
    return await render(
        request,
        "shared/batch.html",
        link=link,
        here=f"/s/{visit.secret}",
        batch=await shared.batch(visit),
        page=page,
        q=q,
        number=number,
        pages=max(1, math.ceil(page.total / REPORTS_PER_PAGE)),
    )
