"""Copies all files from one place to another: those that rows may name, each proven where it has come to."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.care.named_files import BLOB_KINDS, BLOBS, CACHE, UPLOADS, NamedFile, NamedFiles, named_files
from server.care.store_checks import StoreLook
from server.care.telling import FarTelling, Say
from server.errors import Gone, NotFound
from server.storage.database import Database
from server.storage.full_disk import full_disk_named
from server.storage.scratch import Scratch
from server.uploads.file_stores import FileStores

_AT_ONCE = 4
_PART_BYTES = 1024 * 1024


@dataclass(slots=True, kw_only=True)
class CopiedFiles:
    """`there` were there before, as an earlier copy left them; `missing` and `changed` are wrong in the end."""

    copied: int = 0
    bytes: int = 0
    there: int = 0
    left: int = 0  # files that belong to nothing, which are not copied
    missing: list[str]
    changed: list[str]
    seconds: float = 0.0


class FileCopy:
    """May be repeated, also beside a server that runs: each time takes what is not there yet."""

    def __init__(
        self, database: Database, source: FileStores, target: FileStores, *, scratch: Scratch, say: Say
    ) -> None:
        """`scratch`: what is published is taken over from there."""
        self._database = database
        self._source = source
        self._target = target
        self._scratch = scratch
        self._say = say
        self._done = CopiedFiles(missing=[], changed=[])
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> CopiedFiles:
        """Raises `StorageAway` and `StorageFull`; what was copied by then stays."""
        began = time.monotonic()
        async with self._database.read() as connection:
            named = await named_files(connection)
        self._say("looking for files")
        blobs = [found async for found in self._blobs_of(named)]
        uploads = [(place, known) for place, known in named.required.items() if place.startswith(f"{UPLOADS}/")]
        told = FarTelling(
            self._say, "copying", sum(size for _, size in blobs) + sum(known.at_least for _, known in uploads)
        )
        await self._copy_blobs(blobs, told)
        for place, known in uploads:
            await self._copy_upload(place.partition("/")[2], known, told)
        self._say("reading what was copied")
        look = StoreLook(self._database, self._target, thorough=True)
        states = await look.run()
        self._done.missing, self._done.changed = sorted(states.missing), sorted(states.changed)
        self._done.seconds = time.monotonic() - began
        return self._done

    async def _blobs_of(self, named: NamedFiles) -> AsyncIterator[tuple[str, int]]:
        for kind in BLOB_KINDS:
            async for found in self._source.blobs.under(kind):
                if found.key.endswith(CACHE):
                    continue
                if named.may_be(f"{BLOBS}/{found.key}"):
                    yield found.key, found.size
                else:
                    self._done.left += 1

    async def _copy_blobs(self, blobs: Sequence[tuple[str, int]], told: FarTelling) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for key, size in blobs:
                    await self._free.acquire()
                    group.create_task(self._copy_blob(key, size, told))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _copy_blob(self, key: str, size: int, told: FarTelling) -> None:
        try:
            if await self._size_there(key) == size:
                self._done.there += 1
            else:
                await self._publish(key)
                self._done.copied += 1
                self._done.bytes += size
        except NotFound:  # deleted meanwhile
            return
        finally:
            self._free.release()
        told.add(size)

    async def _publish(self, key: str) -> None:
        async with self._source.blobs.fetch([key]) as (path,), self._scratch.place(".copy") as scratch:
            with full_disk_named():
                await asyncio.to_thread(shutil.copyfile, path, scratch)
            await self._target.blobs.publish(scratch, key)

    async def _size_there(self, key: str) -> int | None:
        try:
            return await self._target.blobs.size(key)
        except NotFound:
            return None

    async def _copy_upload(self, upload_id: str, known: NamedFile, told: FarTelling) -> None:
        """What was acknowledged of it: the rest was never promised to anybody."""
        if await self._is_there(upload_id, known):
            self._done.there += 1
        else:
            try:
                async with self._source.pieces.whole(upload_id, size=known.at_least) as path:
                    await self._target.pieces.discard(upload_id)  # not before: it may be all there is
                    await self._target.pieces.create(upload_id)
                    await self._append(upload_id, path, known.at_least)
            except Gone:
                return
            self._done.copied += 1
            self._done.bytes += known.at_least
        told.add(known.at_least)

    async def _append(self, upload_id: str, path: Path, size: int) -> None:
        file = await self._target.pieces.open(upload_id, offset=0, writer=0, running_hash=None)
        try:
            with await asyncio.to_thread(path.open, "rb") as stream:
                while part := await asyncio.to_thread(stream.read, min(_PART_BYTES, size - file.written)):
                    await file.append(part)
            await file.sync()
        finally:
            await file.close()

    async def _is_there(self, upload_id: str, known: NamedFile) -> bool:
        try:
            sha256 = await self._target.pieces.sha256(upload_id, size=known.at_least)
        except (Gone, NotFound, FileNotFoundError):
            return False
        # Of half an upload no checksum is known: what is there and is enough was acknowledged there, or copied before.
        # The source may be behind by now, and must not be put over it.
        return known.sha256 in ("", sha256)
