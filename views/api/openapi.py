"""`/openapi.json`: the API tells what it can do."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from server.http.endpoint import Call, Endpoint, NoQuery


async def openapi_json(call: Call[None, NoQuery]) -> web.Response:
    response = web.Response(body=await asyncio.to_thread(call.parts.api_document), content_type="application/json")
    response.enable_compression()  # in a thread: to a tenth
    return response


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/openapi.json",
        name="api_openapi",
        handler=openapi_json,
        summary="This document",
        access="public",
        answer=dict[str, Any],
    )
]
