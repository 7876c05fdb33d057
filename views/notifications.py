"""The bell: what somebody was told, and marking it as looked at."""

from __future__ import annotations

from aiohttp import web

from server.http import keys
from server.http.guards import require_principal
from views.context import render


async def notifications_panel(request: web.Request) -> web.Response:
    """The content of the bell's panel; `X-Unread` is the number on the bell."""
    told = await request.app[keys.NOTIFICATIONS].latest(require_principal(request))
    response = render(request, "_notifications.html", told=told)
    response.headers["X-Unread"] = str(told.unread)
    return response


async def mark_notifications_read(request: web.Request) -> web.Response:
    await request.app[keys.NOTIFICATIONS].mark_read(require_principal(request))
    if "X-Fragment" in request.headers:
        return web.Response(status=204)
    raise web.HTTPSeeOther("/")
