"""Local copies of files that lie elsewhere, as many as fit: those that nobody has read for longest go first.

Files are immutable, so that a copy is never stale. One that is being read stays, however little room there is. Each
process has a folder of its own: what another one reads must not go.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from server.clock import new_id
from server.storage.full_disk import full_disk_named
from server.storage.privacy import make_directory

Load = Callable[[Path], Awaitable[str]]
"""Writes the file to a path; answers its sha256."""
_FOLDERS = 64  # processes on one data directory: a server, and commands beside it


@dataclass(slots=True)
class _Copy:
    path: Path
    size: int
    is_proven: bool  # it was written by this process, or read through since


class BlobCache:
    """`max_bytes` is kept once nobody reads: what is being read may be more."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._folder: Path | None = None
        self._opening = asyncio.Lock()
        self._copies: dict[str, _Copy] = {}  # the one read last is the last
        self._readers: Counter[str] = Counter()
        self._coming: dict[str, asyncio.Lock] = {}

    @property
    def bytes(self) -> int:
        return sum(copy.size for copy in self._copies.values())

    @asynccontextmanager
    async def reading(self, key: str, load: Load) -> AsyncIterator[Path]:
        """The file, to be read inside the block; `load` brings it if it is not here."""
        name = hashlib.sha256(key.encode()).hexdigest()
        self._readers[name] += 1  # from here on it does not go
        try:
            async with self._coming.setdefault(name, asyncio.Lock()):
                path = await self._present(name) or await self._loaded(name, load)
            yield path
        finally:
            self._readers[name] -= 1
            if not self._readers[name]:
                del self._readers[name]
                self._coming.pop(name, None)
            await asyncio.shield(self._make_room())

    async def keep(self, key: str, path: Path, sha256: str) -> None:
        """Take over a file that is stored elsewhere by now: whoever made it is likely to read it."""
        name = hashlib.sha256(key.encode()).hexdigest()
        target = await self._place(name, sha256)
        size = (await asyncio.to_thread(path.stat)).st_size
        if name in self._copies or size > self._max_bytes:
            await asyncio.to_thread(path.unlink)
            return
        await asyncio.to_thread(shutil.move, path, target)
        self._copies[name] = _Copy(target, size, is_proven=True)
        await self._make_room()

    async def forget(self, *keys: str) -> None:
        """Whoever reads one of them now reads it to its end, if it is open."""
        names = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
        gone = [self._copies.pop(name).path for name in names if name in self._copies]
        await asyncio.to_thread(_remove, gone)

    async def _present(self, name: str) -> Path | None:
        await self._open()
        copy = self._copies.pop(name, None)
        if copy is None:
            return None
        if not copy.is_proven and not await asyncio.to_thread(_is_as_named, copy.path):
            await asyncio.to_thread(_remove, [copy.path])  # torn by a crash
            return None
        copy.is_proven = True
        self._copies[name] = copy
        return copy.path

    async def _loaded(self, name: str, load: Load) -> Path:
        partial = (await self._open()) / f"{new_id()}.partial"
        try:
            with full_disk_named():
                sha256 = await load(partial)
            target = await self._place(name, sha256)
            await asyncio.to_thread(partial.replace, target)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
        self._copies[name] = _Copy(target, (await asyncio.to_thread(target.stat)).st_size, is_proven=True)
        return target

    async def _place(self, name: str, sha256: str) -> Path:
        return (await self._open()) / f"{name}-{sha256}"

    async def _make_room(self) -> None:
        """Oldest first, but none that is being read."""
        over = self.bytes - self._max_bytes
        doomed = []
        for name, copy in list(self._copies.items()):
            if over <= 0:
                break
            if name not in self._readers:
                over -= copy.size
                doomed.append(self._copies.pop(name).path)
        if doomed:
            await asyncio.to_thread(_remove, doomed)

    async def _open(self) -> Path:
        async with self._opening:
            if self._folder is not None:
                return self._folder
            folder, lock_file, self._copies = await asyncio.to_thread(_own_folder, self._directory)
            weakref.finalize(self, os.close, lock_file)
            self._folder = folder
            return folder


def _own_folder(directory: Path) -> tuple[Path, int, dict[str, _Copy]]:
    """The first that no other process has, with what an earlier one left in it."""
    make_directory(directory)
    for number in range(_FOLDERS):
        folder = directory / str(number)
        make_directory(folder)
        lock_file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_file)
            continue
        return folder, lock_file, _left_in(folder)
    raise OSError(f"{_FOLDERS} processes read files of {directory} already")


def _left_in(folder: Path) -> dict[str, _Copy]:
    """Oldest first."""
    _remove(list(folder.glob("*.partial")))
    found = sorted((path.stat().st_atime, path) for path in folder.iterdir())
    return {path.name[:64]: _Copy(path, path.stat().st_size, is_proven=False) for _, path in found}


def _is_as_named(path: Path) -> bool:
    with path.open("rb") as stream:
        return path.name.endswith(f"-{hashlib.file_digest(stream, 'sha256').hexdigest()}")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
