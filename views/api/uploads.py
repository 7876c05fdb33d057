"""`/api/v1/uploads`: tus 1.0, one-request uploads for curl, and what became of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from server.errors import MalformedRequest
from server.http.endpoint import IDEMPOTENCY_KEY, Call, Endpoint, Header, NoQuery, PageById, encoded
from server.http.files import send_file
from server.http.values import KEY_SCHEMA
from server.operations.uploads import NewUpload
from server.storage.pages import Listing
from server.uploads import tus
from server.uploads.files import Upload
from server.uploads.names import form_name, saved_name
from views.api.upload_forms import FileForm, cut_off

_PREFIX = "/api/v1/uploads"
_FILE_TYPE = "application/octet-stream"
_NAME_KEYS = ("filename", "name")  # clients differ
_TYPE_KEYS = ("filetype", "type")


class UploadItem(msgspec.Struct, frozen=True, kw_only=True):
    """One file on its way in. It can be imported once `offset` equals `size`."""

    id: str
    name: str
    size: int | None
    offset: int
    media_type: str
    sha256: str | None
    expires_at: datetime | None
    job_id: str | None
    created_at: datetime
    completed_at: datetime | None
    links: dict[str, str]


class UploadList(Listing[UploadItem], frozen=True, kw_only=True):
    """Newest first."""


async def describe_server(call: Call[None, NoQuery]) -> web.Response:
    """OPTIONS: what this tus server can do; anybody may ask."""
    limits = call.operations.uploads.limits
    return web.Response(status=204, headers=tus.server_headers(max_bytes=limits.max_bytes))


async def create_upload(call: Call[None, NoQuery]) -> web.StreamResponse:
    """A tus creation, or the whole file as a form."""
    if call.request.content_type == "multipart/form-data":
        return await _create_from_form(call)
    tus.require_version(call.request.headers)
    operations = call.operations.uploads
    creation = tus.parse_creation(call.request.headers, max_bytes=operations.limits.max_bytes)
    wanted = NewUpload(
        name=_first(creation.metadata, _NAME_KEYS),
        size=creation.size,
        media_type=_first(creation.metadata, _TYPE_KEYS),
        metadata=creation.metadata,
        concat=creation.concat,
    )
    key = call.request.headers.get("Idempotency-Key")
    if creation.parts:
        return _created(await operations.join(call.principal, wanted, creation.parts, idempotency_key=key))
    upload = await operations.create(call.principal, wanted, idempotency_key=key)
    if creation.has_body and upload.offset == 0:
        upload = await operations.receive(
            call.principal, upload.id, _body_of(call.request), offset=0, checksum=creation.checksum
        )
    return _created(upload)


async def _create_from_form(call: Call[None, NoQuery]) -> web.StreamResponse:
    if odd := next((name for name in call.request.headers if name.lower().startswith(("tus-", "upload-"))), None):
        raise MalformedRequest("A form is sent without the header {header}, which is for tus.", header=odd)
    form = await FileForm.of(call.request)
    file = await form.find_file()
    upload = await call.operations.uploads.receive_whole(
        call.principal,
        NewUpload(name=form_name(file.filename or ""), size=None, media_type=file.headers.get("Content-Type", "")),
        form.chunks(file),
        idempotency_key=call.request.headers.get("Idempotency-Key"),
    )
    return _created(upload)


async def show_position(call: Call[None, NoQuery]) -> web.Response:
    """HEAD: where a client goes on."""
    if "Tus-Resumable" in call.request.headers:
        tus.require_version(call.request.headers)
    upload = await call.operations.uploads.position(call.principal, call.path["id"])
    headers = _state_headers(upload) | {"Cache-Control": "no-store"}
    if upload.concat is not None:
        headers["Upload-Concat"] = upload.concat
    if upload.metadata:
        headers["Upload-Metadata"] = tus.write_metadata(upload.metadata)
    return web.Response(headers=headers)


async def append_bytes(call: Call[None, NoQuery]) -> web.Response:
    """PATCH: the next bytes."""
    tus.require_version(call.request.headers)
    patch = tus.parse_patch(call.request.headers)
    upload = await call.operations.uploads.receive(
        call.principal,
        call.path["id"],
        _body_of(call.request),
        offset=patch.offset,
        checksum=patch.checksum,
        size=patch.size,
    )
    return web.Response(status=204, headers=_state_headers(upload))


async def delete_upload(call: Call[None, NoQuery]) -> web.Response:
    if "Tus-Resumable" in call.request.headers:
        tus.require_version(call.request.headers)
    await call.operations.uploads.delete(call.principal, call.path["id"])
    return web.Response(status=204)


async def change_upload(call: Call[None, NoQuery]) -> web.Response:
    """What `X-HTTP-Method-Override` says counts, as tus asks, not the request's own method: some environments can
    send nothing but POST.
    """
    method = call.request.headers.get("X-HTTP-Method-Override", call.request.method).upper()
    actions = {"PATCH": append_bytes, "HEAD": show_position, "DELETE": delete_upload}
    if method not in actions:
        raise MalformedRequest("Say PATCH, HEAD or DELETE in X-HTTP-Method-Override.")
    return await actions[method](call)


async def list_uploads(call: Call[None, PageById]) -> UploadList:
    page = await call.operations.uploads.search(
        call.principal, limit=call.query.limit, cursor=call.query.cursor, containing=call.query.q
    )
    return UploadList(items=[_item(upload) for upload in page.items], next_cursor=page.next_cursor, total=page.total)


async def get_upload(call: Call[None, NoQuery]) -> web.StreamResponse:
    """What became of the upload. With `Accept: application/octet-stream` the answer is the file itself: programs that
    were written for other tus servers expect it at this address.
    """
    chosen = {"Vary": "Accept"}
    if prefers(call.request.headers.get("Accept", ""), _FILE_TYPE, over="application/json"):
        return await _send_content(call, chosen)
    upload = await call.operations.uploads.find(call.principal, call.path["id"])
    return encoded(_item(upload), headers=chosen)


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


async def add_tus_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: tus clients want their version on every answer, errors included."""
    if not request.path.startswith(_PREFIX):
        return
    is_refused = response.status == web.HTTPPreconditionFailed.status_code
    if is_refused:
        response.headers["Tus-Version"] = tus.VERSION
    if is_refused or request.method != "GET" or "Tus-Resumable" in request.headers:
        response.headers["Tus-Resumable"] = tus.VERSION


async def _body_of(request: web.Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.content.iter_any():
            yield chunk
    except (OSError, web.RequestPayloadError, HttpProcessingError) as error:
        raise cut_off() from error


def _created(upload: Upload) -> web.Response:
    headers = _state_headers(upload) | {"Location": f"{_PREFIX}/{upload.id}"}
    return encoded(_item(upload), status=201, headers=headers)


def _state_headers(upload: Upload) -> dict[str, str]:
    is_joining = upload.has_parts and upload.completed_at is None
    offset = None if is_joining else upload.offset
    return tus.state_headers(offset=offset, size=upload.size, expires_at=upload.expires_at)


def _item(upload: Upload) -> UploadItem:
    place = f"{_PREFIX}/{upload.id}"
    return UploadItem(
        id=upload.id,
        name=upload.name,
        size=upload.size,
        offset=upload.offset,
        media_type=upload.media_type,
        sha256=upload.sha256,
        expires_at=upload.expires_at,
        job_id=upload.job_id,
        created_at=upload.created_at,
        completed_at=upload.completed_at,
        links={
            "self": place,
            "content": f"{place}/content",
            "preview": f"{place}/preview",
            "import": f"/imports/new?upload={upload.id}",
        },
    )


def _first(metadata: dict[str, str], names: tuple[str, ...]) -> str:
    return next((metadata[name] for name in names if metadata.get(name)), "")


_NUMBER = {"pattern": "^[0-9]{1,18}$"}


def _taken(*names: str, required: tuple[str, ...] = ()) -> list[Header]:
    """Headers of requests, in English as the whole description of the API."""
    known: dict[str, tuple[str, dict[str, Any]]] = {
        IDEMPOTENCY_KEY: ("The same key gives the same upload, however often it is sent.", KEY_SCHEMA),
        "Tus-Resumable": ("On every request of a tus client.", {"enum": [tus.VERSION]}),
        "Upload-Checksum": (
            "`sha256` or `sha1`, and in base64 the digest of the bytes in this request.",
            {"pattern": tus.CHECKSUM_PATTERN},
        ),
        "Upload-Concat": (
            "`partial` for a part; for their file, `final;` and the addresses of the parts.",
            {"pattern": tus.CONCAT_PATTERN},
        ),
        "Upload-Defer-Length": ("`1` until the length is said, which a PATCH may do.", {"enum": ["1"]}),
        "Upload-Length": ("The length of the whole file in bytes.", _NUMBER),
        "Upload-Metadata": (
            "`filename` and `filetype`, each with its value in base64, with commas between.",
            {"pattern": tus.METADATA_PATTERN},
        ),
        "Upload-Offset": ("How many bytes are stored.", _NUMBER),
        "X-HTTP-Method-Override": (
            "The method that is meant; the other headers are that method's.",
            {"enum": ["PATCH", "HEAD", "DELETE"]},
        ),
    }
    return [Header(name=name, said=known[name][0], schema=known[name][1], required=name in required) for name in names]


def _told(*names: str) -> dict[str, str]:
    """Headers of answers."""
    said = {
        "Location": "The upload.",
        "Tus-Checksum-Algorithm": "What may stand in `Upload-Checksum`.",
        "Tus-Extension": "What the server can do beyond the core of the protocol.",
        "Tus-Max-Size": "The largest file in bytes.",
        "Tus-Version": "`1.0.0`.",
        "Upload-Concat": "`partial` for a part; for their file, `final;` and the addresses of the parts.",
        "Upload-Defer-Length": "`1` until the length is said.",
        "Upload-Expires": "When it is removed if no more bytes come.",
        "Upload-Length": "The length of the whole file in bytes.",
        "Upload-Metadata": "As it came.",
        "Upload-Offset": "How many bytes are stored; not there while parts are being joined.",
    }
    return {name: said[name] for name in names}


_STATE = ("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Expires")

ENDPOINTS = [
    Endpoint(
        method="OPTIONS",
        path="/uploads",
        name="tus_options",
        handler=describe_server,
        summary="What the tus server can do",
        access="public",
        status=204,
        raw=True,
        answer_headers=_told("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    ),
    Endpoint(
        method="POST",
        path="/uploads",
        name="create_upload",
        handler=create_upload,
        summary="Announce a file (tus creation), or send it whole as multipart/form-data",
        access="write",
        answer=UploadItem,
        status=201,
        errors=(400, 404, 409, 412, 413, 415, 422, 460, 507),
        headers=_taken(
            "Tus-Resumable",
            "Upload-Length",
            "Upload-Defer-Length",
            "Upload-Concat",
            "Upload-Metadata",
            "Upload-Checksum",
            "Idempotency-Key",
        ),
        answer_headers=_told("Location", *_STATE),
        raw=True,
        body_type=("multipart/form-data", tus.BODY_TYPE),
        body_required=False,
    ),
    Endpoint(
        method="GET",
        path="/uploads",
        name="list_uploads",
        handler=list_uploads,
        summary="Your uploads, newest first",
        query=PageById,
        answer=UploadList,
    ),
    Endpoint(
        method="HEAD",
        path="/uploads/{id}",
        name="tus_position",
        handler=show_position,
        summary="How many bytes are stored (tus)",
        errors=(404, 412),
        headers=_taken("Tus-Resumable"),
        answer_headers=_told(*_STATE, "Upload-Concat", "Upload-Metadata"),
        raw=True,
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
        method="PATCH",
        path="/uploads/{id}",
        name="tus_append",
        handler=change_upload,
        summary="The next bytes (tus)",
        access="write",
        body_type=tus.BODY_TYPE,
        body_required=False,
        status=204,
        errors=(400, 403, 404, 409, 412, 413, 415, 423, 460, 507),
        headers=_taken(
            "Tus-Resumable",
            "Upload-Offset",
            "Upload-Length",
            "Upload-Checksum",
            required=("Tus-Resumable", "Upload-Offset"),
        ),
        answer_headers=_told(*_STATE),
        raw=True,
    ),
    Endpoint(
        method="POST",
        path="/uploads/{id}",
        name="tus_method_override",
        handler=change_upload,
        summary="PATCH, HEAD or DELETE by X-HTTP-Method-Override (tus)",
        access="write",
        status=204,
        other_statuses=(200,),
        headers=_taken("X-HTTP-Method-Override", "Tus-Resumable", required=("X-HTTP-Method-Override",)),
        errors=(400, 404, 409, 412, 413, 415, 423, 460, 507),
        raw=True,
    ),
    Endpoint(
        method="DELETE",
        path="/uploads/{id}",
        name="delete_upload",
        handler=change_upload,
        summary="Remove an upload and its file (tus termination)",
        access="write",
        status=204,
        errors=(404, 412, 423),
        headers=_taken("Tus-Resumable"),
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
