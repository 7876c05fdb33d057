"""Requests as traces: by method, route and status; never an address, a query, a header or a body."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.http.problems import REQUEST_ID
from server.http.traffic import method_of, route_of
from server.tracing import Tracing

_WATCHES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked for every few seconds, by machines


def trace_requests(tracing: Tracing) -> Middleware:
    """A caller's `traceparent` is linked to, and not gone on with: strangers must not decide what is collected."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_traced(request):
            return await handler(request)
        method, route = method_of(request), route_of(request)
        with tracing.request(f"{method} {route}", links=request.headers.getall("traceparent", [])[:1]) as span:
            span.tell(method=method, route=route, scheme=request.scheme)
            try:
                response = await handler(request)
            except web.HTTPException as answer:  # redirects
                span.tell(status=answer.status, request_id=request.get(REQUEST_ID, ""))
                raise
            span.tell(status=response.status, request_id=request.get(REQUEST_ID, ""))
            if response.status >= 500:
                span.fail(str(response.status))
            return response

    return trace


def _is_traced(request: web.Request) -> bool:
    """Live connections last for days: what they carry is counted, and no part of one trace."""
    is_live = "Upgrade" in request.headers or "text/event-stream" in request.headers.get("Accept", "")
    return not is_live and request.path not in _WATCHES and not request.path.startswith("/static/")
