"""A file on this machine, read piece by piece without holding up the event loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from server.errors import NotFound

_PIECE_BYTES = 64 * 1024  # whoever reads slowly is kept waiting with so much in memory


async def file_pieces(path: Path, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` on, before `end`. Raises `NotFound`."""
    try:
        stream: BinaryIO = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        raise NotFound from None
    async with aclosing(pieces_of(stream, start=start, end=end)) as pieces:
        async for piece in pieces:
            yield piece


async def pieces_of(stream: BinaryIO, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
    """Of an open file, which is closed at the end."""
    try:
        position = await asyncio.to_thread(stream.seek, start)
        while end is None or position < end:
            most = _PIECE_BYTES if end is None else min(end - position, _PIECE_BYTES)
            piece = await asyncio.to_thread(stream.read, most)
            if not piece:
                return
            position += len(piece)
            yield piece
    finally:
        stream.close()


def sha256_of_file(path: Path) -> str:
    """In hexadecimal. Blocks on the disk: use a thread."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


async def sha256_of(pieces: AsyncIterator[bytes]) -> str:
    """In hexadecimal; each piece is looked at in a thread."""
    running = hashlib.sha256()
    async for piece in pieces:
        await asyncio.to_thread(running.update, piece)
    return running.hexdigest()


async def written(pieces: AsyncIterator[bytes], target: BinaryIO) -> str:
    """Write them to an open file, each in a thread; answers their sha256 in hexadecimal."""
    running = hashlib.sha256()

    def write(piece: bytes) -> None:
        running.update(piece)
        target.write(piece)

    async for piece in pieces:
        await asyncio.to_thread(write, piece)
    return running.hexdigest()


async def in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pieces that are made while they are drawn, each in a thread; an empty one is the end."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file on this machine, for whoever sends it; the counterpart of `StoredBlob`."""

    path: Path

    async def size(self) -> int:
        try:
            return (await asyncio.to_thread(self.path.stat)).st_size
        except FileNotFoundError:
            raise NotFound from None

    def address(self, *, said: Mapping[str, str]) -> str | None:
        return None

    def stream(self, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        return file_pieces(self.path, start=start, end=end)
