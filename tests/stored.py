"""What a server keeps that is not a row, wherever it keeps it."""

from __future__ import annotations

from tests.conftest import Server


async def upload_ids(server: Server) -> set[str]:
    """Of which there are bytes, or a place for them."""
    return {found.upload_id async for found in server.parts.uploads.pieces.all()}


async def blob_keys(server: Server, *kinds: str) -> list[str]:
    kinds = kinds or ("datasets", "imports", "reports", "images")
    return sorted([found.key for kind in kinds async for found in server.parts.storage.blobs.under(kind)])
