"""Folders of the server that everybody who is signed in may import files from, as its settings name them."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import stat
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from server.errors import FieldError, InvalidInput, NotFetched, NotFetchedNow
from server.uploads.elsewhere import Found, Place

_CHUNK_BYTES = 1024 * 1024
_MOST_LISTED = 1_000
_MOST_LOOKS = 4
# What programs leave beside files, and files that are still on their way.
_PASSING = ("~$*", ".*", "*.part", "*.partial", "*.tmp", "*.crdownload", "*.filepart")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    name: str
    size: int
    changed_at: datetime
    version: str


class Folders:
    """By name. Links are not followed, and what lies in folders below is not seen: a folder is what it holds itself."""

    def __init__(self, places: Mapping[str, Path], *, settled_seconds: float = 5.0) -> None:
        """A file that changed within `settled_seconds` may still be on its way: it is waited for."""
        self._places = places
        self._settled_seconds = settled_seconds

    @property
    def names(self) -> Sequence[str]:
        return sorted(self._places)

    async def files(self, folder: str, pattern: str = "*") -> list[FolderFile]:
        """Newest first, the first thousand. Raises `InvalidInput` for a folder that nobody named, or that is gone."""
        try:
            return await asyncio.to_thread(_files, self._place(folder), pattern)
        except OSError as error:
            raise InvalidInput(
                "The folder “{folder}” cannot be read: it is not there, or the server may not look into it.",
                code="folder_gone",
                folder=folder,
            ) from error

    async def settled(self, folder: str, pattern: str) -> tuple[list[FolderFile], list[FolderFile]]:
        """As `files`, the oldest first; and apart those that may still be on their way."""
        found = await self.files(folder, pattern)
        now = time.time()
        ready = [file for file in found if abs(now - file.changed_at.timestamp()) >= self._settled_seconds]
        return ready[::-1], [file for file in found if file not in ready]

    def require(self, place: Place) -> None:
        self._place(place.folder or "")
        if place.file is None or "/" in place.file or "\\" in place.file or "\0" in place.file:
            raise _field_error("file", "Name a file of the folder, or a pattern such as orders-*.csv.")

    @asynccontextmanager
    async def open(self, place: Place) -> AsyncIterator[Found | None]:
        self.require(place)
        folder, pattern = place.folder or "", place.file or ""
        newest = await self._settled(folder, pattern)
        if newest.version == place.unless:
            yield None
            return
        stream = await asyncio.to_thread(_opened, self._place(folder) / newest.name)
        try:
            yield Found(
                name=newest.name,
                size=newest.size,
                media_type="",
                version=newest.version,
                chunks=_chunks(stream, newest),
            )
        finally:
            await asyncio.shield(asyncio.to_thread(stream.close))

    async def _settled(self, folder: str, pattern: str) -> FolderFile:
        """The newest file, once nobody writes it any more. Raises `NotFetchedNow` while somebody still does."""
        for _ in range(_MOST_LOOKS):
            newest = next(iter(await self.files(folder, pattern)), None)
            if newest is None:
                raise NotFetched("The folder “{folder}” has no file “{file}”.", folder=folder, file=pattern)
            age = abs(time.time() - newest.changed_at.timestamp())
            if age >= self._settled_seconds:
                return newest
            await asyncio.sleep(self._settled_seconds - age)
        raise NotFetchedNow("“{file}” is still being written; it is tried again in a while.", file=pattern)

    def _place(self, folder: str) -> Path:
        if folder not in self._places:
            raise _field_error("folder", "The server has no folder “{folder}” to import from.", folder=folder)
        return self._places[folder]


def _field_error(field: str, message: str, **parameters: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field=field, message=message, parameters=dict(parameters))])


def _files(folder: Path, pattern: str) -> list[FolderFile]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not fnmatch.fnmatchcase(entry.name, pattern) or any(
                fnmatch.fnmatch(entry.name, one) for one in _PASSING
            ):
                continue
            with suppress(OSError):  # gone meanwhile
                if entry.is_file(follow_symlinks=False):
                    found.append(_file(entry.name, entry.stat(follow_symlinks=False)))
    return sorted(found, key=lambda file: (file.changed_at, file.name), reverse=True)[:_MOST_LISTED]


def _file(name: str, status: os.stat_result) -> FolderFile:
    return FolderFile(
        name=name,
        size=status.st_size,
        changed_at=datetime.fromtimestamp(status.st_mtime, UTC),
        version=f"{name}:{status.st_size}:{status.st_mtime_ns}",
    )


def _opened(path: Path) -> BinaryIO:
    """A regular file: what was put in its place since it was listed is neither followed nor waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotFetched("“{file}” is gone, or the server may not read it.", file=path.name) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotFetched("“{file}” is no file any more.", file=path.name)
    return os.fdopen(descriptor, "rb", buffering=0)


async def _chunks(stream: BinaryIO, listed: FolderFile) -> AsyncIterator[bytes]:
    """Raises `NotFetchedNow` for a file that somebody is still writing: half of it would be imported as all."""
    while chunk := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
        yield chunk
    now = await asyncio.to_thread(lambda: _file(listed.name, os.fstat(stream.fileno())))
    if now.version != listed.version:
        raise NotFetchedNow("“{file}” changed while it was read; it is tried again in a while.", file=listed.name)
