"""What a server keeps that is not a row, wherever it keeps it."""

from __future__ import annotations

from server.app.parts import Parts
from server.care.named_files import BLOB_KINDS


async def upload_ids(parts: Parts) -> set[str]:
    """Of which there are bytes, or a place for them."""
    return {found.upload_id async for found in parts.uploads.pieces.all()}


async def blobs_of(parts: Parts, *kinds: str) -> dict[str, int]:
    """By key how large each is; of all kinds unless some are named."""
    return {found.key: found.size for kind in kinds or BLOB_KINDS async for found in parts.storage.blobs.under(kind)}


async def bytes_of(parts: Parts, *kinds: str) -> int:
    return sum((await blobs_of(parts, *kinds)).values())
