"""Bytes from a request into an upload's file: one request at a time, durable before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from server.clock import Clock
from server.errors import ChecksumMismatch, Conflict, Locked, MalformedRequest, NotFound, TooLarge
from server.storage.deleting import delete_whole
from server.storage.room import Room
from server.uploads.arrivals import Arrivals
from server.uploads.files import TakenOver, Upload, UploadStore, require_size
from server.uploads.pieces import Pieces, RunningHash, UploadFile
from server.uploads.tus import Checksum
from server.uploads.uninterrupted import uninterrupted

_WRITE_BYTES = 1024 * 1024  # one visit to a thread writes about so many
_WRITE_SECONDS = 0.25  # … or what came in this time, so that a slow line moves the bar too
_SYNC_BYTES = 32 * 1024 * 1024
_SYNC_SECONDS = 1.0  # a crash costs the client at most so much of what it sent
_HAND_OVER_SECONDS = 10.0


class _Reception:
    """One request that is bringing bytes."""

    def __init__(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self.finished = asyncio.Event()
        self.stopped = False
        self._reading: asyncio.Timeout | None = None

    @property
    def silent_seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.heard_at

    async def next(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The next bytes, empty at the end; raises `TakenOver` once `stop` was called."""
        try:
            # Only the reading can be interrupted: a write in its thread is never left alone.
            async with asyncio.timeout(0 if self.stopped else None) as self._reading:
                chunk = await anext(chunks, b"")
        except TimeoutError:
            raise TakenOver from None
        finally:
            self._reading = None
        self.heard_at = asyncio.get_running_loop().time()
        return chunk

    def stop(self) -> None:
        self.stopped = True
        if self._reading is not None:
            self._reading.reschedule(asyncio.get_running_loop().time())


class Receiver:
    """Takes in uploads. A request that fell silent (its client lost the line) gives way to a newer one."""

    def __init__(
        self,
        *,
        store: UploadStore,
        pieces: Pieces,
        arrivals: Arrivals,
        clock: Clock,
        expiry: timedelta,
        room: Room,
        silent_seconds: float = 1.5,
    ) -> None:
        self._store = store
        self._pieces = pieces
        self._arrivals = arrivals
        self._clock = clock
        self._expiry = expiry
        self._room = room
        self._silent_seconds = silent_seconds
        self._receptions: dict[str, _Reception] = {}
        self._hashes: dict[str, RunningHash] = {}

    async def receive(
        self,
        upload_id: str,
        chunks: AsyncIterator[bytes],
        *,
        offset: int,
        max_bytes: int,
        checksum: Checksum | None = None,
        size: int | None = None,
        is_last: bool = False,
    ) -> Upload:
        """Append `chunks` at `offset`, which must be where the upload ends; answers the upload after that.

        `max_bytes` limits the whole file, `size` is its length when the client says it only now.
        Whatever happens, bytes that came whole are kept, unless they had a checksum.
        `is_last` says that the end of `chunks` is the end of a file of unknown size. Raises `Locked` while another
        request is busy here, `Conflict` (wrong_offset), `TooLarge`, `ChecksumMismatch`, `StorageFull`.
        """
        async with self._alone(upload_id) as reception:
            upload = await self._existing(upload_id)
            if upload.offset != offset:
                raise Conflict(
                    "The upload continues at byte {expected}, not at {offset}.",
                    code="wrong_offset",
                    expected=upload.offset,
                    offset=offset,
                )
            if size is not None:
                upload = await self._sized(upload, size, max_bytes=max_bytes)
            self._room.require()
            upload = await self._store.begin_writing(upload)
            file = await self._open(upload, checksum)
            limit = upload.size if upload.size is not None else max_bytes
            # In a task of its own: a request that is cancelled still stores what came, and no thread is left writing.
            await uninterrupted(
                self._store_all(upload, file, reception, chunks, limit=limit, checksum=checksum, is_last=is_last),
                stop=reception.stop,
            )
        return await self._existing(upload_id)

    async def settle(self, upload_id: str) -> None:
        """End a request that fell silent, so that its bytes count before somebody asks how many there are."""
        reception = self._receptions.get(upload_id)
        if reception is not None and reception.silent_seconds >= self._silent_seconds:
            await self._stop(reception)

    async def pause(self, upload: Upload) -> None:
        """End the request that brings bytes, if there is one, and have its job say that a person wants it to wait."""
        reception = self._receptions.get(upload.id)
        if reception is not None:
            await self._stop(reception)
        self._arrivals.paused(upload)

    async def discard(self, upload_id: str) -> None:
        """Remove the upload, its parts and all their bytes; requests that bring more end. Repeating it does no harm."""
        upload = await self._store.get(upload_id)
        doomed = [upload_id, *(part.id for part in await self._store.parts_of(upload_id))]
        for reception in [self._receptions[name] for name in doomed if name in self._receptions]:
            await self._stop(reception)
        for name in doomed:
            self._hashes.pop(name, None)
        await delete_whole(forget=lambda: self._store.delete(upload_id), remove=lambda: self._pieces.discard(*doomed))
        self._arrivals.row_changed(upload_id)
        if upload is not None and upload.part_of is not None:
            await self._without_part(upload.part_of)

    async def _without_part(self, upload_id: str) -> None:
        """What waits for parts goes with the last of them."""
        if await self._store.parts_of(upload_id):
            self._arrivals.row_changed(upload_id)
        else:
            await self.discard(upload_id)

    async def _sized(self, upload: Upload, size: int, *, max_bytes: int) -> Upload:
        """A length that was deferred can be said once."""
        if upload.size is not None:
            if upload.size != size:
                raise MalformedRequest("The length of this upload is {size} and stays so.", size=upload.size)
            return upload
        require_size(size, max_bytes=max_bytes)
        if size < upload.offset:
            raise MalformedRequest("More bytes than the length {size} have come already.", size=size)
        await self._store.set_size(upload, size)
        self._arrivals.row_changed(upload.followed_as)
        return replace(upload, size=size)

    @asynccontextmanager
    async def _alone(self, upload_id: str) -> AsyncIterator[_Reception]:
        waiting_until = asyncio.get_running_loop().time() + self._silent_seconds
        while (other := self._receptions.get(upload_id)) is not None:
            await self._outwait(other, until=waiting_until)
        reception = self._receptions[upload_id] = _Reception()
        try:
            yield reception
        finally:
            del self._receptions[upload_id]
            reception.finished.set()

    async def _outwait(self, other: _Reception, *, until: float) -> None:
        """Until `other` has ended, or fell silent and was stopped; raises `Locked` when it is busy."""
        left = self._silent_seconds - other.silent_seconds
        if left <= 0:
            await self._stop(other)
        elif asyncio.get_running_loop().time() >= until:
            raise Locked("Another request is sending bytes of this upload; try again shortly.")
        else:
            await _wait(other.finished, left)

    async def _stop(self, reception: _Reception) -> None:
        reception.stop()
        if not await _wait(reception.finished, _HAND_OVER_SECONDS):
            raise Locked("Another request is still storing bytes of this upload; try again shortly.")

    async def _store_all(
        self,
        upload: Upload,
        file: UploadFile,
        reception: _Reception,
        chunks: AsyncIterator[bytes],
        *,
        limit: int,
        checksum: Checksum | None,
        is_last: bool,
    ) -> None:
        is_whole = False
        try:
            await self._take_in(upload, file, reception, chunks, limit=limit, counted=checksum is None)
            is_whole = True
        finally:
            await self._finish(upload, file, checksum, is_whole=is_whole, is_last=is_last)

    async def _take_in(
        self,
        upload: Upload,
        file: UploadFile,
        reception: _Reception,
        chunks: AsyncIterator[bytes],
        *,
        limit: int,
        counted: bool,
    ) -> None:
        """`counted`: bytes count as they come, not only once the whole request was checked."""
        loop = asyncio.get_running_loop()
        waiting = bytearray()
        synced, synced_at, written_at = file.written, loop.time(), loop.time()
        try:
            while chunk := await reception.next(chunks):
                if file.written + len(waiting) + len(chunk) > limit:
                    raise TooLarge("More bytes were sent than the {limit} this upload may have.", limit=limit)
                waiting += chunk
                if len(waiting) < _WRITE_BYTES and loop.time() - written_at < _WRITE_SECONDS:
                    continue
                await self._write(upload, file, waiting, counted=counted)
                written_at = loop.time()
                if counted and (file.written - synced >= _SYNC_BYTES or written_at - synced_at >= _SYNC_SECONDS):
                    await self._acknowledge(upload, file, await file.settle())
                    synced, synced_at = file.written, written_at
                    self._room.require()
        finally:
            await self._write(upload, file, waiting, counted=counted)

    async def _write(self, upload: Upload, file: UploadFile, waiting: bytearray, *, counted: bool) -> None:
        data = bytes(waiting)
        waiting.clear()  # before the write: what a full disk refused is not tried again
        await file.append(data)
        if counted:
            self._arrivals.announce(upload, file.written)

    async def _acknowledge(self, upload: Upload, file: UploadFile, durable: int) -> int:
        expires_at = self._clock() + self._expiry
        await self._store.move_offset(upload, durable, before=file.acknowledged, expires_at=expires_at)
        file.acknowledged = durable
        return durable

    async def _finish(
        self, upload: Upload, file: UploadFile, checksum: Checksum | None, *, is_whole: bool, is_last: bool
    ) -> None:
        is_wrong = checksum is not None and not (is_whole and checksum.matches(file.check))
        try:
            if is_wrong:
                await file.cut(file.start)
            durable = await self._acknowledge(upload, file, await file.sync())
            if file.hash is not None:
                self._hashes[upload.id] = file.hash
            if not upload.is_part and (durable == upload.size or (is_last and is_whole)):
                await self._complete(upload.id, durable)
        finally:
            await file.close()
            self._arrivals.over(upload)
        if is_wrong and is_whole:
            raise ChecksumMismatch

    async def _complete(self, upload_id: str, size: int) -> None:
        """With the hash carried along, if it saw every byte; after a restart the job reads the file instead."""
        running_hash = self._hashes.pop(upload_id, None)
        if running_hash is not None and running_hash.position == size:
            await self._store.complete(upload_id, size=size, sha256=running_hash.hexdigest(), at=self._clock())

    async def _open(self, upload: Upload, checksum: Checksum | None) -> UploadFile:
        running_hash = self._hashes.pop(upload.id, None) or RunningHash()
        is_worth_it = running_hash.position == upload.offset and not upload.is_part  # a part's hash tells nothing
        return await self._pieces.open(
            upload.id,
            offset=upload.offset,
            writer=upload.writer,
            running_hash=running_hash if is_worth_it else None,
            check=checksum.new_hash() if checksum else None,
        )

    async def _existing(self, upload_id: str) -> Upload:
        upload = await self._store.get(upload_id)
        if upload is None:
            raise NotFound
        return upload


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
