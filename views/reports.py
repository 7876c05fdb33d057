"""The page of one report: shown in place, with its files, what it was made from, and what people say of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import State
from server.reports.batches import BatchHead, BatchReport, ReportFilter
from views.comment_panel import comment_panel
from views.context import render
from views.looks import note_look, starred_of
from views.share_links import link_panel


async def report_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    report, batch = await operations_of(request).batches.report(principal, request.match_info["id"])
    note_look(request, "report", report.id)
    values = await report_values(request, report, batch) | await comment_panel(request, report)
    return await render(request, "reports/detail.html", **values)


async def report_fragment(request: web.Request) -> web.Response:
    """The inside of the page, for its live refresh while the report is not made yet."""
    principal = require_principal(request)
    report, batch = await operations_of(request).batches.report(principal, request.match_info["id"])
    return await render(request, "reports/_detail.html", **await report_values(request, report, batch))


async def report_values(request: web.Request, report: BatchReport, batch: BatchHead) -> dict[str, Any]:
    """What the page shows, but for its comments."""
    principal = require_principal(request)
    return {
        "report": report,
        "batch": batch,
        "template": await operations_of(request).template_versions.made(principal, batch.id),
        "right": await operations_of(request).batches.right(principal, batch),
        "sources": await operations_of(request).datasets.sources(principal, batch.dataset_versions),
        "shown": report.of_format("html") or report.of_format("pdf"),
        "printed": report.of_format("pdf") or report.of_format("html"),
        # Not while the page refreshes itself: what is typed there would be gone.
        "link_panel": await link_panel(request, batch.id, report.id) if report.state.is_final else None,
        "before_it": await _neighbour(request, batch.id, report.position - 1),
        "after_it": await _neighbour(request, batch.id, report.position + 1),
        "starred": await starred_of(request, "report", [report.id]),
    }


async def _neighbour(request: web.Request, batch_id: str, position: int) -> str | None:
    principal = require_principal(request)
    wanted = ReportFilter(after=position - 1, limit=1)
    page = await operations_of(request).batches.reports(principal, batch_id, wanted)
    found = page.items[0] if page.items else None
    return found.id if found and found.position == position and found.state is not State.QUEUED else None
