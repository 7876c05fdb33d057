"""`/api/v1/reports`: one report and its files."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.files import send_file
from server.reports.work import MEDIA_TYPES
from views.api.batches import ReportItem, report_item

# A report file is shown on its own origin-less island: its scripts draw charts, and reach neither the session nor the
# network. `allow-modals` is for its *Print* button.
_HTML_POLICY = (
    "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FILE_TYPES = tuple(media_type.partition(";")[0] for media_type in MEDIA_TYPES.values())


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
