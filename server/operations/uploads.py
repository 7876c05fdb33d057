"""What people do with uploads: announce, send, look at, take back, delete."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import ThingAccess
from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, utc_now
from server.errors import Conflict, Forbidden, InvalidInput, Locked, NotFound
from server.jobs.job import Job
from server.jobs.keys import Asked, KeyReused
from server.jobs.runner import JobRunner
from server.live.removals import Removals
from server.operations.job_chains import PLANNED_DATASET
from server.operations.upload_parts import PartOperations
from server.storage.database import Database
from server.storage.file_pieces import LocalFile
from server.storage.pages import Listing, place_of
from server.storage.room import Room
from server.uploads.files import Upload, UploadStore, announced, followed_as, require_size
from server.uploads.pieces import Pieces
from server.uploads.receiving import Receiver
from server.uploads.tus import Checksum
from server.uploads.upload import KIND


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """What the settings allow. `expiry` is how long an unfinished upload waits for more bytes."""

    max_bytes: int
    expiry: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """A file somebody announces; `size` is None when nobody knows it yet. `concat` is as in `Upload`."""

    name: str
    size: int | None
    media_type: str = ""
    metadata: Mapping[str, str] | None = None
    concat: str | None = None


class UploadOperations:
    """Every method takes who asks first; what they may not see is not found."""

    def __init__(
        self,
        *,
        database: Database,
        access: ThingAccess,
        store: UploadStore,
        pieces: Pieces,
        receiver: Receiver,
        parts: PartOperations,
        runner: JobRunner,
        audit: Audit,
        limits: UploadLimits,
        room: Room,
        removals: Removals,
        clock: Clock = utc_now,
    ) -> None:
        self._removals = removals
        self._database = database
        self._access = access
        self._store = store
        self._pieces = pieces
        self._receiver = receiver
        self._parts = parts
        self._runner = runner
        self._audit = audit
        self.limits = limits
        self._room = room
        self._clock = clock

    async def create(self, principal: Principal, wanted: NewUpload, *, idempotency_key: str | None = None) -> Upload:
        """Announce a file and start the job that follows it; the same key gives the same upload.

        Parts of a file share a job. Raises `TooLarge`, `StorageFull` and `QuotaExceeded` before the first byte is sent.
        """
        principal.require_write()
        require_size(wanted.size, max_bytes=self.limits.max_bytes)
        self._room.require(wanted.size or 0)
        upload = self._announced(principal, wanted)
        await self._pieces.create(upload.id)  # before its row: whoever finds that may send bytes at once
        asked = Asked.under(idempotency_key, by=principal.user_id, what=_without_plan(wanted))
        begin = self._parts.begin if upload.is_part else self._begin
        try:
            begun = await begin(principal, upload, asked)
        except BaseException:
            await asyncio.shield(self._pieces.discard(upload.id))
            raise
        if begun.id != upload.id:  # The key was known: the upload is the one of then, and ours was made for nothing.
            await self._pieces.discard(upload.id)
        return begun

    async def join(
        self, principal: Principal, wanted: NewUpload, part_ids: Sequence[str], *, idempotency_key: str | None = None
    ) -> Upload:
        """Make one file of finished parts. See `PartOperations.join`."""
        principal.require_write()
        return await self._parts.join(
            principal, self._announced(principal, wanted), part_ids, idempotency_key=idempotency_key
        )

    async def find(self, principal: Principal, upload_id: str) -> Upload:
        principal.require_read()
        upload = await self._store.get(upload_id)
        if upload is None:
            raise NotFound
        principal.require_sight(upload.owner_id)
        return upload

    @asynccontextmanager
    async def content(self, principal: Principal, upload_id: str) -> AsyncIterator[tuple[Upload, LocalFile]]:
        """A whole file, to be sent inside the block. Raises `InvalidInput` while bytes are missing."""
        upload = await self.find(principal, upload_id)
        if upload.sha256 is None:
            raise InvalidInput(
                "The file is not complete yet; wait until its upload has finished.", code="upload_unfinished"
            )
        await self._access.note_look_at(principal, "upload", upload.id, upload.name, owner_id=upload.owner_id)
        async with self._pieces.whole(upload.id, size=upload.offset) as path:
            yield upload, LocalFile(path)

    async def position(self, principal: Principal, upload_id: str) -> Upload:
        """Where to go on; a request that lost its client no longer counts as busy."""
        await self.find(principal, upload_id)
        await self._receiver.settle(upload_id)
        return await self.find(principal, upload_id)

    async def search(
        self, principal: Principal, *, limit: int, cursor: str | None = None, containing: str | None = None
    ) -> Listing[Upload]:
        """Own uploads, newest first."""
        principal.require_read()
        before = None if cursor is None else place_of(cursor)
        found, total = await self._store.page(principal.user_id, limit=limit + 1, before=before, containing=containing)
        next_cursor = str(found[limit - 1].sequence) if len(found) > limit else None
        return Listing(items=found[:limit], next_cursor=next_cursor, total=total)

    async def receive(
        self,
        principal: Principal,
        upload_id: str,
        chunks: AsyncIterator[bytes],
        *,
        offset: int,
        checksum: Checksum | None = None,
        size: int | None = None,
    ) -> Upload:
        """Append bytes at `offset`; answers the upload with what is durable now. See `Receiver.receive`."""
        principal.require_write()
        upload = await self.find(principal, upload_id)
        if upload.has_parts:
            raise Forbidden("A file that is joined from parts takes no bytes of its own.")
        await self._follow_again(upload)
        return await self._receiver.receive(
            upload_id, chunks, offset=offset, max_bytes=self.limits.max_bytes, checksum=checksum, size=size
        )

    async def pause(self, principal: Principal, upload_id: str) -> None:
        """Say that whoever sends it will go on later, so that everybody who looks is told so."""
        principal.require_write()
        upload = await self.find(principal, upload_id)
        if upload.completed_at is None:
            await self._receiver.pause(upload)

    async def receive_whole(
        self,
        principal: Principal,
        wanted: NewUpload,
        chunks: AsyncIterator[bytes],
        *,
        idempotency_key: str | None = None,
    ) -> Upload:
        """A file in one request. When it breaks off nothing stays, since the client could not continue it.

        Raises `KeyReused` for other bytes under a key that stands for a file.
        """
        upload = await self.create(principal, wanted, idempotency_key=idempotency_key)
        if upload.completed_at is not None:
            await _require_same(upload, chunks)
            return upload
        try:
            return await self._receiver.receive(
                upload.id, chunks, offset=0, max_bytes=self.limits.max_bytes, is_last=True
            )
        except (Conflict, Locked, NotFound):
            raise  # another request with the same key is at it
        except BaseException:
            await asyncio.shield(self._remove(upload))
            raise

    async def delete(self, principal: Principal, upload_id: str) -> None:
        """Remove the file; its job, when it still runs, ends as cancelled. What was imported from it stays."""
        principal.require_write()
        upload = await self.find(principal, upload_id)
        await self._remove(upload)  # first: on a full disk it makes the room for its line of the audit log
        async with self._database.write() as connection:
            await self._audit.record(connection, principal, "upload.delete", upload.name, subject_id=upload_id)
        self._removals.tell(upload.owner_id, "upload", upload_id)

    def _announced(self, principal: Principal, wanted: NewUpload) -> Upload:
        return announced(
            owner_id=principal.user_id,
            name=wanted.name,
            size=wanted.size,
            media_type=wanted.media_type,
            metadata=wanted.metadata,
            concat=wanted.concat,
            now=self._clock(),
            expiry=self.limits.expiry,
        )

    async def _begin(self, principal: Principal, upload: Upload, asked: Asked | None) -> Upload:
        async def add_upload(connection: AsyncConnection, job: Job) -> None:
            await self._store.add(connection, replace(upload, job_id=job.id))
            await self._audit.record(connection, principal, "upload.create", upload.name, subject_id=upload.id)

        job = await self._runner.start(
            KIND,
            owner_id=principal.user_id,
            title=upload.name,
            parameters={"upload_id": upload.id},
            total=upload.size,
            asked=asked,
            also=add_upload,
        )
        if job.parameters.get("upload_id") == upload.id:
            return replace(upload, job_id=job.id)
        return await self.find(principal, job.parameters["upload_id"])

    async def _follow_again(self, upload: Upload) -> None:
        """Its sender is back: the job that gave it up goes on, or another one begins where that is no more."""
        if upload.completed_at is not None or (upload.job_id and await self._runner.go_on(upload.job_id)):
            return

        async def hand_over(connection: AsyncConnection, job: Job) -> None:
            for each in await self._store.matching(connection, followed_as(upload)):
                await self._store.change(connection, each.id, job_id=job.id)

        await self._runner.start(
            KIND,
            owner_id=upload.owner_id,
            title=upload.name,
            parameters={"upload_id": upload.followed_as},
            total=upload.size,
            also=hand_over,
        )

    async def _remove(self, upload: Upload) -> None:
        if upload.is_part and not await self._parts.may_remove(upload):
            raise Locked("This part is just becoming part of its file; remove the file instead.")
        is_whole_job = not upload.is_part or await self._parts.is_last(upload)
        # The job before the file: it would take what is gone for an upload whose time was over, and fail.
        if upload.job_id is not None and is_whole_job:
            await self._runner.cancel(upload.job_id)  # over already: stays as it is
        await self._receiver.discard(upload.id)


async def _require_same(upload: Upload, chunks: AsyncIterator[bytes]) -> None:
    """Its checksum may not be known yet; its size is."""
    size, content = 0, hashlib.sha256()
    async for chunk in chunks:
        size += len(chunk)
        if size > upload.offset:
            break
        await asyncio.to_thread(content.update, chunk)
    if size != upload.offset or upload.sha256 not in (None, content.hexdigest()):
        raise KeyReused


def _without_plan(wanted: NewUpload) -> NewUpload:
    """It is the same file whatever becomes of it."""
    metadata = {name: value for name, value in (wanted.metadata or {}).items() if name != PLANNED_DATASET}
    return replace(wanted, metadata=metadata if wanted.metadata is not None else None)
