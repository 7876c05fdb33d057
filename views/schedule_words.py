"""When a schedule comes, in the words of whoever reads the page."""

from __future__ import annotations

from aiohttp import web

from server.schedules.said_times import said_times
from views.context import formats_for


def said_when(request: web.Request, cron: str) -> str | None:
    """None for what there are no words for, and for what comes at no times."""
    reader = formats_for(request)
    return said_times(cron, reader.gettext, reader.locale) if cron else None
