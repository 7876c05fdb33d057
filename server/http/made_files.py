"""Sends what was made for one request, and removes it once it is open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from server.errors import NotFound
from server.http.files import (
    Content,
    Disposition,
    address_of,
    content_disposition,
    redirected,
    send_pieces,
    with_charset,
)
from server.http.guards import require_principal
from server.http.parts import parts_of
from server.operations.made_files import MadeFile
from server.storage.blob_store import StoredBlob
from server.storage.file_pieces import pieces_of
from server.storage.scratch import remove


async def send_made_file(
    request: web.Request,
    file: MadeFile,
    *,
    disposition: Disposition | None = None,
    headers: Mapping[str, str] | None = None,
    reader: str = "",
) -> web.StreamResponse:
    """With its length, so that a browser shows how far the download is. Raises `RateLimited`.

    `reader` is whose answers these are where nobody is signed in.
    """
    head = {"Content-Type": with_charset(file.media_type), "Cache-Control": "private, no-store", **(headers or {})}
    if disposition is not None:
        head["Content-Disposition"] = content_disposition(disposition, file.name)
    if isinstance(file.content, bytes):
        return web.Response(body=file.content, headers=head)
    if isinstance(file.content, StoredBlob) and disposition == "attachment":
        elsewhere = address_of(request, file.content, name=file.name, media_type=head["Content-Type"])
        if elsewhere is not None:
            return redirected(elsewhere)
    response = web.StreamResponse(headers=head)
    try:
        with parts_of(request).answers.one_more(reader or require_principal(request).user_id):
            if isinstance(file.content, Path):
                return await _send_once(request, response, file.content)
            return await _send_kept(request, response, file.content)
    finally:
        if isinstance(file.content, Path):
            await asyncio.shield(asyncio.to_thread(remove, file.content))  # where it could not even be opened


def head_of_made_file(name: str, media_type: str) -> web.StreamResponse:
    """The answer to HEAD for an attachment: without its length, since the file would have to be made to know it."""
    return web.StreamResponse(
        headers={
            "Content-Type": with_charset(media_type),
            "Cache-Control": "private, no-store",
            "Content-Disposition": content_disposition("attachment", name),
        }
    )


async def _send_kept(request: web.Request, response: web.StreamResponse, content: Content) -> web.StreamResponse:
    return await send_pieces(request, response, content.stream(), size=await content.size())


async def _send_once(request: web.Request, response: web.StreamResponse, path: Path) -> web.StreamResponse:
    stream = await asyncio.to_thread(_opened, path)
    return await send_pieces(request, response, pieces_of(stream), size=os.fstat(stream.fileno()).st_size)


def _opened(path: Path) -> BinaryIO:
    """It loses its name at once: whatever happens while it is sent, nothing stays behind."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise NotFound from None
    path.unlink()
    return stream
