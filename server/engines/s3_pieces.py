"""What an upload in an S3 store is made of: its pieces, and whoever adds to them.

A piece is `uploads/<id>/<where it begins>-<writer>` and never changes. A node that was given up may still bring one:
then two begin at the same byte, and that of the higher writer counts (see `UploadStore.begin_writing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from server.engines.growing_copy import GrowingCopy
from server.engines.s3_bucket import S3Bucket
from server.storage.blob_store import FoundBlob
from server.uploads.pieces import RunningHash

PIECE_BYTES = 8 * 1024 * 1024
_AT_ONCE = 2  # pieces of one upload under way: so much of it is in memory
_DIGITS = 15  # of where a piece begins: they are listed in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPiece:
    key: str
    start: int
    size: int
    writer: int

    @property
    def end(self) -> int:
        return self.start + self.size

    @classmethod
    def found(cls, blob: FoundBlob) -> Self | None:
        """None for what only says that the upload is there."""
        start, dash, writer = blob.key.rpartition("/")[2].partition("-")
        return cls(key=blob.key, start=int(start), size=blob.size, writer=int(writer)) if dash else None


def key_of(folder: str, start: int, writer: int) -> str:
    return f"{folder}/{start:0{_DIGITS}d}-{writer}"


def name_of(folder: str, size: int) -> str:
    """Of an upload as one local file. The first so many bytes never change, once they are acknowledged."""
    return f"{folder}/{size}"


def chain_of(pieces: Iterable[StoredPiece], size: int) -> list[StoredPiece]:
    """Those that make up the first `size` bytes, or as many of them as there are without a gap."""
    best = {piece.start: piece for piece in sorted(pieces, key=lambda piece: piece.writer)}
    chain: list[StoredPiece] = []
    position = 0
    while position < size and (piece := best.get(position)) and piece.size:
        chain.append(piece)
        position = piece.end
    return chain


class PieceWriter:
    """An `UploadFile` that puts one piece after the other, two at a time."""

    def __init__(
        self,
        bucket: S3Bucket,
        folder: str,
        *,
        offset: int,
        writer: int,
        running_hash: RunningHash | None,
        check: Any = None,
        copy: GrowingCopy | None = None,
    ) -> None:
        """`copy`: of all that came before `offset`, to be kept for whoever reads the upload on this machine."""
        self._bucket = bucket
        self._folder = folder
        self._writer = writer
        self.start = self.written = self.acknowledged = offset
        self.hash = running_hash
        self.check = check
        self._copy = copy
        self._buffer = bytearray()
        self._sent: list[StoredPiece] = []  # on their way, or there
        self._sent_before = 0  # how many at the last time that it was settled
        self._under_way: list[asyncio.Task[None]] = []

    async def append(self, data: bytes) -> None:
        if self._copy is not None:
            await self._copy.make_room(len(data))
        await asyncio.to_thread(self._account, data)
        self._buffer += data
        while len(self._buffer) >= PIECE_BYTES:
            await self._send(PIECE_BYTES)

    async def settle(self) -> int:
        """On a slow line, on which no piece was filled meanwhile, all of it becomes one now."""
        if self._sent_before == len(self._sent):
            return await self.sync()
        self._sent_before = len(self._sent)
        while self._under_way and self._under_way[0].done():
            await self._arrived(len(self._under_way) - 1)
        return self._sent[-len(self._under_way)].start if self._under_way else self.written - len(self._buffer)

    async def sync(self) -> int:
        if self._buffer:
            await self._send(len(self._buffer))
        await self._arrived()
        return self.written

    async def cut(self, offset: int) -> None:
        await self.sync()
        if self.written > offset:
            self.hash = None
        kept = [piece for piece in self._sent if piece.end <= offset]
        gone, self._sent = self._sent[len(kept) :], kept
        for piece in gone[:1]:  # the bytes before `offset` of the piece that it lies in
            self._buffer += (await self._bucket.get(piece.key))[: max(0, offset - piece.start)]
        await self._bucket.delete([piece.key for piece in gone])
        self.written = offset

    async def close(self) -> None:
        await self._all_over()
        if self._copy is not None:
            await self._end_copy(self._copy)

    async def _all_over(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _end_copy(self, copy: GrowingCopy) -> None:
        """Only what was acknowledged is the upload: another node may have brought something else after that."""
        is_whole = self.hash is not None and self.hash.position == self.written == copy.size
        if self.hash is not None and is_whole and self.acknowledged == self.written:
            await copy.keep(name_of(self._folder, self.written), self.hash.hexdigest())
        else:
            await copy.drop()

    def _account(self, data: bytes) -> None:
        self.written += len(data)
        if self.hash is not None:
            self.hash.update(data)
        if self.check is not None:
            self.check.update(data)
        if self._copy is not None:
            self._copy.write(data)

    async def _send(self, size: int) -> None:
        if len(self._under_way) == _AT_ONCE:
            await self._arrived(_AT_ONCE - 1)
        start = self.written - len(self._buffer)
        content = bytes(self._buffer[:size])
        key = key_of(self._folder, start, self._writer)
        self._sent.append(StoredPiece(key=key, start=start, size=size, writer=self._writer))
        self._under_way.append(asyncio.create_task(self._bucket.put(key, content)))
        del self._buffer[:size]

    async def _arrived(self, still_under_way: int = 0) -> None:
        """Wait for the oldest pieces. Where one failed, all that came after it counts as never written."""
        while len(self._under_way) > still_under_way:
            oldest = self._under_way[0]
            try:
                await asyncio.shield(oldest)
            except asyncio.CancelledError:
                raise  # of whoever waits: the piece goes on
            except BaseException:
                await self._give_up()
                raise
            self._under_way.pop(0)

    async def _give_up(self) -> None:
        failed: Sequence[StoredPiece] = self._sent[-len(self._under_way) :]
        await self._all_over()
        self._under_way.clear()
        self._buffer.clear()
        self._sent = self._sent[: -len(failed)]
        self.written = failed[0].start
        self.hash = None
