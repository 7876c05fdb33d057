"""Small pictures of reports: the first page of a batch's first PDF, drawn when somebody first looks at it.

They lie among the files of their batch and go with them. Making reports takes no longer for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.auth.access import BATCHES, given_or_own
from server.auth.permissions import Principal
from server.errors import NotFound
from server.jobs.job import State
from server.operations.batches import BatchOperations
from server.operations.data_reading import DataReading
from server.reports.batch_store import BatchStore
from server.reports.batches import ReportFilter, StoredArtifact
from server.reports.work import FirstPageRequest, draw_first_page
from server.storage.blob_store import BlobStore

_LOOKED_THROUGH = 20  # reports, for one whose PDF could be made
_WIDTH = 480  # pixels; cards are half as wide, and screens have two for each


class FirstPageOperations:
    """Whoever may see a batch may see its first page."""

    def __init__(self, *, batches: BatchOperations, store: BatchStore, reading: DataReading, blobs: BlobStore) -> None:
        self._batches = batches
        self._store = store
        self._reading = reading
        self._blobs = blobs

    async def newest(self, principal: Principal, templates: Sequence[str]) -> Mapping[str, str]:
        """By id of templates: that of the newest batch, which the caller may see, that made a report with pages."""
        principal.require_read()
        return await self._store.newest_with_pages(given_or_own(principal, BATCHES), templates)

    async def picture(self, principal: Principal, batch_id: str) -> bytes:
        """WebP. Raises `NotFound`, also while no report of the batch has a page."""
        batch = await self._batches.get(principal, batch_id)
        key = f"reports/{batch.id}/first-page.webp"
        try:
            return await self._content(key)
        except NotFound:
            await self._draw(principal, batch.id, key)
        return await self._content(key)

    async def _content(self, key: str) -> bytes:
        return b"".join([piece async for piece in self._blobs.stream(key)])

    async def _draw(self, principal: Principal, batch_id: str, key: str) -> None:
        self._reading.room.require()
        pdf = await self._pdf(batch_id)
        async with self._blobs.fetch([pdf.blob]) as (source,), self._reading.scratch.place(".webp") as target:
            request = FirstPageRequest(pdf=source, target=target, width=_WIDTH)
            await self._reading.in_worker(principal, draw_first_page, request)
            await self._blobs.publish(target, key)
        try:
            await self._batches.get(principal, batch_id)
        except NotFound:  # it was deleted meanwhile, and its files with it
            await self._blobs.delete(key)
            raise

    async def _pdf(self, batch_id: str) -> StoredArtifact:
        made = await self._store.reports(batch_id, ReportFilter(state=State.SUCCEEDED, limit=_LOOKED_THROUGH))
        for report in made.items:
            for artifact in report.artifacts:
                if artifact.format == "pdf":
                    return artifact
        raise NotFound("No report of this batch has pages yet.")
