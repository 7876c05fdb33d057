"""`/api/v1/reports`: reports of all batches that somebody may see, as a list, as a table and as files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from server.http.endpoint import Call, Endpoint
from server.http.files import send_made
from server.http.values import Limit
from server.operations.batch_lists import MOST_FILES
from server.storage.pages import Listing
from views.api.batch_choice import filter_by
from views.api.report_items import ReportItem, report_item
from views.batch_filter import BatchCriteria
from views.report_addresses import report_address


class ReportsQuery(BatchCriteria, frozen=True, kw_only=True):
    __doc__ = f"{BatchCriteria.__doc__}\n\n    `cursor` is `next_cursor` of the page before."
    limit: Limit = 50
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,18}-[0-9]{1,18}$", max_length=37)] | None = None


class BatchMention(msgspec.Struct, frozen=True, kw_only=True):
    """Of which batch a report is; `owner` is a user's name."""

    id: str
    name: str
    owner: str
    template: str
    state: str
    created_at: datetime


class ListedReportItem(msgspec.Struct, frozen=True, kw_only=True):
    report: ReportItem
    batch: BatchMention


class ListedReportList(Listing[ListedReportItem], frozen=True, kw_only=True):
    """Of the newest batch first, and of each in order."""


async def list_reports(call: Call[None, ReportsQuery]) -> ListedReportList:
    wanted, query = filter_by(call, call.query), call.query
    page = await call.operations.batch_lists.reports(call.principal, wanted, limit=query.limit, cursor=query.cursor)
    items = [
        ListedReportItem(
            report=report_item(each.report),
            batch=BatchMention(
                id=each.batch.id,
                name=each.batch.name,
                owner=each.batch.owner,
                template=each.batch.template_name,
                state=each.batch.job_state.value,
                created_at=each.batch.created_at,
            ),
        )
        for each in page.items
    ]
    return ListedReportList(items=items, total=page.total, next_cursor=page.next_cursor)


async def export_table(call: Call[None, BatchCriteria]) -> web.StreamResponse:
    wanted, address = filter_by(call, call.query), report_address(call.request)
    pieces = await call.operations.batch_lists.table(call.principal, wanted, address=address)
    return await send_made(call.request, pieces, name="reports.csv", media_type="text/csv")


async def export_files(call: Call[None, BatchCriteria]) -> web.StreamResponse:
    wanted, address = filter_by(call, call.query), report_address(call.request)
    pieces = await call.operations.batch_lists.archive(call.principal, wanted, address=address)
    return await send_made(call.request, pieces, name="reports.zip", media_type="application/zip")


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/reports",
        name="api_reports",
        handler=list_reports,
        summary="Reports of all batches that you may see, of the newest first",
        query=ReportsQuery,
        answer=ListedReportList,
        errors=(403,),
    ),
    Endpoint(
        method="GET",
        path="/reports/export.csv",
        name="api_reports_table",
        handler=export_table,
        summary="The same list as a table: state, parameters, files and address of each",
        query=BatchCriteria,
        answer=bytes,
        answer_type="text/csv",
        errors=(403,),
    ),
    Endpoint(
        method="GET",
        path="/reports/export.zip",
        name="api_reports_zip",
        handler=export_files,
        summary=f"Their files, a folder a batch, with that table in it; at most {MOST_FILES:,} files",
        query=BatchCriteria,
        answer=bytes,
        answer_type="application/zip",
        errors=(403,),
    ),
]
