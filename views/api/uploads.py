"""`/api/v1/uploads`: what there is, and the files themselves; how they come is in `tus_answers`."""

from __future__ import annotations

import re

from aiohttp import web

from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber, encoded
from server.http.files import send_file
from server.storage.pages import Listing
from server.uploads.names import saved_name
from views.api import tus_answers
from views.api.upload_items import ListedUpload, UploadItem, listed_upload, upload_item

_FILE_TYPE = "application/octet-stream"


class UploadList(Listing[ListedUpload], frozen=True, kw_only=True):
    """Newest first."""


async def list_uploads(call: Call[None, PageByNumber]) -> UploadList:
    page = await call.operations.uploaded_files.search(
        call.principal, limit=call.query.limit, cursor=call.query.cursor, containing=call.query.q
    )
    return UploadList(
        items=[listed_upload(file) for file in page.items], next_cursor=page.next_cursor, total=page.total
    )


async def get_upload(call: Call[None, NoQuery]) -> web.StreamResponse:
    """What became of the upload. With `Accept: application/octet-stream` the answer is the file itself: programs that
    were written for other tus servers expect it at this address.
    """
    chosen = {"Vary": "Accept"}
    if prefers(call.request.headers.get("Accept", ""), _FILE_TYPE, over="application/json"):
        return await _send_content(call, chosen)
    upload = await call.operations.uploads.find(call.principal, call.path["id"])
    return encoded(upload_item(upload), headers=chosen)


def prefers(accept: str, wanted: str, *, over: str) -> bool:
    """Whether an `Accept` header gives `wanted` the higher quality (RFC 9110, 12.5.1)."""
    return _quality(accept, wanted) > _quality(accept, over)


def _quality(accept: str, media_type: str) -> float:
    """That of the most specific range which covers the type."""
    ranges = [media_type, media_type.partition("/")[0] + "/*", "*/*"]
    given: dict[str, float] = {}
    for item in accept.lower().split(","):
        name, _, parameters = item.partition(";")
        quality = re.search(r"(?:^|;)\s*q=([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", parameters)
        given[name.strip()] = float(quality[1]) if quality else 1.0
    return next((given[name] for name in ranges if name in given), 0.0)


async def download_content(call: Call[None, NoQuery]) -> web.StreamResponse:
    return await _send_content(call, {})


async def _send_content(call: Call[None, NoQuery], headers: dict[str, str]) -> web.StreamResponse:
    async with call.operations.uploads.content(call.principal, call.path["id"]) as (upload, content):
        # Always as a file to save, of no type a browser would show: what somebody uploaded must not become a page of
        # ours.
        return await send_file(
            call.request,
            content,
            name=saved_name(upload.name),
            media_type=_FILE_TYPE,
            sha256=upload.sha256 or "",
            headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"} | headers,
        )


ENDPOINTS = [
    *tus_answers.ENDPOINTS,
    Endpoint(
        method="GET",
        path="/uploads",
        name="list_uploads",
        handler=list_uploads,
        summary="Your uploads, newest first",
        query=PageByNumber,
        answer=UploadList,
    ),
    Endpoint(
        method="GET",
        path="/uploads/{id}",
        name="get_upload",
        handler=get_upload,
        summary="An upload",
        answer=UploadItem,
        answer_type=("application/json", _FILE_TYPE),
        other_statuses=(206, 304),
        errors=(404, 410, 412, 416, 422),
    ),
    Endpoint(
        method="GET",
        path="/uploads/{id}/content",
        name="download_upload",
        handler=download_content,
        summary="The file itself",
        answer=bytes,
        answer_type=_FILE_TYPE,
        other_statuses=(206, 304),
        errors=(404, 410, 412, 416, 422),
    ),
]
