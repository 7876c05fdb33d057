"""`/api/v1/reports`: the reports of a batch, one of them, and its files."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber
from server.http.files import send_file
from server.jobs.job import State
from server.numerals import whole_number
from server.reports.batches import ReportFilter
from server.reports.work import MEDIA_TYPES
from server.storage.pages import Listing
from views.api.report_items import ReportItem, report_item

# A report file is shown on its own origin-less island: its scripts draw charts, and reach neither the session nor the
# network. `allow-modals` is for its *Print* button.
_HTML_POLICY = (
    "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FILE_TYPES = tuple(media_type.partition(";")[0] for media_type in MEDIA_TYPES.values())


StateName = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class ReportQuery(PageByNumber, frozen=True, kw_only=True):
    """`q` is looked for in titles and parameters."""

    state: StateName | None = None


class ReportList(Listing[ReportItem], frozen=True, kw_only=True):
    pass


async def list_reports(call: Call[None, ReportQuery]) -> ReportList:
    wanted = ReportFilter(
        state=State(call.query.state) if call.query.state else None,
        q=call.query.q or "",
        after=whole_number(call.query.cursor),
        limit=call.query.limit,
    )
    page = await call.operations.batches.reports(call.principal, call.path["id"], wanted)
    return ReportList(
        items=[report_item(report) for report in page.items], total=page.total, next_cursor=page.next_cursor
    )


async def get_report(call: Call[None, NoQuery]) -> ReportItem:
    report, _ = await call.operations.batches.report(call.principal, call.path["id"])
    return report_item(report)


async def get_file(call: Call[None, NoQuery]) -> web.StreamResponse:
    artifact, content = await call.operations.batches.artifact(call.principal, call.path["id"], call.path["file"])
    return await send_file(
        call.request,
        content,
        name=artifact.file,
        media_type=artifact.type,
        sha256=artifact.sha256,
        disposition="inline" if artifact.format in ("html", "pdf") else "attachment",
        headers=file_headers(artifact.format),
    )


def file_headers(format: str) -> dict[str, str]:  # noqa: A002 – the field's name
    """What a report file may do in a browser."""
    headers = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN"}
    if format == "html":
        headers["Content-Security-Policy"] = _HTML_POLICY
    elif format == "pdf":
        headers["Content-Security-Policy"] = "frame-ancestors 'self'"
    return headers


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/batches/{id}/reports",
        name="api_batch_reports",
        handler=list_reports,
        summary="The reports of a batch, in order",
        query=ReportQuery,
        answer=ReportList,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/reports/{id}",
        name="api_report",
        handler=get_report,
        summary="One report: parameters, state, files",
        answer=ReportItem,
        errors=(404,),
    ),
    Endpoint(
        method="GET",
        path="/reports/{id}/{file:[^/]+}",
        name="api_report_file",
        handler=get_file,
        summary="A file of a finished report; HTML and PDF are shown, others downloaded",
        answer=bytes,
        places={"file": Annotated[str, msgspec.Meta(min_length=1)]},
        answer_type=FILE_TYPES,
        other_statuses=(206, 304),
        errors=(404, 410, 412, 416),
    ),
]
