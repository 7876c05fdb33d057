"""The job that gets a file from elsewhere: what comes of it is an upload like one that a browser sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from server.clock import Clock
from server.errors import NotFetchedNow
from server.jobs.context import JobContext
from server.jobs.job import Job
from server.jobs.kinds import JobKind, JobLink
from server.jobs.outcomes import Outcome
from server.storage.database import Database
from server.storage.quotas import Stored
from server.storage.tables import uploads
from server.uploads.elsewhere import Elsewhere, Found, Place
from server.uploads.files import Upload, UploadStore, announced, require_size
from server.uploads.pieces import Pieces
from server.uploads.receiving import Receiver
from server.uploads.upload import import_links, links_of

KIND = "file_fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """What came: an upload, and the version of the file that it is of, where somebody said it."""

    upload_id: str
    name: str
    version: str | None


class FileFetch:
    """The job kind `file_fetch`. An attempt that breaks off leaves nothing, and the next one begins anew."""

    def __init__(
        self,
        *,
        database: Database,
        store: UploadStore,
        pieces: Pieces,
        receiver: Receiver,
        elsewhere: Mapping[str, Elsewhere],
        clock: Clock,
        expiry: timedelta,
        max_bytes: int,
    ) -> None:
        """`elsewhere`: by the field of a place that says which it is (`url`, `folder`)."""
        self._database = database
        self._store = store
        self._pieces = pieces
        self._receiver = receiver
        self._elsewhere = elsewhere
        self._clock = clock
        self._expiry = expiry
        self._max_bytes = max_bytes

    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            label="Fetched file",
            icon="download",
            unit="bytes",
            message="file_upload_progress",
            links=_links,
            lost="What has arrived so far is removed; the file itself stays where it is.",
            function=self.fetch,
            heavy=False,
            stores=Stored.UPLOADS,
        )

    async def fetch(self, context: JobContext) -> Outcome:
        place = msgspec.convert(context.job.parameters["place"], Place)
        found = await self.bring(context, place)
        if found is None:
            return Outcome(result={"unchanged": True, "version": place.unless})
        told = {"upload_id": found.upload_id, "unchanged": False, "version": found.version}
        return Outcome(result=told | {"links": links_of(found.upload_id)})

    async def bring(self, context: JobContext, place: Place) -> FetchedFile | None:
        """As an upload of the job's owner; None when its version is `place.unless`.

        What earlier attempts of the job left is removed.
        """
        await self._forget_earlier(context.job)
        elsewhere = self._elsewhere["url" if place.url else "folder"]
        async with elsewhere.open(place) as found:
            if found is None:
                return None
            require_size(found.size, max_bytes=self._max_bytes)
            upload = announced(
                owner_id=context.job.owner_id,
                name=found.name,
                size=found.size,
                media_type=found.media_type,
                job_id=context.job.id,
                now=self._clock(),
                expiry=self._expiry,
            )
            # A job that is nothing but this file is called by it.
            title = upload.name if context.job.kind == KIND else None
            context.advance(0, total=found.size, stage="receiving", title=title)
            await self._pieces.create(upload.id)
            try:
                await self._take(context, upload, found)
            except BaseException:
                await self.discard(upload.id)
                raise
        return FetchedFile(upload_id=upload.id, name=upload.name, version=found.version)

    async def discard(self, upload_id: str) -> None:
        """Whatever becomes of whoever asks."""
        await asyncio.shield(self._receiver.discard(upload_id))

    async def _take(self, context: JobContext, upload: Upload, found: Found) -> None:
        async with self._database.write() as connection:
            await context.fence(connection)
            await self._store.add(connection, upload)
        taken = await self._receiver.receive(
            upload.id,
            _counted(found.chunks, context),
            offset=0,
            max_bytes=self._max_bytes,
            is_last=upload.size is None,
        )
        if taken.completed_at is None:
            raise NotFetchedNow("Only {count} of {total} bytes came.", count=taken.offset, total=upload.size)

    async def _forget_earlier(self, job: Job) -> None:
        """What an attempt left behind that was killed."""
        async with self._database.read() as connection:
            left = await self._store.matching(connection, uploads.c.job_id == job.id)
        for upload in left:
            await self._receiver.discard(upload.id)


async def _counted(chunks: AsyncIterator[bytes], context: JobContext) -> AsyncIterator[bytes]:
    count = 0
    async for chunk in chunks:
        yield chunk
        count += len(chunk)
        context.advance(count)


def _links(job: Job) -> Sequence[JobLink]:
    return import_links(job, (job.result or {}).get("upload_id"))
