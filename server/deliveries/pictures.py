"""Charts of reports as pictures for their mails, drawn in a worker from what the batch keeps, before a mail leaves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from server.datasets.work import QueryLimits
from server.deliveries.delivery import FrozenDelivery
from server.errors import JinduError
from server.jobs.shared_workers import SharedWorkers
from server.reports.batch_store import BatchStore
from server.reports.batches import Batch
from server.reports.requests import render_request
from server.reports.work import ChartPicture, draw_first_chart
from server.storage.blob_store import BlobStore

_LOG = logging.getLogger("jindu.deliveries")
_MOST_REPORTS = 3  # of one mail, that have a picture
_MOST_KEPT = 64  # pictures: many get the same report
_SECONDS = 20.0  # a mail goes without a picture rather than late


class ChartPictures:
    """One on each node. What is drawn is the same at each attempt: it comes of versions that do not change."""

    def __init__(
        self,
        *,
        store: BatchStore,
        blobs: BlobStore,
        workers: SharedWorkers,
        limits: QueryLimits,
        seconds: float = _SECONDS,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._workers = workers
        self._limits = limits
        self._seconds = seconds
        self._kept: dict[str, ChartPicture | None] = {}

    async def draw(self, delivery: FrozenDelivery) -> None:
        """So that `of` has them. What cannot be drawn is left out: the report says why, and its data may be gone."""
        wanted = [report.id for report in delivery.content.reports[:_MOST_REPORTS] if report.id not in self._kept]
        if not wanted:
            return
        batch = await self._store.get(delivery.batch_id)
        for report_id in wanted:
            try:
                picture = await self._drawn(batch, report_id)
            except (JinduError, TimeoutError) as error:
                values = {"action": "deliver", "report": report_id, "why": type(error).__name__}
                _LOG.info("a mail goes without a chart", extra=values)
                continue
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[report_id] = picture

    def of(self, delivery: FrozenDelivery) -> Mapping[str, ChartPicture]:
        """Those that are drawn, by report."""
        found = {report.id: self._kept.get(report.id) for report in delivery.content.reports[:_MOST_REPORTS]}
        return {report_id: picture for report_id, picture in found.items() if picture is not None}

    async def _drawn(self, batch: Batch, report_id: str) -> ChartPicture | None:
        report = await self._store.report(report_id)
        # Nothing is written: the picture comes back by itself.
        asked = render_request(batch, report, self._blobs, self._limits, output=Path(), laid_out={})
        async with asked as request:
            found: ChartPicture | None = await self._workers.run(
                batch.owner_id, draw_first_chart, request, timeout_seconds=self._seconds
            )
        return found
