"""What makes these pages an app: its manifest, the script by which the browser shows notifications though no page is
open, and the page that it shows while this server cannot be reached.
"""

from __future__ import annotations

from aiohttp import web

from server.http.based_requests import base_path_of
from server.http.parts import parts_of
from views.context import language_of, render

_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
_DARK = "#191b22"


async def service_worker(request: web.Request) -> web.StreamResponse:
    """At the root: a service worker is for what lies beside and below it."""
    response = parts_of(request).static_files.as_written("js/service-worker.js")
    response.content_type = "text/javascript"
    return response


async def manifest(request: web.Request) -> web.Response:
    base, files = base_path_of(request), parts_of(request).static_files
    home = base.outside("/")
    icons = [
        {"src": base.outside(files.address(f"img/{name}")), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, sizes, purpose in _ICONS
    ]
    told = {
        "id": home,
        "name": "Jindu 进度",
        "short_name": "Jindu",
        "lang": language_of(request),
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": _DARK,
        "theme_color": _DARK,
        "icons": icons,
    }
    response = web.json_response(told, content_type="application/manifest+json")
    response.headers["Cache-Control"] = "no-cache"
    return response


async def offline(request: web.Request) -> web.Response:
    """Kept by the service worker: it holds nothing of anybody."""
    return await render(request, "offline.html")
