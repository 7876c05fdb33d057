"""Sends files that were made for one request, and removes them once they are sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import BinaryIO

from aiohttp import web

from server.datasets.export import MEDIA_TYPES, ExportFormat
from server.http.files import content_disposition
from server.operations.datasets import Export

_CHUNK_BYTES = 256 * 1024


async def send_export(request: web.Request, export: Export) -> web.StreamResponse:
    """The file with its length, so that a browser shows how far the download is."""
    stream = await asyncio.to_thread(_opened, export)
    try:
        response = _attachment(export.name, MEDIA_TYPES[export.format])
        response.content_length = os.fstat(stream.fileno()).st_size
        await response.prepare(request)
        if request.method != "HEAD":
            while chunk := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
                await response.write(chunk)
        await response.write_eof()
        return response
    finally:
        stream.close()


def export_head(name: str, file_format: ExportFormat) -> web.StreamResponse:
    """The answer to HEAD: no length, since the file would have to be made to know it."""
    return _attachment(name, MEDIA_TYPES[file_format])


def _opened(export: Export) -> BinaryIO:
    """A temporary file loses its name at once: whatever happens while it is sent, nothing stays behind."""
    stream = export.path.open("rb")
    if export.temporary:
        export.path.unlink()
    return stream


async def send_pieces(
    request: web.Request, pieces: Iterator[bytes], *, name: str, media_type: str
) -> web.StreamResponse:
    """Something written while it is sent; making a piece may block, so it happens in a thread."""
    response = _attachment(name, media_type)
    await response.prepare(request)
    while request.method != "HEAD" and (piece := await asyncio.to_thread(next, pieces, None)) is not None:
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
