"""Immutable files by key: written beside, made durable, then moved into place in one step."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from server.clock import new_id
from server.errors import NotFound
from server.storage.full_disk import full_disk_named

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


class Blobs:
    """Files under one directory. Keys are ours (`datasets/<id>/<n>.parquet`), never names that people chose."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """Where a published blob lies; raises `NotFound` when there is none."""
        path = self._place(key)
        if not path.is_file():
            raise NotFound
        return path

    def new_partial(self, suffix: str = "") -> Path:
        """A fresh place to write before `publish`; what is left here goes at the next start, or by its age."""
        return self._partial / f"{new_id()}{suffix}"

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """A directory of its own for what is being made; removed with all that is left in it, however it ends."""
        directory = self.new_partial()
        try:
            with full_disk_named():
                await asyncio.to_thread(directory.mkdir)
            yield directory
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))

    def publish(self, partial: Path, key: str) -> Path:
        """Make `partial` durable under `key`; from then on it never changes. Blocks on the disk: use a thread."""
        path = self._place(key)
        with full_disk_named():
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("rb") as stream:
                os.fsync(stream.fileno())
            partial.replace(path)
            _sync_directory(path.parent)
        return path

    def delete(self, key: str) -> None:
        self._place(key).unlink(missing_ok=True)

    def delete_under(self, prefix: str) -> None:
        """Remove every blob whose key begins with `<prefix>/`."""
        shutil.rmtree(self._place(prefix), ignore_errors=True)

    def keys_under(self, prefix: str) -> Iterator[str]:
        """Keys of the blobs right under `<prefix>/`."""
        directory = self._place(prefix)
        if directory.is_dir():
            yield from (f"{prefix}/{path.name}" for path in directory.iterdir())

    def clear_partials(self, *, older_than_seconds: float = 0.0) -> None:
        """Remove what was left unpublished: all of it at a start, when nothing is being written, else what is old.

        The directory itself stays: a full disk might not let it be made again.
        """
        for left in self._partial.iterdir():
            with suppress(FileNotFoundError):  # whoever made it removes it at this moment
                if older_than_seconds and time.time() - _changed_at(left) < older_than_seconds:
                    continue
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink()

    def _place(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a blob key: {key!r}")
        return self.root / key


def _changed_at(path: Path) -> float:
    """When the newest file in it was written to, in seconds since 1970."""
    return max(each.stat().st_mtime for each in (path, *path.rglob("*")))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
