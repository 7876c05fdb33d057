"""Uploads in an S3 store: immutable pieces, of which any node may bring the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from server.engines.blob_cache import BlobCache
from server.engines.growing_copy import GrowingCopy
from server.engines.s3_bucket import S3Bucket
from server.engines.s3_pieces import PieceWriter, StoredPiece, chain_of, key_of, name_of
from server.errors import Gone, NotFound
from server.storage.file_pieces import sha256_of, written
from server.uploads.pieces import BYTES_MISSING, FoundUpload, Part, RunningHash, UploadGone, going_is_told

_FOLDER = "uploads"
_AHEAD = 3  # pieces that come while those before them are used: so much of an upload is in memory
_BEGUN = "begun"  # an upload without bytes is there, too


class S3Uploads:
    """`Pieces` of which there are many an upload. To be read, one becomes a file of the cache."""

    def __init__(self, bucket: S3Bucket, cache: BlobCache, *, arriving_in: BlobCache | None = None) -> None:
        """`arriving_in`: where to keep what arrives here, if it is likely to be read here."""
        self._bucket = bucket
        self._cache = cache
        self._arriving_in = arriving_in

    async def create(self, upload_id: str) -> None:
        await self._bucket.put(f"{_folder(upload_id)}/{_BEGUN}", b"")

    async def open(
        self, upload_id: str, *, offset: int, writer: int, running_hash: RunningHash | None, check: Any = None
    ) -> PieceWriter:
        pieces = await self._pieces(upload_id)
        if pieces is None or _length(chain := chain_of(pieces, offset)) < offset:
            raise Gone(BYTES_MISSING)
        if chain and chain[-1].end > offset:
            await self._shorten(upload_id, chain[-1], offset - chain[-1].start, writer)
        await self._bucket.delete([piece.key for piece in pieces if piece.start >= offset])
        folder = _folder(upload_id)
        has_all = running_hash is not None and running_hash.position == offset  # of its bytes, as a copy needs it
        return PieceWriter(
            self._bucket,
            folder,
            offset=offset,
            writer=writer,
            running_hash=running_hash,
            check=check,
            copy=await self._copy_of(name_of(folder, offset) if offset else None) if has_all else None,
        )

    @asynccontextmanager
    async def whole(self, upload_id: str, *, size: int) -> AsyncIterator[Path]:
        async def load(path: Path) -> str:
            with path.open("xb") as target:
                async with aclosing(self.stream(upload_id, size=size)) as pieces:
                    return await written(pieces, target)

        async with self._cache.reading(name_of(_folder(upload_id), size), load) as path:
            with going_is_told(path):
                yield path

    async def stream(self, upload_id: str, *, size: int) -> AsyncGenerator[bytes, None]:
        pieces = await self._pieces(upload_id)
        if pieces is None or _length(chain := chain_of(pieces, size)) < size:
            raise UploadGone
        coming: deque[asyncio.Task[bytes]] = deque()
        rest = iter(chain)
        try:
            for piece in chain:
                for following in islice(rest, _AHEAD - len(coming)):
                    coming.append(asyncio.create_task(self._piece(following)))
                yield (await coming.popleft())[: size - piece.start]
        finally:
            for task in coming:
                task.cancel()
            await asyncio.gather(*coming, return_exceptions=True)

    async def sha256(self, upload_id: str, *, size: int) -> str:
        async with aclosing(self.stream(upload_id, size=size)) as pieces:
            return await sha256_of(pieces)

    async def join(self, parts: Sequence[Part], upload_id: str) -> tuple[int, str]:
        try:
            return await self._joined(parts, upload_id)
        except UploadGone as error:
            await self.discard(upload_id)
            raise Gone(BYTES_MISSING) from error
        except BaseException:
            await asyncio.shield(self.discard(upload_id))
            raise

    async def discard(self, *upload_ids: str) -> None:
        for upload_id in upload_ids:
            found = [found async for found in self._bucket.under(_folder(upload_id))]
            await self._bucket.delete([each.key for each in found])
            ends = {piece.end for piece in map(StoredPiece.found, found) if piece is not None}
            await self._cache.forget(*[name_of(_folder(upload_id), end) for end in ends])

    async def all(self) -> AsyncIterator[FoundUpload]:
        newest: dict[str, datetime] = {}
        async for found in self._bucket.under(_FOLDER):
            upload_id = found.key.split("/")[1]
            newest[upload_id] = max(newest.get(upload_id, found.changed_at), found.changed_at)
        for upload_id, changed_at in newest.items():
            yield FoundUpload(upload_id=upload_id, changed_at=changed_at)

    async def _joined(self, parts: Sequence[Part], upload_id: str) -> tuple[int, str]:
        await self.create(upload_id)
        running = RunningHash()
        target = PieceWriter(
            self._bucket,
            _folder(upload_id),
            offset=0,
            writer=0,
            running_hash=running,
            copy=await self._copy_of(None),
        )
        try:
            for part in parts:
                async with aclosing(self.stream(part.upload_id, size=part.size)) as pieces:
                    async for piece in pieces:
                        await target.append(piece)
            target.acknowledged = await target.sync()  # parts never change: nobody joins them to something else
            return target.acknowledged, running.hexdigest()
        finally:
            await target.close()

    async def _copy_of(self, after: str | None) -> GrowingCopy | None:
        return await GrowingCopy.begun(self._arriving_in, after=after) if self._arriving_in is not None else None

    async def _shorten(self, upload_id: str, piece: StoredPiece, size: int, writer: int) -> None:
        """Its beginning, as a piece of a later writer."""
        key = key_of(_folder(upload_id), piece.start, writer)
        await self._bucket.put(key, (await self._bucket.get(piece.key))[:size])
        if key != piece.key:
            await self._bucket.delete([piece.key])

    async def _piece(self, piece: StoredPiece) -> bytes:
        try:
            return await self._bucket.get(piece.key)
        except NotFound:
            raise UploadGone from None

    async def _pieces(self, upload_id: str) -> list[StoredPiece] | None:
        """None for an upload of which nothing is there."""
        found = [found async for found in self._bucket.under(_folder(upload_id))]
        return [piece for piece in map(StoredPiece.found, found) if piece is not None] if found else None


def _folder(upload_id: str) -> str:
    return f"{_FOLDER}/{upload_id}"


def _length(chain: Sequence[StoredPiece]) -> int:
    return chain[-1].end if chain else 0
