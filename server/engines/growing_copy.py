"""A local copy of a file while it goes elsewhere, for whoever reads it next on this machine: it spares them bringing it
back.

It is a help and no more: where its disk has no room, or fails, there is none, and nobody is told.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from server.engines.blob_cache import BlobCache


class GrowingCopy:
    """To be ended by `keep` or `drop`."""

    def __init__(self, cache: BlobCache, path: Path, stream: BinaryIO, size: int) -> None:
        """Of `size` bytes by now, for which the cache has room."""
        self._cache = cache
        self._path = path
        self._stream: BinaryIO | None = stream  # None once there was no room
        self._room = size
        self.size = size

    @classmethod
    async def begun(cls, cache: BlobCache, *, after: str | None) -> Self | None:
        """One that goes on from what is kept as `after`; None if nothing is. The beginning is then no copy any more."""
        try:
            path, size = (await cache.new_place(), 0) if after is None else await cache.take(after)
            return cls(cache, path, await asyncio.to_thread(path.open, "ab"), size)
        except OSError:
            return None

    async def make_room(self, size: int) -> None:
        """For as many bytes more; without it nothing is written any more."""
        if self._stream is None:
            return
        if await self._cache.reserve(size):
            self._room += size
        else:
            await self.drop()

    def write(self, data: bytes) -> None:
        """Blocks on the disk: use a thread."""
        if self._stream is None:
            return
        try:
            self._stream.write(data)
        except OSError:
            return  # `size` tells
        self.size += len(data)

    async def keep(self, key: str, sha256: str) -> None:
        """Of all that was written."""
        if self._stream is None:
            return
        try:
            await asyncio.to_thread(self._stream.close)
            self._end()
            await self._cache.keep(key, self._path, sha256)
        except OSError:
            await self.drop()

    async def drop(self) -> None:
        if self._stream is not None:
            with suppress(OSError):
                await asyncio.to_thread(self._stream.close)
        self._end()
        with suppress(OSError):
            await asyncio.to_thread(self._path.unlink, missing_ok=True)

    def _end(self) -> None:
        self._stream = None
        self._cache.release(self._room)
        self._room = 0
