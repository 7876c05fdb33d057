"""Cross-origin use of the API by the origins on the allow-list; everybody else gets no header at all."""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.http.parts import parts_of

OPENED = (
    "/api/v1/",
    "/events",
    "/graphql",
    "/static/js/live-",
)  # the last: the browser client, for pages of those origins
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS = ", ".join(
    (
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Last-Event-ID",
        "Range",
        "Tus-Resumable",
        "Upload-Checksum",
        "Upload-Concat",
        "Upload-Defer-Length",
        "Upload-Length",
        "Upload-Metadata",
        "Upload-Offset",
        "X-HTTP-Method-Override",
        "X-Request-ID",
        "X-Requested-With",
    )
)
_EXPOSED = ", ".join(
    (
        "Accept-Ranges",
        "Content-Disposition",
        "Content-Range",
        "ETag",
        "Location",
        "Retry-After",
        "Tus-Checksum-Algorithm",
        "Tus-Extension",
        "Tus-Max-Size",
        "Tus-Resumable",
        "Tus-Version",
        "Upload-Concat",
        "Upload-Defer-Length",
        "Upload-Expires",
        "Upload-Length",
        "Upload-Metadata",
        "Upload-Offset",
        "X-Request-ID",
    )
)
_PREFLIGHT_SECONDS = 600


def preflight_middleware() -> Middleware:
    """Answers the question a browser asks before it sends the real request."""

    @web.middleware
    def answer(request: web.Request, handler: Handler) -> Awaitable[web.StreamResponse]:
        # No coroutine: its frame would stay with every open socket.
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return _permission() if is_preflight and _listed_origin(request) is not None else handler(request)

    return answer


async def _permission() -> web.Response:
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        },
    )


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `app.on_response_prepare`, so that errors carry them too."""
    if not parts_of(request).settings.allowed_origins or not request.path.startswith(OPENED):
        return
    response.headers.add("Vary", "Origin")
    origin = _listed_origin(request)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin  # never `*`: it would not go with credentials
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _listed_origin(request: web.Request) -> str | None:
    origin = request.headers.get("Origin")
    is_listed = request.path.startswith(OPENED) and origin in parts_of(request).settings.allowed_origins
    return origin if is_listed else None
