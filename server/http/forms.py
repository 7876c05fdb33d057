"""What plain HTML forms send, checked before any page reads it: bounded, UTF-8, no files."""

from __future__ import annotations

from collections.abc import Awaitable
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.errors import MalformedRequest, TooLarge, UnsupportedMedia
from server.http.values import NUL_REFUSED

_FORM = "application/x-www-form-urlencoded"
_LIMIT_BYTES = 64 * 1024
_MAX_FIELDS = 200


def form_middleware() -> Middleware:
    """Refuses what would make `request.post()` fail: unknown charsets, bytes that are no text, broken multipart.

    And, of any request, a packed body: 50 KB of it may be 50 MB, unpacked while everybody else waits.
    """

    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine where there is nothing to check: its frame would stay with every open socket.
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise UnsupportedMedia("Send the body as it is, without a Content-Encoding.")
        has_form = request.method == "POST" and not request.path.startswith("/api/") and request.body_exists
        return _checked(request, handler) if has_form else handler(request)

    return check


async def _checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    _require_utf8(request)
    if request.content_type == _FORM:
        _text(await request.read())  # aiohttp keeps it for the handler
    elif request.content_type.startswith("multipart/"):
        raise UnsupportedMedia("Pages take no files; send them to /api/v1/uploads.")
    return await handler(request)


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields by name; of several with one name the last. Raises `MalformedRequest` for what is no form."""
    if request.content_type != _FORM:
        raise UnsupportedMedia("Send the form as application/x-www-form-urlencoded.")
    raw = await request.read()
    if len(raw) > _LIMIT_BYTES:
        raise TooLarge
    try:
        return dict(parse_qsl(_text(raw), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise MalformedRequest("The form cannot be read.") from error


def _require_utf8(request: web.Request) -> None:
    if request.charset is not None and request.charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMedia("Send the form in UTF-8.")


def _text(raw: bytes) -> str:
    if b"\0" in raw or b"%00" in raw:
        raise MalformedRequest(NUL_REFUSED)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedRequest("The form cannot be read.") from error
