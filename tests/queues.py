"""Job queues over rows, with nothing around them: what is put, handed out, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.engines.lease_lines import LeaseLines
from server.engines.lease_queue import LeaseQueue
from server.engines.memory_queue import MemoryQueue
from server.jobs.away import Patience
from server.jobs.job import Job, State
from server.jobs.job_queue import JobQueue
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.lanes import Lane
from server.jobs.life import REVISIONS_LOST, Also, JobLife
from server.jobs.outcomes import ended
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.waiting import Waiting
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.tables import users
from tests.waiting import until


async def nothing(context: object) -> None: ...


KINDS = JobKinds(
    [
        JobKind(name="heavy", label="Heavy", unit="rows", function=nothing),
        JobKind(name="short", label="Short", unit="rows", function=nothing, lane=lambda job: Lane.SHORT),
        JobKind(name="shared", label="Shared", unit="rows", function=nothing, lane=lambda job: Lane.SHARED),
        JobKind(name="light", label="Light", unit="rows", function=nothing, heavy=False),
        JobKind(
            name="waits",
            label="Waits",
            unit="bytes",
            function=nothing,
            heavy=False,
            goes_on=True,
            counts_interruptions=False,
        ),
    ]
)
SLOTS = 2
LEASE_SECONDS = 1.0


@dataclass
class StoreOfFiles:
    is_away: bool = False


FILES = StoreOfFiles()
PATIENCE = Patience(seconds=3_600, files_away=lambda: FILES.is_away)


def memory_queue(_database: Database) -> JobQueue:
    return MemoryQueue(kinds=KINDS, heavy_slots=SLOTS, max_attempts=3, patience=PATIENCE)


def lease_queue(database: Database) -> JobQueue:
    url, node = database.place, new_id()
    return LeaseQueue(
        database=database,
        lines=LeaseLines(url, node=node, lease_seconds=LEASE_SECONDS),
        node=node,
        kinds=KINDS,
        claims=KINDS.names,
        heavy_slots=SLOTS,
        max_attempts=3,
        lease_seconds=LEASE_SECONDS,
        patience=PATIENCE,
    )


@dataclass
class Node:
    """One queue over the rows, and what it told."""

    queue: JobQueue
    life: JobLife
    stopped: list[str] = field(default_factory=list)
    told: list[tuple[str, State]] = field(default_factory=list)

    async def put(self, owner: str, *, kind: str = "heavy", also: Also | None = None, **fields: Any) -> Job:
        known = {"id": new_id(), "title": "t", "unit": "rows", "created_at": utc_now(), "revision": 1}
        job = Job(kind=kind, owner_id=owner, **{**known, **fields})  # type: ignore[arg-type]
        return await self.life.begin(job, also=also)

    async def next(self) -> Job:
        async with asyncio.timeout(10):
            job = await self.queue.next()
        assert job is not None
        return job

    async def finish(self, job: Job, state: State = State.SUCCEEDED) -> Job:
        finished = await self.life.move(job, **ended(state))
        self.queue.done(job)
        assert finished is not None
        return finished

    async def waiting(self, *job_ids: str) -> Mapping[str, Waiting]:
        """As it is told once these are known to wait."""
        await until(lambda: self.queue.jobs_waiting().keys() >= set(job_ids))
        return self.queue.jobs_waiting()

    async def die(self) -> None:
        """As by a power cut: what it runs is not told to anybody."""
        if isinstance(self.queue, LeaseQueue):
            await self.queue.end()

    async def cancel(self, job: Job) -> bool:
        """As a person does; whether it had not begun."""
        cancelled = await self.life.move(job, **ended(State.CANCELLED))
        await self.queue.cancel(job)
        return cancelled is not None


async def opened(database: Database, make: Callable[[Database], JobQueue]) -> Node:
    queue, store, is_shared = make(database), JobStore(database), make is lease_queue
    table = JobTable(keeps=lambda owner_id: True) if is_shared else JobTable()
    node: Node

    async def on_life_change(connection: AsyncConnection, job: Job, notice: object) -> Callable[[], None]:
        return lambda: node.told.append((job.id, job.state))

    life = JobLife(
        database=database,
        table=table,
        store=store,
        saver=ProgressSaver(store=store, table=table),
        on_life_change=on_life_change,
        enqueue=queue.put,
        growth=Growth(bytes_per_day=0),
        revisions_unseen=REVISIONS_LOST if is_shared else 0,
    )
    node = Node(queue, life)
    await queue.open(life, node.stopped.append)
    return node


async def add_people(database: Database) -> None:
    async with database.write() as connection:
        for name in ("alice", "bob"):
            person: dict[str, Any] = {"id": name, "name": name, "name_key": name, "password_hash": ""}
            await connection.execute(insert(users).values(**person, role="editor", created_at=utc_now()))
