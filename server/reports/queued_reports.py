"""The reports of a batch that wait to be made."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from server.reports.batch_store import BatchStore
from server.reports.batches import BatchReport, ReportFilter

_READ_TOGETHER = 50


class QueuedReports:
    """Read some at a time; those who make them share them."""

    def __init__(self, store: BatchStore, batch_id: str, ids: Sequence[str]) -> None:
        self._store = store
        self._batch_id = batch_id
        self._ids = deque(ids)
        self._read: deque[BatchReport] = deque()
        self._reading = asyncio.Lock()

    async def next(self) -> BatchReport | None:
        async with self._reading:
            if not self._read and self._ids:
                some = tuple(self._ids.popleft() for _ in range(min(_READ_TOGETHER, len(self._ids))))
                wanted = ReportFilter(ids=some, limit=len(some))
                self._read.extend((await self._store.reports(self._batch_id, wanted)).items)
            return self._read.popleft() if self._read else None
