"""Gives each request its id, which its answer and every line of the log about it have, and logs how it was answered."""

from __future__ import annotations

import logging
import secrets
import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.http.guards import current_principal
from server.http.problems import REQUEST_ID
from server.logs import about

_LOG = logging.getLogger("jindu.http")
_CHANGING = frozenset({"POST", "PUT", "DELETE"})  # no pieces of files: those are PATCH, and thousands
# What a live connection says that has no WebSocket: subscriptions, and a ping every few seconds.
_OF_LIVE_CONNECTIONS = frozenset({"/events/{client_id}"})
_WATCHES = frozenset({"/healthz", "/readyz"})  # asked every second; what they answer is logged where it changes


def request_lines() -> Middleware:
    """Outermost, but for what counts."""

    @web.middleware
    async def name(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = secrets.token_hex(8)
        began = time.monotonic()
        with about(request=request[REQUEST_ID]):
            try:
                response = await handler(request)
            except web.HTTPException as redirection:
                _log(request, redirection.status, time.monotonic() - began)
                raise
            _log(request, response.status, time.monotonic() - began)
            return response

    return name


def _log(request: web.Request, status: int, seconds: float) -> None:
    """By its route: what stands in an address may be a secret. Those that only read are for whoever debugs.

    So are those of strangers that were refused: they could fill the disk, and `jindu.strangers` says some of them.
    """
    resource, principal = request.match_info.route.resource, current_principal(request)
    route = resource.canonical if resource else "unmatched"
    is_change = request.method in _CHANGING and route not in _OF_LIVE_CONNECTIONS
    has_changed = is_change and (principal is not None or status < 400)
    is_failure = status >= 500 and route not in _WATCHES
    level = logging.INFO if has_changed or is_failure else logging.DEBUG
    extra: dict[str, object] = {"action": "answer", "status": status, "milliseconds": round(seconds * 1_000, 1)}
    if principal is not None:
        extra["user"] = principal.user_id
    _LOG.log(level, "%s %s", request.method, route, extra=extra)
