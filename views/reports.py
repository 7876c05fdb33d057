"""The page of one report: shown in place, with its files and what it was made from."""

from __future__ import annotations

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import State
from server.reports.batches import ReportFilter
from views.context import render
from views.share_links import link_panel


async def report_page(request: web.Request) -> web.Response:
    return await _shown(request, "reports/detail.html")


async def report_fragment(request: web.Request) -> web.Response:
    """The inside of the page, for its live refresh while the report is not made yet."""
    return await _shown(request, "reports/_detail.html")


async def _shown(request: web.Request, template: str) -> web.Response:
    principal = require_principal(request)
    report, batch = await operations_of(request).batches.report(principal, request.match_info["id"])
    return await render(
        request,
        template,
        report=report,
        batch=batch,
        template=await operations_of(request).template_versions.made(principal, batch.id),
        right=await operations_of(request).batches.right(principal, batch),
        sources=await operations_of(request).datasets.sources(principal, batch.dataset_versions),
        shown=report.of_format("html") or report.of_format("pdf"),
        printed=report.of_format("pdf") or report.of_format("html"),
        # Not while the page refreshes itself: what is typed there would be gone.
        link_panel=await link_panel(request, batch.id, report.id) if report.state.is_final else None,
        before=await _neighbour(request, batch.id, report.position - 1),
        after=await _neighbour(request, batch.id, report.position + 1),
    )


async def _neighbour(request: web.Request, batch_id: str, position: int) -> str | None:
    principal = require_principal(request)
    wanted = ReportFilter(after=position - 1, limit=1)
    page = await operations_of(request).batches.reports(principal, batch_id, wanted)
    found = page.items[0] if page.items else None
    return found.id if found and found.position == position and found.state is not State.QUEUED else None
