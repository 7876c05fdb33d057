"""How datasets are read for whoever asks: in a shared worker, within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from server.auth.access import DATASETS, ThingAccess
from server.auth.permissions import Principal
from server.datasets.answers import AnswerPlace
from server.datasets.catalog import Catalog
from server.datasets.dataset import Version
from server.datasets.work import QueryLimits
from server.jobs.shared_workers import SharedWorkers
from server.jobs.worker_process import WorkerFunction
from server.storage.room import Room
from server.storage.scratch import Scratch

_GRACE_SECONDS = 5.0  # a worker ends itself at its limit; this is for one that cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReading:
    """What every operation that reads datasets is given."""

    catalog: Catalog
    workers: SharedWorkers
    scratch: Scratch
    room: Room
    limits: QueryLimits
    answer_bytes: int
    access: ThingAccess

    async def note_looks(self, principal: Principal, versions: Iterable[Version]) -> None:
        """Of the datasets of others that an administrator reads in a query or a template."""
        if principal.is_admin:
            for dataset_id in {each.dataset_id for each in versions if each.owner_id != principal.user_id}:
                await self.access.of(principal, DATASETS, dataset_id)

    async def in_worker(self, principal: Principal, function: WorkerFunction, request: Any) -> Any:
        seconds = self.limits.seconds + _GRACE_SECONDS
        return await self.workers.run(principal.user_id, function, request, timeout_seconds=seconds)

    @asynccontextmanager
    async def place(self, suffix: str) -> AsyncIterator[AnswerPlace]:
        """Where a worker may write an answer that is large; nothing stays there when the block fails."""
        async with self.scratch.place(suffix) as path:
            yield AnswerPlace(path=path, max_bytes=self.answer_bytes, min_free_bytes=self.room.min_free_bytes)
