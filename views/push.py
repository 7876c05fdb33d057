"""The script by which browsers show notifications though no page is open."""

from __future__ import annotations

from aiohttp import web

from server.http.parts import parts_of


async def service_worker(request: web.Request) -> web.StreamResponse:
    """At the root: a service worker is for what lies beside and below it."""
    response = parts_of(request).static_files.as_written("js/service-worker.js")
    response.content_type = "text/javascript"
    return response
