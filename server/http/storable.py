"""What no text may hold that is to be stored: refused at every door by name, whichever database stands behind it.

NUL is in no text of PostgreSQL, and half a character (a lone surrogate, as JSON can escape it) in no UTF-8 at all.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.errors import FieldError, InvalidInput

NUL_REFUSED = "A text cannot hold the character NUL (U+0000)."
HALF_REFUSED = "A text cannot hold half a character (U+D800 to U+DFFF): send it in UTF-8."
_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_NUL = "%00"


def why_not_storable(text: str) -> str | None:
    """The sentence to refuse it with; None for a text that can be stored."""
    if "\0" in text:
        return NUL_REFUSED
    return HALF_REFUSED if not text.isascii() and _HALF.search(text) else None


def not_storable(field: str, why: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=why)])


def require_storable(value: object, place: str = "") -> None:
    """Raises `InvalidInput` naming where in a decoded body it is."""
    if isinstance(value, str) and (why := why_not_storable(value)):
        raise not_storable(place, why)
    if isinstance(value, list):
        for number, each in enumerate(value):
            require_storable(each, f"{place}[{number}]")
    if isinstance(value, dict):
        for key, each in value.items():
            require_storable(key, place)
            require_storable(each, f"{place}.{key}".removeprefix("."))


def require_storable_address(request: web.Request) -> None:
    """Raises `InvalidInput` for an address with NUL in it. Half a character does not come through its decoding."""
    if _ESCAPED_NUL in request.raw_path:
        raise not_storable(_field_of(request.raw_path), NUL_REFUSED)


def address_middleware() -> Middleware:
    """The same of everything but the API, which asks first who may know."""

    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        if not request.path.startswith("/api/"):
            require_storable_address(request)
        return handler(request)

    return check


def _field_of(raw_path: str) -> str:
    """The parameter that has it; "" for the path itself."""
    for pair in raw_path.partition("?")[2].split("&"):
        if _ESCAPED_NUL in pair:
            return unquote_plus(pair.partition("=")[0]).replace("\0", "")
    return ""
