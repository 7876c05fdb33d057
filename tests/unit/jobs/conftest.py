"""A real database and a real runner, without HTTP around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.engines.memory_queue import MemoryQueue
from server.jobs.attempts import Attempts
from server.jobs.job import Job, State
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.outcomes import Notice
from server.jobs.retry import NEVER, Retries
from server.jobs.runner import JobRunner
from server.jobs.saver import ProgressSaver
from server.jobs.shared_workers import SharedWorkers
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.turns import Turns
from server.jobs.workers import WorkerPool
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.quotas import Quotas
from server.storage.reserve import Reserve
from server.storage.room import Room


@dataclass
class House:
    """One start of the job machinery; several may follow each other on one database, as restarts do."""

    database: Database
    table: JobTable
    store: JobStore
    life: JobLife
    runner: JobRunner
    workers: SharedWorkers
    told: list[tuple[str, State]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    async def begin(self, owner_id: str = "alice", **fields: Any) -> Job:
        """A job that nobody runs: it is only stored and told."""
        known = {"id": new_id(), "kind": "none", "title": "t", "unit": "rows", "created_at": utc_now(), "revision": 1}
        return await self.life.begin(Job(**{**known, "owner_id": owner_id, "state": State.RUNNING, **fields}))  # type: ignore[arg-type]

    async def close_line(self) -> None:
        """From now on what is queued stays so, whatever its kind."""
        await self.runner.drain()

    async def wait_for(self, job_id: str, *states: State, seconds: float = 10.0) -> Job:
        async with asyncio.timeout(seconds):
            while True:
                job = self.table.get(job_id)
                if job is not None and job.state in states:
                    return job
                await asyncio.sleep(0.005)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


OpenHouse = Callable[..., "asyncio.Future[House]"]


@pytest.fixture
async def open_house(database: Database, tmp_path: Path) -> AsyncIterator[OpenHouse]:
    houses: list[House] = []

    async def open_one(
        *kinds: JobKind,
        heavy_slots: int = 2,
        max_attempts: int = 3,
        drain_seconds: float = 0.2,
        silence_seconds: float = 120.0,
        retries: Retries = NEVER,
    ) -> House:
        table, store = JobTable(), JobStore(database)
        pool = WorkerPool(size=1, memory_mib=400, silence_seconds=silence_seconds, look_seconds=0.05)
        workers = SharedWorkers(pool, Turns(places=1, per_user=1))
        house: House

        async def on_life_change(connection: AsyncConnection, job: Job, notice: Notice | None) -> Callable[[], None]:
            def tell() -> None:
                house.told.append((job.id, job.state))
                house.notices.extend([notice] if notice is not None else [])

            return tell

        saver = ProgressSaver(store=store, table=table)
        known = JobKinds(kinds)
        queue = MemoryQueue(kinds=known, heavy_slots=heavy_slots, max_attempts=max_attempts)
        life = JobLife(
            database=database,
            table=table,
            store=store,
            saver=saver,
            on_life_change=on_life_change,
            enqueue=queue.put,
            growth=Growth(bytes_per_day=0),
        )
        runner = JobRunner(
            life=life,
            kinds=known,
            queue=queue,
            attempts=Attempts(life=life, kinds=known, workers=workers, retries=retries),
            drain_seconds=drain_seconds,
            room=Room(tmp_path, min_free_bytes=0, reserve=Reserve(tmp_path / "reserve", wanted_bytes=0)),
            quotas=Quotas(),
        )
        house = House(database, table, store, life, runner, workers)
        houses.append(house)
        await runner.open()
        return house

    yield open_one  # type: ignore[misc]
    for house in houses:
        await house.runner.drain()
        await house.workers.close()
