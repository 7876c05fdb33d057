"""Files that are being made on this machine: nobody sees them until they are published or sent."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.clock import Clock, new_id, utc_now
from server.storage.full_disk import full_disk_named

_LOG = logging.getLogger(__name__)
_LEFT_AFTER = timedelta(days=1)  # nothing that is being written rests for so long
_SWEEP_SECONDS = 600.0


class Scratch:
    """One directory, on the same disk as blobs that lie in files: publishing then only renames."""

    def __init__(self, directory: Path, *, clock: Clock = utc_now) -> None:
        self._directory = directory
        self._clock = clock
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, suffix: str = "") -> Path:
        """A fresh place for a file or a directory."""
        return self._directory / f"{new_id()}{suffix}"

    @asynccontextmanager
    async def workplace(self) -> AsyncIterator[Path]:
        """A directory of its own for what is being made; removed with all that is left in it, however it ends."""
        directory = self.path()
        try:
            with full_disk_named():
                await asyncio.to_thread(directory.mkdir)
            yield directory
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))

    @asynccontextmanager
    async def place(self, suffix: str) -> AsyncIterator[Path]:
        """As `path`, for what outlives the block; when the block fails, nothing stays there."""
        path = self.path(suffix)
        try:
            yield path
        except BaseException:
            await asyncio.shield(asyncio.to_thread(remove, path))
            raise

    async def watch(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await asyncio.to_thread(self.sweep)
            except OSError:
                _LOG.exception("unfinished files could not be looked through", extra={"action": "scratch.sweep"})

    def sweep(self) -> None:
        """Remove what nobody has written to for a day: a crash left it. Blocks on the disk: use a thread.

        The directory itself stays: a full disk might not let it be made again.
        """
        before = self._clock() - _LEFT_AFTER
        for left in self._directory.iterdir():
            with suppress(FileNotFoundError):  # whoever made it removes it at this moment
                if _changed_at(left) < before:
                    remove(left)


def remove(path: Path) -> None:
    """A file or a directory, or what is there of it. Blocks on the disk: use a thread."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _changed_at(path: Path) -> datetime:
    """When the newest file in it was written to."""
    return datetime.fromtimestamp(max(each.stat().st_mtime for each in (path, *path.rglob("*"))), UTC)
