"""`/api/v1/uploads`: tus 1.0, and a whole file in one request for curl and forms."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from server.errors import MalformedRequest
from server.http.endpoint import Call, Endpoint, NoQuery, encoded
from server.operations.uploads import NewUpload
from server.uploads import tus
from server.uploads.files import Upload
from server.uploads.names import form_name
from views.api.tus_headers import STATE, taken, told
from views.api.upload_forms import FileForm, cut_off
from views.api.upload_items import PREFIX, UploadItem, upload_item

_NAME_KEYS = ("filename", "name")  # clients differ
_TYPE_KEYS = ("filetype", "type")


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


async def pause_upload(call: Call[None, NoQuery]) -> web.Response:
    """Everybody who looks is told that the upload is paused, until its next bytes come."""
    await call.operations.uploads.pause(call.principal, call.path["id"])
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


async def add_tus_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: tus clients want their version on every answer, errors included."""
    if not request.path.startswith(PREFIX):
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
    headers = _state_headers(upload) | {"Location": f"{PREFIX}/{upload.id}"}
    return encoded(upload_item(upload), status=201, headers=headers)


def _state_headers(upload: Upload) -> dict[str, str]:
    is_joining = upload.has_parts and upload.completed_at is None
    offset = None if is_joining else upload.offset
    return tus.state_headers(offset=offset, size=upload.size, expires_at=upload.expires_at)


def _first(metadata: dict[str, str], names: tuple[str, ...]) -> str:
    return next((metadata[name] for name in names if metadata.get(name)), "")


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
        answer_headers=told("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
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
        headers=taken(
            "Tus-Resumable",
            "Upload-Length",
            "Upload-Defer-Length",
            "Upload-Concat",
            "Upload-Metadata",
            "Upload-Checksum",
            "Idempotency-Key",
        ),
        answer_headers=told("Location", *STATE),
        raw=True,
        body_type=("multipart/form-data", tus.BODY_TYPE),
        body_required=False,
    ),
    Endpoint(
        method="HEAD",
        path="/uploads/{id}",
        name="tus_position",
        handler=show_position,
        summary="How many bytes are stored (tus)",
        errors=(404, 412),
        headers=taken("Tus-Resumable"),
        answer_headers=told(*STATE, "Upload-Concat", "Upload-Metadata"),
        raw=True,
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
        headers=taken(
            "Tus-Resumable",
            "Upload-Offset",
            "Upload-Length",
            "Upload-Checksum",
            required=("Tus-Resumable", "Upload-Offset"),
        ),
        answer_headers=told(*STATE),
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
        headers=taken("X-HTTP-Method-Override", "Tus-Resumable", required=("X-HTTP-Method-Override",)),
        errors=(400, 404, 409, 412, 413, 415, 423, 460, 507),
        raw=True,
    ),
    Endpoint(
        method="POST",
        path="/uploads/{id}/pause",
        name="pause_upload",
        handler=pause_upload,
        summary="Say that an upload is paused; its next bytes resume it",
        access="write",
        status=204,
        errors=(404, 423),
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
        headers=taken("Tus-Resumable"),
    ),
]
