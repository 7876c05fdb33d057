"""Where everything stands in the aiohttp application: one typed key a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from server.languages import Languages
from server.settings import Settings

if TYPE_CHECKING:
    from server.http.endpoint import Endpoint

SETTINGS = web.AppKey("settings", Settings)
LANGUAGES = web.AppKey("languages", Languages)
ENDPOINTS: web.AppKey[list[Endpoint]] = web.AppKey("endpoints", list)
