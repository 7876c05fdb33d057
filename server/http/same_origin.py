"""Changes must come from our own pages: a browser says where a request was made, and cannot be made to lie."""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.errors import Forbidden
from server.http.addresses import own_origins
from server.http.cors import OPENED
from server.http.parts import parts_of
from server.http.sessions import bearer_token

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin_middleware() -> Middleware:
    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        # No browser adds a token by itself, so a request with one was meant by whoever holds the token.
        if request.method not in _SAFE and bearer_token(request) is None and not _is_same_origin(request):
            raise Forbidden("This request came from another site and was refused.", code="cross_origin")
        return handler(request)

    return check


def _is_same_origin(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none"):
        return True
    if origin is None:
        return site is None  # neither header: no browser, so no cookie that somebody else could misuse
    # Without Sec-Fetch-Site (plain HTTP, older browsers), or from an origin that the API is open to.
    is_listed = request.path.startswith(OPENED) and origin in parts_of(request).settings.allowed_origins
    own = own_origins(request)
    if is_listed or origin.lower() in own:
        return True
    parts_of(request).refused_origins.note(origin, own, site=site)
    return False
