"""The screen on a wall: a page without a secret in its address, which asks for its figures with one."""

from __future__ import annotations

from aiohttp import web

from server.http.endpoint import encoded
from server.http.parts import operations_of
from views.api.monitoring import monitoring_answer
from views.context import render

_SCHEME = "Wall"  # not `Bearer`, which is tried for users'; logs of proxies leave `Authorization` out


async def wall_page(request: web.Request) -> web.Response:
    """The frame: static/js/wall.js takes the secret from behind the `#`."""
    return await render(request, "wall/wall.html")


async def wall_figures(request: web.Request) -> web.Response:
    figures = await operations_of(request).wall.figures(_secret(request))
    return await render(request, "wall/_figures.html", figures=figures, present=figures.present)


async def wall_history(request: web.Request) -> web.Response:
    found = await operations_of(request).wall.history(_secret(request))
    return encoded(monitoring_answer(found), headers={"Cache-Control": "no-store"})


def _secret(request: web.Request) -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme == _SCHEME else ""
