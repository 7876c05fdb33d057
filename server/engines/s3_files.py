"""Blobs in an S3 store: put there whole, read from copies on this machine that are proven by their checksum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from server.engines.blob_cache import BlobCache
from server.engines.s3_bucket import SHA256, S3Bucket
from server.engines.s3_signing import SignedAddresses
from server.storage.blob_store import FileDamaged, FoundBlob, require_key
from server.storage.file_pieces import sha256_of_file, written

BLOBS = "blobs"  # below the prefix of the bucket


class S3Files:
    """A `BlobStore`. The row that names a file is what counts: nothing rests on who put an object first."""

    def __init__(self, bucket: S3Bucket, cache: BlobCache, *, addresses: SignedAddresses | None = None) -> None:
        """`addresses`: for downloads that need not come through here."""
        self._bucket = bucket
        self._addresses = addresses
        self._cache = cache

    async def publish(self, scratch: Path, key: str) -> None:
        place = _place(key)
        sha256 = await asyncio.to_thread(sha256_of_file, scratch)
        await self._bucket.put(place, scratch, {SHA256: sha256})
        await self._cache.keep(place, scratch, sha256)

    async def publish_together(self, files: Mapping[str, Path]) -> None:
        begun: list[str] = []
        try:
            for key, scratch in files.items():
                begun.append(key)  # also one whose answer was lost may be there
                await self.publish(scratch, key)
        except BaseException:
            await asyncio.shield(self.delete(*begun))
            raise

    @asynccontextmanager
    async def fetch(self, keys: Sequence[str]) -> AsyncIterator[tuple[Path, ...]]:
        async with AsyncExitStack() as stack:
            yield tuple([await stack.enter_async_context(self._copy_of(_place(key))) for key in keys])

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        async for piece in self._bucket.stream(_place(key), start=start, end=end):
            yield piece

    async def size(self, key: str) -> int:
        return (await self._bucket.metadata(_place(key)))[0]

    def address(self, key: str, *, said: Mapping[str, str]) -> str | None:
        return None if self._addresses is None else self._addresses.of(_place(key), said=said)

    async def sha256(self, key: str) -> str:
        return (await self._bucket.metadata(_place(key)))[1].get(SHA256, "")

    async def delete(self, *keys: str) -> None:
        places = [_place(key) for key in keys]
        await self._bucket.delete(places)
        await self._cache.forget(*places)

    async def under(self, prefix: str) -> AsyncIterator[FoundBlob]:
        async for found in self._bucket.under(_place(prefix)):
            yield FoundBlob(key=found.key.partition("/")[2], size=found.size, changed_at=found.changed_at)

    @asynccontextmanager
    async def _copy_of(self, place: str) -> AsyncIterator[Path]:
        async with self._cache.reading(place, lambda path: self._load(place, path)) as path:
            yield path

    async def _load(self, place: str, path: Path) -> str:
        known, pieces = await self._bucket.open(place)
        with path.open("xb") as target:
            sha256 = await written(pieces, target)
        if known.get(SHA256, sha256) != sha256:
            raise FileDamaged
        return sha256


def _place(key: str) -> str:
    return f"{BLOBS}/{require_key(key)}"
