"""Uploads as files on this machine: `<directory>/<id>`, never under a name that somebody chose."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from server.errors import Gone, NotFound
from server.storage.file_pieces import file_pieces, sha256_of, sha256_of_file
from server.storage.full_disk import full_disk_named
from server.uploads.joining import join_files
from server.uploads.pieces import BYTES_MISSING, FoundUpload, Part, RunningHash, UploadGone, going_is_told
from server.uploads.uninterrupted import uninterrupted


class LocalUploads:
    """`Pieces` of which there is one an upload: a file that grows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    async def create(self, upload_id: str) -> None:
        await asyncio.to_thread(_create, self._directory / upload_id)

    async def open(
        self, upload_id: str, *, offset: int, writer: int, running_hash: RunningHash | None, check: Any = None
    ) -> OneFile:
        path = self._directory / upload_id
        return await asyncio.to_thread(OneFile, path, offset=offset, running_hash=running_hash, check=check)

    @asynccontextmanager
    async def whole(self, upload_id: str, *, size: int) -> AsyncIterator[Path]:
        path = self._directory / upload_id
        await asyncio.to_thread(_require, path, size)
        with going_is_told(path):
            yield path

    async def stream(self, upload_id: str, *, size: int) -> AsyncGenerator[bytes, None]:
        position = 0
        try:
            async with aclosing(file_pieces(self._directory / upload_id, end=size)) as pieces:
                async for piece in pieces:
                    position += len(piece)
                    yield piece
        except NotFound:
            raise UploadGone from None
        if position < size:
            raise UploadGone

    async def sha256(self, upload_id: str, *, size: int) -> str:
        path = self._directory / upload_id
        if await asyncio.to_thread(_require, path, size) == size:
            return await asyncio.to_thread(sha256_of_file, path)
        async with aclosing(self.stream(upload_id, size=size)) as pieces:  # more is coming, or was cut off
            return await sha256_of(pieces)

    async def join(self, parts: Sequence[Part], upload_id: str) -> tuple[int, str]:
        paths, stop = [self._directory / part.upload_id for part in parts], Event()
        joined = asyncio.to_thread(join_files, paths, self._directory / upload_id, stop=stop)
        return await uninterrupted(joined, stop=stop.set)

    async def discard(self, *upload_ids: str) -> None:
        await asyncio.to_thread(_remove_all, [self._directory / upload_id for upload_id in upload_ids])

    async def all(self) -> AsyncIterator[FoundUpload]:
        for found in await asyncio.to_thread(list, _found_in(self._directory)):
            yield found


class OneFile:
    """An `UploadFile` that appends to the file of an upload."""

    def __init__(self, path: Path, *, offset: int, running_hash: RunningHash | None, check: Any) -> None:
        """Blocks on the disk, as whatever does not say `async`."""
        self._descriptor = os.open(path, os.O_WRONLY)
        self.start = self.written = self.acknowledged = offset
        self.hash = running_hash
        self.check = check
        if os.fstat(self._descriptor).st_size < offset:
            os.close(self._descriptor)
            raise Gone(BYTES_MISSING)
        self._cut(offset)

    async def append(self, data: bytes) -> None:
        await asyncio.to_thread(self._append, data)

    async def settle(self) -> int:
        return await self.sync()

    async def sync(self) -> int:
        await asyncio.to_thread(self._sync)
        return self.written

    async def cut(self, offset: int) -> None:
        await asyncio.to_thread(self._cut, offset)

    async def close(self) -> None:
        await asyncio.to_thread(os.close, self._descriptor)

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        with full_disk_named():
            while rest:
                count = os.write(self._descriptor, rest)
                self._account(rest[:count])
                rest = rest[count:]

    def _account(self, data: memoryview) -> None:
        self.written += len(data)
        if self.hash is not None:
            self.hash.update(data)
        if self.check is not None:
            self.check.update(data)

    def _sync(self) -> None:
        with full_disk_named():
            os.fsync(self._descriptor)

    def _cut(self, offset: int) -> None:
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        if self.written > offset:
            self.hash = None
        self.written = offset


def _require(path: Path, size: int) -> int:
    """How large it is. Raises `UploadGone` when it is smaller, or none."""
    try:
        found = path.stat().st_size
    except OSError:
        found = -1
    if found < size:
        raise UploadGone
    return found


def _create(path: Path) -> None:
    with full_disk_named():
        path.touch(mode=0o600, exist_ok=False)


def _remove_all(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _found_in(directory: Path) -> Iterator[FoundUpload]:
    for path in directory.iterdir():
        with suppress(FileNotFoundError):  # discarded at this moment
            changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            yield FoundUpload(upload_id=path.name, changed_at=changed_at)
