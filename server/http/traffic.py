"""Requests that were answered since the start, by route: how many, how, and how long it took."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.metrics import Histogram, HistogramCounts

CAME_AT = web.RequestKey("came_at", float)  # by time.monotonic
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_UNMATCHED = "unmatched"  # whatever strangers ask for must not become a series of figures each
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequests:
    """`by_route`: method, route as it is written in the router, and status, to how many. Seconds in the histogram."""

    by_route: dict[tuple[str, str, int], int]
    took: HistogramCounts


class HttpTraffic:
    def __init__(self) -> None:
        self._by_route: Counter[tuple[str, str, int]] = Counter()
        self._took = Histogram(_BOUNDS)

    def middleware(self) -> Middleware:
        """Outermost: it sees the answers to errors, too. Streams of live messages count, but take no time."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            began, status = time.monotonic(), 500
            request[CAME_AT] = began
            try:
                response = await handler(request)
            except web.HTTPException as answer:  # redirects
                status = answer.status
                raise
            else:
                status = response.status
                if response.content_type == "text/event-stream" or status == 101:
                    began = time.monotonic()
                return response
            finally:
                self.answered(method_of(request), route_of(request), status, seconds=time.monotonic() - began)

        return count

    def answered(self, method: str, route: str, status: int, *, seconds: float) -> None:
        """Also what comes by no HTTP, with the status that says the same."""
        self._took.observe(seconds)
        self._by_route[method, route, status] += 1

    def statistics(self) -> AnsweredRequests:
        return AnsweredRequests(by_route=dict(self._by_route), took=self._took.counts())


def method_of(request: web.Request) -> str:
    return request.method if request.method in _KNOWN_METHODS else "other"


def route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else _UNMATCHED
