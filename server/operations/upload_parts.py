"""Files that come in several parallel uploads: a person sees one, from its first part until they are joined."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import exists
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.clock import Clock, new_id
from server.errors import Conflict, MalformedRequest, NotFound, StorageFull
from server.jobs.job import Job
from server.jobs.keys import Asked, take_key
from server.jobs.runner import JobRunner
from server.storage.database import Database
from server.storage.room import Room
from server.storage.tables import uploads
from server.uploads.arrivals import Arrivals
from server.uploads.files import GATHERING, Upload, UploadStore, require_size
from server.uploads.upload import KIND

_TOGETHER_SECONDS = 60.0  # tus does not say which parts belong together: those of one user that come at one time do
_DOOR = "part of a file"  # what a key was given for (jobs/keys.py)
_JOINING_SECONDS = 2.0  # a request waits so long for its file; larger ones are joined after the answer


class _KnownPart(Exception):
    """The key stands for this part already: nothing of the transaction stays."""

    def __init__(self, part_id: str) -> None:
        super().__init__(part_id)
        self.part_id = part_id


async def _take_key(connection: AsyncConnection, asked: Asked | None, part: Upload) -> None:
    if asked is None or part.job_id is None:
        return
    known = await take_key(connection, asked, door=_DOOR, job_id=part.job_id, part_id=part.id)
    if known is not None:
        raise _KnownPart(known.part_id)


class PartOperations:
    """The parts of a file share one job, which is the job of the file once its client has named them."""

    def __init__(
        self,
        *,
        database: Database,
        store: UploadStore,
        arrivals: Arrivals,
        runner: JobRunner,
        audit: Audit,
        room: Room,
        max_bytes: int,
        expiry: timedelta,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._arrivals = arrivals
        self._runner = runner
        self._audit = audit
        self._room = room
        self._max_bytes = max_bytes
        self._expiry = expiry
        self._clock = clock
        self._beginning = asyncio.Lock()  # of parts that are announced at once, one starts the job

    async def begin(self, principal: Principal, part: Upload, asked: Asked | None = None) -> Upload:
        """Store a new part, beside those that are on their way already; the same key gives the same part."""
        async with self._beginning:
            try:
                begun = await self._beside_others(part, asked) or await self._first(principal, part, asked)
            except _KnownPart as known:
                return await self._again(known.part_id)
        self._arrivals.row_changed(begun.followed_as)
        return begun

    async def join(
        self, principal: Principal, whole: Upload, part_ids: Sequence[str], *, idempotency_key: str | None
    ) -> Upload:
        """Make one file of finished parts, which are gone then; it may not be ready yet when this answers.

        Raises `NotFound`, `Conflict` (part_unfinished, part_used), `TooLarge`, and `StorageFull`, after which the parts
        are still there.
        """
        claimed = None
        if idempotency_key is None:  # a key stands for a job that its own request begins: there has to be a new one
            claimed = await self._claim_gathered(principal, whole, part_ids)
        if claimed is None:
            claimed = await self._claim_anew(principal, whole, part_ids, idempotency_key)
        self._arrivals.row_changed(claimed)
        return await self._joined(claimed, part_ids)

    async def may_remove(self, part: Upload) -> bool:
        """Whether nobody makes a file of it at this moment."""
        whole = await self._store.get(part.followed_as)
        return whole is None or whole.is_part or whole.is_gathering

    async def is_last(self, part: Upload) -> bool:
        """Whether the job has no other part to wait for."""
        return [other.id for other in await self._store.parts_of(part.followed_as)] == [part.id]

    # beginning

    async def _again(self, part_id: str) -> Upload:
        part = await self._store.get(part_id)
        if part is None:
            raise NotFound("This part was joined or removed already; take a new Idempotency-Key for another one.")
        return part

    async def _beside_others(self, part: Upload, asked: Asked | None) -> Upload | None:
        other = uploads.alias()
        busy_since = self._clock() + self._expiry - timedelta(seconds=_TOGETHER_SECONDS)  # bytes prolong a part's life
        is_busy = exists().where(other.c.part_of == uploads.c.id, other.c.expires_at > busy_since)
        async with self._database.write() as connection:
            found = await self._store.matching(
                connection, uploads.c.owner_id == part.owner_id, uploads.c.concat == GATHERING, is_busy
            )
            if not found:
                return None
            begun = replace(part, part_of=found[-1].id, job_id=found[-1].job_id)
            await _take_key(connection, asked, begun)
            await self._store.add(connection, begun)
        return begun

    async def _first(self, principal: Principal, part: Upload, asked: Asked | None) -> Upload:
        whole_id = new_id()
        whole = replace(part, id=whole_id, size=None, metadata={}, concat=GATHERING)

        async def add(connection: AsyncConnection, job: Job) -> None:
            begun = replace(part, part_of=whole_id, job_id=job.id)
            await _take_key(connection, asked, begun)
            await self._store.add(connection, replace(whole, job_id=job.id))
            await self._store.add(connection, begun)
            await self._audit.record(connection, principal, "upload.create", whole.name, subject_id=whole_id)

        job = await self._runner.start(
            KIND,
            owner_id=part.owner_id,
            title=whole.name,
            parameters={"upload_id": whole_id},
            total=part.size,
            also=add,
        )
        return replace(part, part_of=whole_id, job_id=job.id)

    # joining

    async def _claim_gathered(self, principal: Principal, whole: Upload, part_ids: Sequence[str]) -> str | None:
        """The id of the upload that gathered these parts and no others: it is the file. None when there is none."""
        async with self._database.write() as connection:
            parts = await self._store.matching(connection, uploads.c.id.in_(part_ids))
            gatherings = {part.part_of for part in parts}
            if len(gatherings) != 1 or None in gatherings:
                return None
            gathered = await self._store.matching(connection, uploads.c.part_of.in_(gatherings))
            [gathering] = await self._store.matching(connection, uploads.c.id.in_(gatherings))
            is_theirs = gathering.owner_id == principal.user_id and gathering.is_gathering
            if not is_theirs or not {part.id for part in gathered} <= set(part_ids):
                return None
            of_job = replace(whole, id=gathering.id, job_id=gathering.job_id)
            await self._claim(connection, principal, of_job, part_ids)
        return gathering.id

    async def _claim_anew(
        self, principal: Principal, whole: Upload, part_ids: Sequence[str], idempotency_key: str | None
    ) -> str:
        """The id of the file, which has a job of its own; those that only gathered its parts end."""
        abandoned: list[Upload] = []
        asked = {"name": whole.name, "metadata": whole.metadata, "parts": part_ids}

        async def claim(connection: AsyncConnection, job: Job) -> None:
            of_job = replace(whole, job_id=job.id)
            await self._store.add(connection, of_job)
            abandoned.extend(await self._claim(connection, principal, of_job, part_ids))

        job = await self._runner.start(
            KIND,
            owner_id=principal.user_id,
            title=whole.name,
            parameters={"upload_id": whole.id},
            asked=Asked.under(idempotency_key, by=principal.user_id, what=asked),
            also=claim,
        )
        for gathering in abandoned:
            await self._runner.cancel(str(gathering.job_id))
        return str(job.parameters["upload_id"])

    async def _claim(
        self, connection: AsyncConnection, principal: Principal, whole: Upload, part_ids: Sequence[str]
    ) -> list[Upload]:
        """Give the parts to `whole` in this transaction; answers gatherings that have no part any more."""
        parts = await self._finished_parts(connection, principal, part_ids)
        size = sum(part.offset for part in parts)
        require_size(size, max_bytes=self._max_bytes)
        self._room.require(size)
        expires_at = self._clock() + self._expiry
        await self._store.change(
            connection,
            whole.id,
            name=whole.name,
            media_type=whole.media_type,
            metadata=whole.metadata,
            concat=whole.concat,
            size=size,
            expires_at=expires_at,
        )
        for part in parts:
            await self._store.change(connection, part.id, part_of=whole.id, job_id=whole.job_id, expires_at=expires_at)
        await self._audit.record(
            connection, principal, "upload.join", whole.name, {"parts": len(parts)}, subject_id=whole.id
        )
        before = {part.part_of for part in parts} - {whole.id, None}
        other = uploads.alias()
        is_empty = ~exists().where(other.c.part_of == uploads.c.id)
        needless = await self._store.matching(connection, uploads.c.id.in_(before), is_empty)
        await self._runner.request_cancels(connection, [str(gathering.job_id) for gathering in needless])
        return needless

    async def _finished_parts(
        self, connection: AsyncConnection, principal: Principal, part_ids: Sequence[str]
    ) -> list[Upload]:
        """In the order they were named. Whose they are is asked first: a stranger learns nothing of them."""
        found = await self._store.matching(
            connection, uploads.c.id.in_(part_ids), uploads.c.owner_id == principal.user_id
        )
        by_id = {part.id: part for part in found}
        if len(by_id) < len(part_ids):
            raise NotFound("A part is not there any more, or is not yours; send it again.")
        parts = [by_id[part_id] for part_id in part_ids]
        if not all(part.is_part for part in parts):
            raise MalformedRequest("Only uploads that were begun with “Upload-Concat: partial” can be joined.")
        if not all(part.has_all_bytes for part in parts):
            raise Conflict("A part is not complete yet; send the rest of it first.", code="part_unfinished")
        wholes = await self._store.matching(connection, uploads.c.id.in_({part.part_of for part in parts} - {None}))
        if not all(whole.is_gathering for whole in wholes):
            raise Conflict("A part belongs to another file already.", code="part_used")
        return parts

    async def _joined(self, upload_id: str, part_ids: Sequence[str]) -> Upload:
        """The file, once it is ready or has been waited for long enough."""
        # Listening before looking: what happens between the two is not missed.
        async with self._arrivals.follow(upload_id) as arrival:
            with suppress(TimeoutError):
                async with asyncio.timeout(_JOINING_SECONDS):
                    while (upload := await self._store.get(upload_id)) is not None and upload.completed_at is None:
                        await arrival.wait(at_most=self._arrivals.look_seconds)
        upload = await self._store.get(upload_id)
        if upload is None and await self._store.get(part_ids[0]) is not None:
            raise StorageFull  # for want of room alone a file goes without its parts (uploads/upload.py)
        if upload is None:
            raise NotFound
        return upload
