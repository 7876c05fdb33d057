"""Changes must come from our own pages: a browser says where a request was made, and cannot be made to lie."""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.errors import Forbidden
from server.http.addresses import own_origins
from server.http.cors import OPENED
from server.http.guards import current_principal
from server.http.parts import parts_of
from server.http.sessions import bearer_token, device_of

# They act on a code that only its holder knows, and not on a cookie. Their pages tell no referrer, which makes browsers
# call the origin `null`; only over TLS and on this machine do they say by another header where a request was made.
_BY_CODE = frozenset({"/invitation", "/reset-password", "/mail/confirm", "/mail/stop"})
_BY_LINK = ("/s/", "/unsubscribe/")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin_middleware() -> Middleware:
    @web.middleware
    def check(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        # No browser adds a token by itself, so a request with one was meant by whoever holds the token.
        if request.method not in _SAFE and not _is_meant(request):
            raise Forbidden("This request came from another site and was refused.", code="cross_origin")
        return handler(request)

    return check


def _is_meant(request: web.Request) -> bool:
    if bearer_token(request) is not None or is_same_origin(request):
        return True
    is_unsaid = request.headers.get("Origin") == "null" and "Sec-Fetch-Site" not in request.headers
    return is_unsaid and (request.path in _BY_CODE or request.path.startswith(_BY_LINK))


def is_same_origin(request: web.Request) -> bool:
    """Whether it comes from our own pages, or from no browser at all."""
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
    is_somebodys = current_principal(request) is not None or device_of(request) is not None
    parts_of(request).refused_origins.note(origin, own, site=site, is_somebodys=is_somebodys)
    return False
