"""Every page's URL, its name and its handler."""

from __future__ import annotations

from aiohttp import web

PAGES: list[web.RouteDef] = []
