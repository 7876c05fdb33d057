"""The job of an upload: it waits for the bytes, shows how many have come, and knows the file by its hash at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from server.clock import Clock
from server.errors import Gone, JobFailed
from server.storage.database import Database
from server.uploads.arrivals import Arrival, Arrivals
from server.uploads.files import Upload, UploadStore
from server.uploads.partial import hash_file
from server.uploads.receiving import Receiver

if TYPE_CHECKING:
    from server.jobs.context import JobContext

KIND = "file_upload"


class DataUpload:
    """The job kind `file_upload`. The bytes themselves come with requests; this job only follows them."""

    def __init__(
        self, *, database: Database, store: UploadStore, receiver: Receiver, arrivals: Arrivals, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._receiver = receiver
        self._arrivals = arrivals
        self._clock = clock

    async def upload_data_file(self, context: JobContext) -> dict[str, Any]:
        """Ends when the file is whole. Cancelling it removes the upload; so both end together."""
        upload_id = context.job.parameters["upload_id"]
        try:
            upload = await self._wait_for_bytes(context, upload_id)
            sha256 = upload.sha256 or await self._hash(context, upload)
        except asyncio.CancelledError:
            await asyncio.shield(self._discard_if_cancelled(context, upload_id))
            raise
        return {
            "upload_id": upload_id,
            "sha256": sha256,
            "links": {"upload": f"/api/v1/uploads/{upload_id}", "import": f"/imports/new?upload={upload_id}"},
        }

    async def _discard_if_cancelled(self, context: JobContext, upload_id: str) -> None:
        """A person has cancelled the job, or the server stops and goes on with the upload when it is back."""
        try:
            async with self._database.read() as connection:
                await context.fence(connection)
        except JobFailed:
            await self._receiver.discard(upload_id)

    async def _wait_for_bytes(self, context: JobContext, upload_id: str) -> Upload:
        with self._arrivals.listen(upload_id) as arrival:
            while True:
                upload = await self._store.get(upload_id)
                if upload is None:
                    raise Gone(
                        "The upload was not finished in time and was removed; upload the file again.",
                        code="upload_removed",
                    )
                context.advance(max(upload.offset, arrival.received), total=upload.size, stage="receiving")
                if upload.is_whole:
                    return upload
                await self._follow(context, arrival)

    @staticmethod
    async def _follow(context: JobContext, arrival: Arrival) -> None:
        """Show bytes as they come, until the row has something new to say."""
        while not arrival.row_changed:
            await arrival.wait()
            context.advance(arrival.received)
        arrival.row_changed = False

    async def _hash(self, context: JobContext, upload: Upload) -> str:
        context.advance(stage="checking")
        sha256 = await asyncio.to_thread(hash_file, upload.path)
        await self._store.complete(upload.id, size=upload.offset, sha256=sha256, at=self._clock())
        return sha256
