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
from server.storage.file_pieces import sha256_of_file
from server.storage.full_disk import full_disk_named
from server.storage.privacy import make_directory

Load = Callable[[Path], Awaitable[str]]
"""Writes the file to a path; answers its sha256."""
_PARTIAL = ".partial"
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
        self._bytes = 0  # of all of them
        self._reserved = 0  # for what is being made
        self._readers: Counter[str] = Counter()
        self._coming: dict[str, asyncio.Lock] = {}

    @property
    def bytes(self) -> int:
        return self._bytes + self._reserved

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
        self._add(name, _Copy(target, size, is_proven=True))
        await self._make_room()

    async def forget(self, *keys: str) -> None:
        """Whoever reads one of them now reads it to its end, if it is open."""
        names = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
        gone = [copy.path for copy in map(self._pop, names) if copy is not None]
        await asyncio.to_thread(_remove, gone)

    async def new_place(self) -> Path:
        """For a file that may be kept in the end. What a crash leaves there goes with the next start."""
        return (await self._open()) / f"{new_id()}{_PARTIAL}"

    async def take(self, key: str) -> tuple[Path, int]:
        """A copy out of the cache, for whoever goes on with it, and how long it is, for which room is reserved.

        Raises `FileNotFoundError` where there is none, or where somebody reads it.
        """
        await self._open()
        name = hashlib.sha256(key.encode()).hexdigest()
        copy = self._copies.get(name)
        if copy is None or name in self._readers or not copy.is_proven:
            raise FileNotFoundError(key)
        self._pop(name)
        self._reserved += copy.size
        try:
            place = await self.new_place()
            await asyncio.to_thread(copy.path.rename, place)
        except BaseException:
            self.release(copy.size)
            raise
        return place, copy.size

    async def reserve(self, size: int) -> bool:
        """Room for so many bytes that come, to be released; False when there is none."""
        self._reserved += size
        await self._make_room()
        if self.bytes <= self._max_bytes:
            return True
        self.release(size)
        return False

    def release(self, size: int) -> None:
        self._reserved -= size

    async def _present(self, name: str) -> Path | None:
        await self._open()
        copy = self._pop(name)
        if copy is None:
            return None
        if not copy.is_proven and not await asyncio.to_thread(_is_as_named, copy.path):
            await asyncio.to_thread(_remove, [copy.path])  # torn by a crash
            return None
        copy.is_proven = True
        self._add(name, copy)
        return copy.path

    async def _loaded(self, name: str, load: Load) -> Path:
        partial = await self.new_place()
        try:
            with full_disk_named():
                sha256 = await load(partial)
            target = await self._place(name, sha256)
            await asyncio.to_thread(partial.replace, target)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.unlink, missing_ok=True))
        self._add(name, _Copy(target, (await asyncio.to_thread(target.stat)).st_size, is_proven=True))
        return target

    def _add(self, name: str, copy: _Copy) -> None:
        """As the one read last."""
        self._pop(name)
        self._copies[name] = copy
        self._bytes += copy.size

    def _pop(self, name: str) -> _Copy | None:
        copy = self._copies.pop(name, None)
        if copy is not None:
            self._bytes -= copy.size
        return copy

    async def _place(self, name: str, sha256: str) -> Path:
        return (await self._open()) / f"{name}-{sha256}"

    async def _make_room(self) -> None:
        """Oldest first, but none that is being read."""
        over = self.bytes - self._max_bytes
        doomed = []
        for name, copy in list(self._copies.items()) if over > 0 else ():
            if over <= 0:
                break
            if name not in self._readers:
                over -= copy.size
                self._pop(name)
                doomed.append(copy.path)
        if doomed:
            await asyncio.to_thread(_remove, doomed)

    async def _open(self) -> Path:
        async with self._opening:
            if self._folder is not None:
                return self._folder
            folder, lock_file, self._copies = await asyncio.to_thread(_own_folder, self._directory)
            self._bytes = sum(copy.size for copy in self._copies.values())
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
    _remove(list(folder.glob(f"*{_PARTIAL}")))
    found = sorted((path.stat().st_atime, path) for path in folder.iterdir())
    return {path.name[:64]: _Copy(path, path.stat().st_size, is_proven=False) for _, path in found}


def _is_as_named(path: Path) -> bool:
    return path.name.endswith(f"-{sha256_of_file(path)}")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
