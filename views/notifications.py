"""The bell: what somebody was told, the page with all of it, and marking it as looked at."""

from __future__ import annotations

from aiohttp import web

from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from views.context import render

_PER_PAGE = 50


async def notifications_page(request: web.Request) -> web.Response:
    """All that is kept; for the bell's panel the newest, with `X-Unread` for the bell and `X-Newest` to mark it by."""
    principal = require_principal(request)
    operations = operations_of(request).notifications
    if "X-Fragment" not in request.headers:
        told = await operations.latest(principal, limit=_PER_PAGE, before=_offset(request, "before"))
        return await render(request, "notifications/list.html", told=told)
    told = await operations.latest(principal)
    response = await render(request, "_notifications.html", told=told)
    response.headers["X-Unread"] = str(told.unread)
    response.headers["X-Newest"] = str(told.newest)
    return response


async def mark_notifications_read(request: web.Request) -> web.Response:
    """`?until=` is the newest one that was shown."""
    principal = require_principal(request)
    unread = await operations_of(request).notifications.mark_read(principal, until=_offset(request, "until"))
    if "X-Fragment" in request.headers:
        return web.Response(status=204, headers={"X-Unread": str(unread)})
    raise web.HTTPSeeOther("/notifications" if request.query.get("back") == "notifications" else "/")


def _offset(request: web.Request, name: str) -> int | None:
    return whole_number(request.query.get(name))
