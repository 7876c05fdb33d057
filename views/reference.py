"""The HTTP API as pages: an overview with a search, and a page for each section. They need no scripts to be read."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from server.errors import NotFound
from server.http.addresses import is_secure
from server.http.based_requests import base_path_of
from server.http.parts import parts_of
from views.context import render
from views.reference_operations import ApiReference, ShownOperation, reference_of
from views.reference_sections import SECTIONS, error_codes


async def reference_page(request: web.Request) -> web.Response:
    """All operations, or those that have all words of `q` in their address, their summary or their name."""
    reference = await _reference(request)
    words = request.query.get("q", "").casefold().split()
    found = {name: [each for each in found if _has(each, words)] for name, found in reference.operations.items()}
    return await _page(
        request,
        "docs/http.html",
        q=request.query.get("q", ""),
        found=found,
        errors=error_codes(),
        server=_server(request),
    )


async def section_page(request: web.Request) -> web.Response:
    section = next((each for each in SECTIONS if each.name == request.match_info["section"]), None)
    if section is None:
        raise NotFound
    reference = await _reference(request)
    return await _page(
        request,
        "docs/section.html",
        section=section,
        operations=reference.operations[section.name],
        types=reference.types.get(section.name, ()),
    )


def _server(request: web.Request) -> str:
    """As programs are told where it is."""
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{request.host}{base_path_of(request).text}"


async def _page(request: web.Request, template: str, **values: Any) -> web.Response:
    response = await render(request, template, sections=SECTIONS, **values)
    response.enable_compression()  # in a thread: to a tenth
    return response


async def _reference(request: web.Request) -> ApiReference:
    document = parts_of(request).api_document
    return await asyncio.to_thread(lambda: reference_of(document()))


def _has(operation: ShownOperation, words: list[str]) -> bool:
    text = f"{operation.method} {operation.path} {operation.id} {operation.summary}".casefold()
    return all(word in text for word in words)
