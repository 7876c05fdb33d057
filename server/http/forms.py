"""What plain HTML forms send, checked before any page uses it: bounded, UTF-8, no files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.errors import MalformedRequest, UnsupportedMedia
from server.http.parts import parts_of
from server.http.storable import not_storable, why_not_storable

_HALF_CHARACTER = re.compile(rb"(?:\xed|%ED)(?:[\xa0-\xbf]|%[AB])", re.IGNORECASE)  # as UTF-8 would have it
_FORM = "application/x-www-form-urlencoded"
_LIMIT_BYTES = 64 * 1024
_MAX_FIELDS = 200


class Form(dict[str, str]):
    """The fields by name; of several with one name the last."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__(fields)
        self._fields = fields

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Each field, in order."""
        return self._fields

    def all(self, name: str) -> list[str]:
        """Each of that name, in order."""
        return [value for each, value in self._fields if each == name]


async def read_form(request: web.Request, *, limit_bytes: int = _LIMIT_BYTES, max_fields: int = _MAX_FIELDS) -> Form:
    """Raises `MalformedRequest`, `UnsupportedMedia` or `TooLarge` for what is no form that may be sent."""
    if not request.body_exists:
        return Form([])
    if request.content_type.startswith("multipart/"):
        raise UnsupportedMedia("Pages take no files; send them to /api/v1/uploads.")
    if request.content_type != _FORM:
        raise UnsupportedMedia("Send the form as application/x-www-form-urlencoded.")
    if request.charset is not None and request.charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMedia("Send the form in UTF-8.")
    raw = await parts_of(request).bodies.read(request, limit_bytes)
    if len(raw) <= _LIMIT_BYTES:
        return _parsed(raw, max_fields)
    return await asyncio.to_thread(_parsed, raw, max_fields)


def _parsed(raw: bytes, max_fields: int) -> Form:
    try:
        fields = parse_qsl(
            raw.decode("utf-8", "surrogatepass"),
            keep_blank_values=True,
            max_num_fields=max_fields,
            errors="surrogatepass",
        )
    except ValueError as error:  # no text, or too many fields
        raise MalformedRequest("The form cannot be read.") from error
    if b"\0" in raw or b"%00" in raw or _HALF_CHARACTER.search(raw):
        for name, value in fields:
            if why := why_not_storable(name) or why_not_storable(value):
                raise not_storable(name, why)
    return Form(fields)


def packed_body_middleware() -> Middleware:
    """Refuses a packed body of any request: 50 KB of it may be 50 MB, unpacked while everybody else waits."""

    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise UnsupportedMedia("Send the body as it is, without a Content-Encoding.")
        return handler(request)

    return check
