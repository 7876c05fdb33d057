"""`/api/v1/batches`: order reports, follow them, take them away."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.http.files import send_made
from server.http.made_files import head_of_made_file, send_made_file
from server.http.values import DigitText, Limit, TemplateName
from server.jobs.job import Priority
from server.operations.batches import BatchStart
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.reports.batches import BatchHead, Tally
from server.reports.file_names import served_name
from server.reports.work import MEDIA_TYPES, FileFormat
from server.storage.file_pieces import in_thread
from server.storage.pages import Listing
from views.api.batch_choice import filter_by
from views.api.deliveries import in_words
from views.api.delivery_wishes import WantedList
from views.api.owners import Owner
from views.batch_filter import BatchCriteria


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reports to make. Leave `parameters` out when the template has `each`; a set that leaves out a
    parameter with `each` gives one report per value. `as_of` is the moment that the reports speak of, as RFC 3339 or
    as a day (`2026-10-31`: its last second in your time zone); the same order with the same one gives the same bytes.
    `priority` orders what you have waiting yourself. `owner`: whose template it is, when it is another's.
    `deliveries`: who gets which of them once they are made."""

    template: TemplateName
    owner: Owner | None = None
    parameters: list[dict[str, Any]] | ParameterQuery | None = None
    formats: list[FileFormat] | None = None
    name: Annotated[str, msgspec.Meta(max_length=300)] = ""
    as_of: Annotated[str, msgspec.Meta(max_length=40)] = ""
    priority: Priority = Priority.NORMAL
    deliveries: WantedList = []

    @property
    def order(self) -> BatchOrder:
        return BatchOrder(
            template=self.template,
            owner=self.owner,
            parameters=self.parameters,
            formats=self.formats,
            name=self.name.strip(),
            as_of=self.as_of,
            deliveries=[each.wish for each in self.deliveries],
        )


class BatchStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The work has begun: follow the job, then look at the batch. `warnings`: which addresses of `deliveries` get
    nothing, since mail to them came back."""

    job_id: str
    kind: str
    batch_id: str
    warnings: list[str] = []
    links: dict[str, str]


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of a dataset the reports were made from."""

    name: str
    version: int


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and how far it is; `owner` is a user's name. `as_of` is null unless it was ordered with one.

    `state` and `outcome` are of its newest job; `tally` counts its reports by state."""

    id: str
    owner: str
    job_id: str
    name: str
    template: str
    template_version: int
    formats: list[FileFormat]
    state: str
    outcome: Literal["complete", "partial"] | None
    tally: Tally
    total: int
    as_of: datetime | None
    datasets: list[DatasetVersion]
    created_at: datetime
    links: dict[str, str]


class BatchList(Listing[BatchItem], frozen=True, kw_only=True):
    pass


class BatchQuery(BatchCriteria, frozen=True, kw_only=True):
    __doc__ = f"{BatchCriteria.__doc__}\n\n    `cursor` is `next_cursor` of the page before."
    limit: Limit = 50
    cursor: DigitText | None = None


class ArchiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`format`: only files of this format; repeat it for several."""

    format: list[FileFormat] | None = None


async def start_batch(call: Call[BatchRequest, NoQuery]) -> web.Response:
    start = await call.operations.batch_orders.start(
        call.principal,
        call.body.order,
        idempotency_key=call.request.headers.get("Idempotency-Key"),
        priority=call.body.priority,
    )
    warnings = await call.operations.held_addresses.warnings(call.principal, call.body.order.deliveries)
    return _accepted(start, [in_words(call, each) for each in warnings])


async def list_batches(call: Call[None, BatchQuery]) -> BatchList:
    wanted = filter_by(call, call.query)
    page = await call.operations.batch_lists.batches(
        call.principal, wanted, limit=call.query.limit, cursor=call.query.cursor
    )
    return BatchList(items=[batch_item(batch) for batch in page.items], total=page.total, next_cursor=page.next_cursor)


async def get_batch(call: Call[None, NoQuery]) -> BatchItem:
    return batch_item(await call.operations.batches.get(call.principal, call.path["id"]))


async def delete_batch(call: Call[None, NoQuery]) -> None:
    await call.operations.batches.delete(call.principal, call.path["id"])


async def retry_batch(call: Call[None, NoQuery]) -> web.Response:
    start = await call.operations.batches.retry(
        call.principal, call.path["id"], idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    return _accepted(start)


async def cancel_batch(call: Call[None, NoQuery]) -> BatchItem:
    await call.operations.batches.cancel(call.principal, call.path["id"])
    return await get_batch(call)


async def reorder_batch(call: Call[None, NoQuery]) -> web.Response:
    start = await call.operations.batch_orders.reorder(
        call.principal, call.path["id"], idempotency_key=call.request.headers.get("Idempotency-Key")
    )
    return _accepted(start)


async def download_batch(call: Call[None, ArchiveQuery]) -> web.StreamResponse:
    wanted = call.operations.batches.archive(call.principal, call.path["id"], call.query.format)
    async with wanted as (batch, archive):
        return await send_made(
            call.request,
            in_thread(archive.pieces()),
            name=served_name(batch.name, "zip"),
            media_type="application/zip",
            size=archive.size,
        )


async def combine_batch(call: Call[None, NoQuery]) -> web.StreamResponse:
    if call.request.method == "HEAD":
        batch = await call.operations.batches.get(call.principal, call.path["id"])
        return head_of_made_file(served_name(batch.name, "pdf"), MEDIA_TYPES["pdf"])
    made = await call.operations.batch_combining.combined(call.principal, call.path["id"])
    return await send_made_file(call.request, made, disposition="attachment")


async def first_page(call: Call[None, NoQuery]) -> web.Response:
    content = await call.operations.first_pages.picture(call.principal, call.path["id"])
    tag = hashlib.sha256(content).hexdigest()
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}  # asked for again: access may end
    known = call.request.if_none_match
    if known and any(one.value in (tag, "*") for one in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, content_type="image/webp", headers=headers)


def first_page_url(batch_id: str) -> str:
    return outside(f"/api/v1/batches/{batch_id}/first-page.webp")


def batch_item(batch: BatchHead) -> BatchItem:
    base = outside(f"/api/v1/batches/{batch.id}")
    return BatchItem(
        id=batch.id,
        owner=batch.owner,
        job_id=batch.job_id,
        name=batch.name,
        template=batch.template_name,
        template_version=batch.template_version,
        formats=batch.formats,
        state=batch.job_state.value,
        outcome=batch.job_outcome.value if batch.job_outcome else None,
        tally=batch.tally,
        total=batch.report_count,
        as_of=batch.as_of,
        datasets=[DatasetVersion(name=name, version=used.version) for name, used in batch.dataset_versions.items()],
        created_at=batch.created_at,
        links=_links(batch.id, batch.job_id) | {"self": base},
    )


def _accepted(start: BatchStart, warnings: Sequence[str] = ()) -> web.Response:
    links = _links(start.batch_id, start.job.id)
    answer = BatchStarted(
        job_id=start.job.id, kind=start.job.kind, batch_id=start.batch_id, warnings=list(warnings), links=links
    )
    return encoded(answer, status=202, headers={"Location": links["batch"]})


def _links(batch_id: str, job_id: str) -> dict[str, str]:
    base = outside(f"/api/v1/batches/{batch_id}")
    return {
        "batch": base,
        "reports": f"{base}/reports",
        "zip": f"{base}/download.zip",
        "job": outside(f"/api/v1/jobs/{job_id}"),
        "access": f"{base}/access",
        "page": outside(f"/batches/{batch_id}"),
    }


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/batches",
        name="api_batches",
        handler=list_batches,
        summary="Your batches and those that others share with you, newest first",
        query=BatchQuery,
        answer=BatchList,
    ),
    Endpoint(
        method="POST",
        path="/batches",
        name="api_batch_start",
        handler=start_batch,
        summary="Make reports: one a parameter set, each in every format",
        access="write",
        body=BatchRequest,
        answer=BatchStarted,
        status=202,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/batches/{id}",
        name="api_batch",
        handler=get_batch,
        summary="One batch with its tally",
        answer=BatchItem,
        errors=(404,),
    ),
    Endpoint(
        method="DELETE",
        path="/batches/{id}",
        name="api_batch_delete",
        handler=delete_batch,
        summary="Delete a batch with all its files for good",
        access="write",
        status=204,
        errors=(404, 423),
    ),
    Endpoint(
        method="POST",
        path="/batches/{id}/retry",
        name="api_batch_retry",
        handler=retry_batch,
        summary="Make the failed reports again; finished ones stay as they are",
        access="write",
        answer=BatchStarted,
        status=202,
        errors=(404, 409),
    ),
    Endpoint(
        method="POST",
        path="/batches/{id}/cancel",
        name="api_batch_cancel",
        handler=cancel_batch,
        summary="Stop making reports; finished ones stay. For whoever may edit the batch, whosever job it is",
        access="write",
        answer=BatchItem,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/batches/{id}/reorder",
        name="api_batch_reorder",
        handler=reorder_batch,
        summary="A new batch of the failed reports, from the template and the data as they are now",
        access="write",
        answer=BatchStarted,
        status=202,
        errors=(404, 409, 422),
    ),
    Endpoint(
        method="GET",
        path="/batches/{id}/download.zip",
        name="api_batch_zip",
        handler=download_batch,
        summary="What is finished so far, one file a report and format, with an index of all reports",
        query=ArchiveQuery,
        answer=bytes,
        answer_type="application/zip",
        errors=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/batches/{id}/combined.pdf",
        name="api_batch_combined",
        handler=combine_batch,
        summary="All PDFs that are finished so far as one, with a list of all reports and bookmarks",
        answer=bytes,
        answer_type=MEDIA_TYPES["pdf"],
        errors=(404, 409, 429, 507),
    ),
    Endpoint(
        method="GET",
        path="/batches/{id}/first-page.webp",
        name="api_batch_first_page",
        handler=first_page,
        summary="The first page of the batch's first PDF, as a small picture",
        answer=bytes,
        answer_type="image/webp",
        other_statuses=(304,),
        errors=(404,),
    ),
]
