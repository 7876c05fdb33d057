"""Where pictures come from: those of templates are the newest whole uploads of their names, copied when first shown;
logos of brands are sent here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from server.clock import Clock, utc_now
from server.errors import InvalidInput
from server.jobs.shared_workers import SharedWorkers
from server.reports.brand import Brand, Logo
from server.reports.work import CopiedLogo, CopyRequest, copy_image, copy_logo
from server.storage.blob_store import BlobStore
from server.storage.full_disk import full_disk_named
from server.storage.repeating import ONCE_IT_SERVES, repeat
from server.storage.room import Room
from server.storage.scratch import Scratch
from server.uploads.files import Upload, UploadStore
from server.uploads.pieces import Pieces

_LOG = logging.getLogger(__name__)
_PREFIX = "images"
_CHECK_SECONDS = 20.0
_SWEEP_SECONDS = 3600.0
_UNUSED_AFTER = timedelta(days=1)  # an order that is being stored names its pictures within seconds


class ImageLibrary:
    """`used` tells the keys that batches name."""

    def __init__(
        self,
        uploads: UploadStore,
        pieces: Pieces,
        *,
        blobs: BlobStore,
        scratch: Scratch,
        workers: SharedWorkers,
        room: Room,
        used: Callable[[], Awaitable[Collection[str]]],
        clock: Clock = utc_now,
    ) -> None:
        self._uploads = uploads
        self._pieces = pieces
        self._blobs = blobs
        self._scratch = scratch
        self._workers = workers
        self._room = room
        self._used = used
        self._clock = clock

    async def pinned(self, owner_id: str, names: Iterable[str]) -> dict[str, str]:
        """Blob keys by name, of copies that stay when the upload goes. Raises `InvalidInput` naming what is missing."""
        return {name: await self._pin(owner_id, name) for name in names}

    async def logo(self, owner_id: str, content: bytes) -> Logo:
        """Keep a picture for a brand that will name it. Raises `InvalidInput` for what is none, or damaged."""
        self._room.require(len(content))
        async with self._scratch.workplace() as directory:
            source, target = directory / "sent", directory / "picture"
            with full_disk_named():
                await asyncio.to_thread(source.write_bytes, content)
            request = CopyRequest(source=source, name="logo", target=target)
            copied: CopiedLogo = await self._workers.run(owner_id, copy_logo, request, timeout_seconds=_CHECK_SECONDS)
            key = f"{_PREFIX}/{copied.sha256}"
            await self._blobs.publish(target, key)
        return Logo(blob=key, media_type=copied.media_type, size=copied.size, width=copied.width, height=copied.height)

    async def watch(self) -> None:
        """Sweep soon and then every hour, until cancelled."""
        await repeat(
            self.sweep,
            every_seconds=_SWEEP_SECONDS,
            log=_LOG,
            failed="unused pictures could not be removed",
            action="images.sweep",
            first_after_seconds=ONCE_IT_SERVES,
        )

    async def sweep(self) -> None:
        """Delete copies that no batch shows any more, and that nobody has asked for in the last day."""
        used = set(await self._used())
        # In this order: whoever asks for a picture publishes it anew before storing that it is used, so one that became
        # used since we asked is new by now. What is left is the moment between the list and the deletion.
        before = self._clock() - _UNUSED_AFTER
        async for found in self._blobs.under(_PREFIX):
            if found.changed_at < before and found.key not in used:
                await self._blobs.delete(found.key)

    async def _pin(self, owner_id: str, name: str) -> str:
        upload = await self._uploads.newest_whole(owner_id, name)
        if upload is None:
            raise InvalidInput(
                "The template shows “{name}”, but you have no uploaded file of that name. Upload the picture first.",
                name=name,
            )
        return await self._copy(owner_id, upload, name)

    async def _copy(self, owner_id: str, upload: Upload, name: str) -> str:
        self._room.require(upload.size or 0)
        async with self._scratch.workplace() as directory:
            target = directory / "picture"
            async with self._pieces.whole(upload.id, size=upload.offset) as source:
                request = CopyRequest(source=source, name=name, target=target)
                sha256: str = await self._workers.run(owner_id, copy_image, request, timeout_seconds=_CHECK_SECONDS)
            # Named by its content: the same logo in a hundred batches is one file. Published also when it is there:
            # then it counts as new, and is not swept before the order that asks for it is stored.
            key = f"{_PREFIX}/{sha256}"
            await self._blobs.publish(target, key)
        return key


@asynccontextmanager
async def fetched_images(pinned: Mapping[str, str], blobs: BlobStore) -> AsyncIterator[dict[str, Path]]:
    """Files by name, to be read inside the block."""
    async with blobs.fetch(list(pinned.values())) as paths:
        yield dict(zip(pinned, paths, strict=True))


@asynccontextmanager
async def fetched_logo(brand: Brand, blobs: BlobStore) -> AsyncIterator[Path | None]:
    """The file of a brand's logo, to be read inside the block."""
    keys = [brand.logo.blob] if brand.logo else []
    async with blobs.fetch(keys) as paths:
        yield paths[0] if paths else None
