"""The job of an upload: it waits for the bytes, shows how many have come, and knows the file by its hash at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from server.clock import Clock
from server.errors import Gone, JobFailed, StorageFull
from server.jobs.context import JobContext
from server.jobs.job import PAUSED, Job, State
from server.jobs.kinds import JobKind, JobLink
from server.jobs.outcomes import Outcome
from server.jobs.shown import WAITING_FOR_SENDER
from server.storage.database import Database, DatabaseAway
from server.uploads.arrivals import Arrival, Arrivals
from server.uploads.files import Upload, UploadStore
from server.uploads.pieces import BYTES_MISSING, Part, Pieces
from server.uploads.receiving import Receiver
from server.uploads.tus import parse_concat

KIND = "file_upload"
_AGAIN_SECONDS = 1.0  # until a database that is away is asked again


class DataUpload:
    """The job kind `file_upload`. The bytes themselves come with requests; this job only follows them."""

    def __init__(
        self,
        *,
        database: Database,
        store: UploadStore,
        pieces: Pieces,
        receiver: Receiver,
        arrivals: Arrivals,
        clock: Clock,
        silence: timedelta,
        expiry: timedelta,
    ) -> None:
        """`silence`: who sends nothing for so long does not come back by itself. `expiry` is the receiver's."""
        self._database = database
        self._store = store
        self._pieces = pieces
        self._receiver = receiver
        self._arrivals = arrivals
        self._clock = clock
        self._silence_seconds = silence.total_seconds()
        self._expiry = expiry

    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Upload",
            icon="upload",
            unit="bytes",
            message="file_upload_progress",
            links=_links,
            lost="What has arrived so far is removed; the file on your computer stays as it is.",
            kept="The upload goes on where it stopped.",
            function=self.upload_data_file,
            heavy=False,
            stalls_after_seconds=0,
            stands_still_as=WAITING_FOR_SENDER,
            goes_on=True,
            counts_interruptions=False,
            can_retry=False,  # the bytes are in the browser, not here
        )

    async def upload_data_file(self, context: JobContext) -> Outcome:
        """Ends when the file is whole. Cancelling it removes the upload; so both end together."""
        upload_id = context.job.parameters["upload_id"]
        try:
            upload = await self._wait_for_bytes(context, upload_id)
            context.advance(title=upload.name)  # parts come before their file has a name
            sha256 = upload.sha256 or await self._finish(context, upload)
        except asyncio.CancelledError:
            await asyncio.shield(self._discard_if_cancelled(context, upload_id))
            raise
        return Outcome(result={"upload_id": upload_id, "sha256": sha256, "links": links_of(upload_id)})

    async def _discard_if_cancelled(self, context: JobContext, upload_id: str) -> None:
        """A person has cancelled the job; or the server stops and goes on with the upload when it is back, or another
        node follows it by now, and all of it stays."""
        async with self._database.write(shared=True) as connection:
            is_cancelled = await context.is_cancelled(connection)
        if is_cancelled:
            await self._receiver.discard(upload_id)

    async def _wait_for_bytes(self, context: JobContext, upload_id: str) -> Upload:
        incoming: list[Upload] = []
        gone_bytes = 0  # of parts that came here and went into another file: a bar does not go back
        silence = _Silence(self._silence_seconds)
        async with self._arrivals.follow(upload_id) as arrival:
            arrival.is_paused = context.job.stage == PAUSED  # before the server was started again
            while True:
                before = incoming
                upload, incoming = await self._rows(upload_id, silence)
                silence.saw(sum(part.offset for part in incoming))
                still_here = {part.id for part in incoming}
                gone_bytes += sum(arrival.bytes_of(part) for part in before if part.id not in still_here)
                context.advance(
                    gone_bytes + sum(map(arrival.bytes_of, incoming)),
                    total=_total(upload, incoming, gone_bytes),
                    stage=PAUSED if arrival.is_paused else "receiving",
                )
                if not before and (last := self._last_byte(incoming)) is not None:
                    context.stood_still_since(last)
                if upload.has_all_bytes or (upload.has_parts and not upload.is_gathering):
                    return upload
                while not arrival.row_changed:  # show bytes as they come, until a row has something new to say
                    await self._hear(upload_id, arrival, silence)
                    context.advance(
                        gone_bytes + sum(map(arrival.bytes_of, incoming)),
                        stage=PAUSED if arrival.is_paused else "receiving",
                    )
                arrival.row_changed = False

    def _last_byte(self, incoming: Sequence[Upload]) -> datetime | None:
        """When it was acknowledged: each puts off when the upload is removed."""
        return max((part.expires_at - self._expiry for part in incoming if part.expires_at), default=None)

    async def _rows(self, upload_id: str, silence: _Silence) -> tuple[Upload, list[Upload]]:
        """The file and what comes of it. While the database is away nobody can send: that is no silence."""
        while True:
            try:
                upload = await self._store.get(upload_id)
                if upload is None:
                    raise Gone(
                        "The upload was not finished in time and was removed; upload the file again.",
                        code="upload_removed",
                    )
                return upload, await self._incoming(upload)
            except DatabaseAway:
                await asyncio.sleep(_AGAIN_SECONDS)
                silence.end()

    async def _hear(self, upload_id: str, arrival: Arrival, silence: _Silence) -> None:
        look_seconds = self._arrivals.look_seconds
        at_most = silence.left if look_seconds is None else min(silence.left, look_seconds)
        if await arrival.wait(at_most=at_most):
            silence.end()
        elif silence.left <= 0:
            await self._rows(upload_id, silence)
            if silence.left <= 0:
                raise JobFailed(
                    "Whoever sent this file stopped sending. Choose the same file again, and it goes on where it was.",
                    code="sender_gone",
                )
        else:
            arrival.row_changed = True  # somebody may have told of it, and was not heard

    async def _incoming(self, upload: Upload) -> list[Upload]:
        return await self._store.parts_of(upload.id) if upload.has_parts else [upload]

    async def _finish(self, context: JobContext, upload: Upload) -> str:
        return await (self._join(context, upload) if upload.has_parts else self._hash(context, upload))

    async def _join(self, context: JobContext, upload: Upload) -> str:
        """One file out of its parts, which stay until it is durable; on a full disk they stay for another try."""
        context.advance(stage="joining")
        part_ids = parse_concat(upload.concat)
        sizes = {part.id: part.offset for part in await self._store.parts_of(upload.id)}
        if not sizes.keys() >= set(part_ids):
            raise Gone(BYTES_MISSING)
        try:
            parts = [Part(upload_id=part_id, size=sizes[part_id]) for part_id in part_ids]
            size, sha256 = await self._pieces.join(parts, upload.id)
        except StorageFull:
            await self._store.release_parts(upload.id)
            self._arrivals.row_changed(upload.id)
            raise
        if size != upload.size:
            raise Gone(BYTES_MISSING)
        await self._store.complete(upload.id, size=size, sha256=sha256, at=self._clock())
        await self._pieces.discard(*part_ids)
        self._arrivals.row_changed(upload.id)
        return sha256

    async def _hash(self, context: JobContext, upload: Upload) -> str:
        context.advance(stage="checking")
        sha256 = await self._pieces.sha256(upload.id, size=upload.offset)
        await self._store.complete(upload.id, size=upload.offset, sha256=sha256, at=self._clock())
        return sha256


class _Silence:
    """Since when nothing was heard of a sender."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = -1
        self.end()

    @property
    def left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def saw(self, size: int) -> None:
        """So many bytes stand in the rows."""
        if size != self._bytes:
            self._bytes = size
            self.end()

    def end(self) -> None:
        self._until = time.monotonic() + self._seconds


def links_of(upload_id: str) -> dict[str, str]:
    """Where programs and people go from a file that is here."""
    return {"upload": f"/api/v1/uploads/{upload_id}", "import": f"/imports/new?upload={upload_id}"}


def import_links(job: Job, upload_id: str | None) -> Sequence[JobLink]:
    """Of a job that brings a file, once it is here."""
    if job.state is not State.SUCCEEDED or not upload_id:
        return []
    return [JobLink(url=links_of(upload_id)["import"], label="Import this file", icon="table-2")]


def _links(job: Job) -> Sequence[JobLink]:
    return import_links(job, job.parameters.get("upload_id"))


def _total(upload: Upload, incoming: Sequence[Upload], gone_bytes: int) -> int | None:
    """Of a file in parts, what was announced so far; None while a part does not know its own size."""
    if upload.size is not None:
        return upload.size
    sizes = [part.size for part in incoming]
    return None if None in sizes else gone_bytes + sum(size for size in sizes if size is not None)
