"""Something to start with: a sample file that takes the same way as one's own, and the templates that fit it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from server.auth.permissions import Principal
from server.operations.templates import TemplateOperations
from server.operations.uploads import NewUpload, UploadOperations
from server.uploads.files import Upload

_CHUNK_BYTES = 256 * 1024


class SampleOperations:
    """The samples are files of the program; each user gets copies of their own."""

    def __init__(self, *, uploads: UploadOperations, templates: TemplateOperations, sample: Path) -> None:
        self._uploads = uploads
        self._templates = templates
        self._sample = sample

    async def start(self, principal: Principal) -> Upload:
        """Upload the sample file for the caller and give them the sample templates they don't have yet."""
        size = await asyncio.to_thread(lambda: self._sample.stat().st_size)
        upload = await self._uploads.create(  # first: it is what a full disk refuses
            principal, NewUpload(name=self._sample.name, size=size, media_type="text/csv")
        )
        await self._templates.install_samples(principal)
        return await self._uploads.receive(principal, upload.id, chunks_of(self._sample), offset=0)


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    stream = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
            yield chunk
    finally:
        stream.close()
