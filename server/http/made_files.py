"""Sends what was made for one request, and removes it once it is open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from server.errors import Gone
from server.http.files import Disposition, content_disposition
from server.http.guards import require_principal
from server.http.parts import parts_of
from server.operations.made_files import MadeFile, remove

_CHUNK_BYTES = 64 * 1024


async def send_made_file(
    request: web.Request,
    file: MadeFile,
    *,
    disposition: Disposition | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """With its length, so that a browser shows how far the download is. Raises `RateLimited`."""
    head = {"Content-Type": _content_type(file.media_type), "Cache-Control": "private, no-store", **(headers or {})}
    if disposition is not None:
        head["Content-Disposition"] = content_disposition(disposition, file.name)
    if file.path is None:
        return web.Response(body=file.content, headers=head)
    try:
        with parts_of(request).answers.one_more(require_principal(request).user_id):
            return await _send(request, file.path, head, is_temporary=file.temporary)
    finally:
        if file.temporary:
            await asyncio.shield(asyncio.to_thread(remove, file.path))  # where it could not even be opened


def head_of_made_file(name: str, media_type: str) -> web.StreamResponse:
    """The answer to HEAD for an attachment: without its length, since the file would have to be made to know it."""
    return web.StreamResponse(
        headers={
            "Content-Type": _content_type(media_type),
            "Cache-Control": "private, no-store",
            "Content-Disposition": content_disposition("attachment", name),
        }
    )


async def _send(request: web.Request, path: Path, head: Mapping[str, str], *, is_temporary: bool) -> web.StreamResponse:
    stream = await asyncio.to_thread(_opened, path, is_temporary)
    try:
        response = web.StreamResponse(headers=head)
        response.content_length = os.fstat(stream.fileno()).st_size
        await response.prepare(request)
        if request.method != "HEAD":
            while chunk := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
                await response.write(chunk)
        await response.write_eof()
        return response
    finally:
        stream.close()


def _opened(path: Path, is_temporary: bool) -> BinaryIO:
    """A temporary file loses its name at once: whatever happens while it is sent, nothing stays behind."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:  # one that is kept, and was deleted at this moment
        raise Gone from None
    if is_temporary:
        path.unlink()
    return stream


def _content_type(media_type: str) -> str:
    is_text = media_type.startswith("text/") and ";" not in media_type
    return f"{media_type}; charset=utf-8" if is_text else media_type
