"""Blobs as files under one directory: written beside, made durable, then moved into place in one step."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from server.errors import NotFound
from server.storage.blob_store import FoundBlob, require_key
from server.storage.file_pieces import file_pieces
from server.storage.full_disk import full_disk_named


class LocalFiles:
    """A `BlobStore` on one machine: what is fetched is read where it lies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # A directory goes with its last file: not between being made for another file and that file's arrival.
        self._placing = Lock()

    async def publish(self, scratch: Path, key: str) -> None:
        await asyncio.to_thread(self._publish, {self._place(key): scratch}, [])

    async def publish_together(self, files: Mapping[str, Path]) -> None:
        await asyncio.to_thread(self._publish_all, {self._place(key): scratch for key, scratch in files.items()})

    @asynccontextmanager
    async def fetch(self, keys: Sequence[str]) -> AsyncIterator[tuple[Path, ...]]:
        paths = tuple(map(self._place, keys))
        await asyncio.to_thread(_require_all, paths)
        yield paths

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        return file_pieces(self._place(key), start=start, end=end)

    async def size(self, key: str) -> int:
        try:
            return (await asyncio.to_thread(self._place(key).stat)).st_size
        except FileNotFoundError:
            raise NotFound from None

    def address(self, key: str, *, said: Mapping[str, str]) -> str | None:
        return None

    async def sha256(self, key: str) -> str:
        await self.size(key)
        return ""

    async def delete(self, *keys: str) -> None:
        await asyncio.to_thread(self._delete, [self._place(key) for key in keys])

    async def under(self, prefix: str) -> AsyncIterator[FoundBlob]:
        for found in await asyncio.to_thread(list, self._found(self._place(prefix))):
            yield found

    def _publish_all(self, files: Mapping[Path, Path]) -> None:
        placed: list[Path] = []
        try:
            self._publish(files, placed)
        except BaseException:
            self._delete(placed)
            raise

    def _publish(self, files: Mapping[Path, Path], placed: list[Path]) -> None:
        """What is in place is added to `placed`; a directory is made durable once for all its files."""
        with full_disk_named():
            for path, scratch in files.items():
                with scratch.open("rb") as stream:
                    os.fsync(stream.fileno())
                with self._placing:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    scratch.replace(path)
                placed.append(path)
            for directory in {path.parent for path in placed}:
                with suppress(FileNotFoundError):  # deleted already, with its files
                    _sync_directory(directory)

    def _delete(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with self._placing:
                path.unlink(missing_ok=True)
                if path.parent.parent != self._directory:  # the directories of kinds stay
                    with suppress(OSError):  # not empty
                        path.parent.rmdir()

    def _found(self, directory: Path) -> Iterator[FoundBlob]:
        for path in directory.rglob("*"):
            with suppress(FileNotFoundError):  # deleted at this moment
                if path.is_file():
                    status = path.stat()
                    changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
                    key = path.relative_to(self._directory).as_posix()
                    yield FoundBlob(key=key, size=status.st_size, changed_at=changed_at)

    def _place(self, key: str) -> Path:
        return self._directory / require_key(key)


def _require_all(paths: Sequence[Path]) -> None:
    if not all(path.is_file() for path in paths):
        raise NotFound


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
