"""Sends files that were made for one request, and removes them once they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from aiohttp import web

from server.datasets.export import MEDIA_TYPES
from server.http.files import content_disposition
from server.operations.datasets import Export

_CHUNK_BYTES = 256 * 1024


async def send_export(request: web.Request, export: Export) -> web.StreamResponse:
    """The file with its length, so that a browser shows how far the download is."""
    try:
        size = (await asyncio.to_thread(export.path.stat)).st_size
        response = _attachment(export.name, MEDIA_TYPES[export.format])
        response.content_length = size
        await response.prepare(request)
        if request.method != "HEAD":
            async for chunk in _chunks(export.path):
                await response.write(chunk)
        await response.write_eof()
        return response
    finally:
        if export.temporary:
            await asyncio.shield(asyncio.to_thread(export.path.unlink, missing_ok=True))


async def send_pieces(
    request: web.Request, pieces: Iterator[bytes], *, name: str, media_type: str
) -> web.StreamResponse:
    """Something written while it is sent; making a piece may block, so it happens in a thread."""
    response = _attachment(name, media_type)
    await response.prepare(request)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        await response.write(piece)
    await response.write_eof()
    return response


def _attachment(name: str, media_type: str) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Disposition": content_disposition("attachment", name), "Cache-Control": "private, no-store"}
    )
    response.content_type = media_type
    if media_type.startswith("text/"):
        response.charset = "utf-8"
    return response


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    stream = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
            yield chunk
    finally:
        stream.close()
