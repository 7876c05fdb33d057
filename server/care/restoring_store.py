"""Files of an archive into a store elsewhere: nothing that lies there is deleted, and what is right stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

from server.care.archive import PIECE_BYTES, ArchiveReader
from server.care.manifest import FileNote, Manifest
from server.care.named_files import BLOB_KINDS, BLOBS, CACHE, UPLOADS
from server.care.problem import CareRefused
from server.care.restoring_files import write_file
from server.care.telling import FarTelling, Say
from server.errors import Gone, NotFound
from server.storage.blob_store import StorageAway
from server.storage.file_pieces import sha256_of
from server.storage.scratch import Scratch
from server.uploads.file_stores import FileStores

_AT_ONCE = 4  # files of so many are on this disk meanwhile


def bytes_on_the_way(manifest: Manifest) -> int:
    """Room on this disk for files that are to lie elsewhere."""
    return sum(sorted((note.bytes for note in manifest.files.values()), reverse=True)[:_AT_ONCE])


class StorePlacing:
    """May be repeated after one that was cut short."""

    def __init__(self, archive: ArchiveReader, stores: FileStores, scratch: Scratch, say: Say) -> None:
        self._archive = archive
        self._stores = stores
        self._scratch = scratch
        self._say = say
        self._telling = FarTelling(say, "stored", archive.manifest.file_bytes)
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._there: set[str] = set()
        self._new: list[str] = []

    async def look(self, *, replace: bool) -> None:
        """Raises `CareRefused` for a place that holds what is not in the archive."""
        async for upload in self._stores.pieces.all():
            self._there.add(f"{UPLOADS}/{upload.upload_id}")
        for kind in BLOB_KINDS:
            async for found in self._stores.blobs.under(kind):
                if not found.key.endswith(CACHE):
                    self._there.add(f"{BLOBS}/{found.key}")
        strange = self._there - self._archive.manifest.files.keys()
        if strange and not replace:
            raise CareRefused(
                "storage_in_use",
                f"The store of files holds {len(strange)} files that are not in the backup, such as {min(strange)}. "
                "Name an empty place in JINDU_STORAGE_URL (another prefix in the bucket will do), or leave them where "
                "they are with --replace; doctor names those that belong to nothing.",
            )

    @asynccontextmanager
    async def placed(self) -> AsyncIterator[None]:
        """All files are in the store inside the block; when it fails, those that were not there before go again."""
        self._say(f"storing {len(self._archive.manifest.files)} files")
        try:
            await self._place_all()
            yield
        except BaseException:
            with suppress(StorageAway):  # the next restore finds them, and needs them again
                await asyncio.shield(self._take_back())
            raise

    async def _place_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for name, note in self._archive.manifest.files.items():
                    await self._free.acquire()
                    group.create_task(self._place(name, note))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _place(self, name: str, note: FileNote) -> None:
        try:
            if name not in self._there or not await self._is_right(name, note):
                async with self._scratch.workplace() as directory:
                    path = directory / "file"
                    write_file(path, self._archive.file(name))  # one after the other: an archive is one file
                    await self._put(name, path)
        finally:
            self._free.release()
        self._telling.add(note.bytes)

    async def _is_right(self, name: str, note: FileNote) -> bool:
        """As its bytes say: that a store lists it, and what it says of it, proves nothing."""
        kind, _, key = name.partition("/")
        try:
            if kind == UPLOADS:
                return await self._stores.pieces.sha256(key, size=note.bytes) == note.sha256
            async with aclosing(self._stores.blobs.stream(key)) as pieces:
                return await sha256_of(pieces) == note.sha256
        except (NotFound, Gone):
            return False

    async def _put(self, name: str, path: Path) -> None:
        kind, _, key = name.partition("/")
        if name not in self._there:
            self._new.append(name)
        if kind == UPLOADS:
            await self._put_upload(key, path)
        else:
            await self._stores.blobs.publish(path, key)

    async def _put_upload(self, upload_id: str, path: Path) -> None:
        pieces = self._stores.pieces
        await pieces.discard(upload_id)
        await pieces.create(upload_id)
        file = await pieces.open(upload_id, offset=0, writer=0, running_hash=None)
        try:
            with path.open("rb") as stream:
                while part := await asyncio.to_thread(stream.read, PIECE_BYTES):
                    await file.append(part)
            await file.sync()
        finally:
            await file.close()

    async def _take_back(self) -> None:
        blobs = [name.partition("/")[2] for name in self._new if name.startswith(f"{BLOBS}/")]
        await self._stores.blobs.delete(*blobs)
        uploads = [name.partition("/")[2] for name in self._new if name.startswith(f"{UPLOADS}/")]
        await self._stores.pieces.discard(*uploads)
