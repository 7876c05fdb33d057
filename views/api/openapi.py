"""`/openapi.json`: the API tells what it can do."""

from __future__ import annotations

from typing import Any

from server.http import keys
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.openapi import openapi_document


async def openapi_json(call: Call[None, NoQuery]) -> dict[str, Any]:
    endpoints = call.request.app[keys.ENDPOINTS]
    return openapi_document(endpoints)


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
