"""The queue in memory: what the database cannot take is tried again, at its time and no sooner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.engines.memory_queue import MemoryQueue
from server.errors import StorageFull
from server.jobs.job import Job, State
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.life import JobLife
from server.jobs.retry import LATER_SECONDS, LONGEST_PAUSE_SECONDS
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.storage.database import Database
from server.storage.growth import Growth

AWAY = OperationalError("UPDATE", {}, Exception("the database is away"))


async def nothing(context: object) -> None: ...


KINDS = JobKinds([JobKind(name="work", label="Work", unit="rows", function=nothing)])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Faulty:
    """A database whose next transactions fail, each with one of `faults`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.faults: list[Exception] = []
        self.failed = asyncio.Event()

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        if self.faults:
            self.failed.set()
            raise self.faults.pop(0)
        async with self._database.write(shared=shared) as connection:
            yield connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class House:
    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.database = Faulty(database)
        self.table = JobTable()
        self.queue = MemoryQueue(kinds=KINDS, heavy_slots=1, max_attempts=2, clock=self.clock)
        store = JobStore(self.database)
        self.life = JobLife(
            database=self.database,
            table=self.table,
            store=store,
            saver=ProgressSaver(store=store, table=self.table),
            on_life_change=tell_nobody,
            enqueue=self.queue.put,
            growth=Growth(bytes_per_day=0),
        )

    async def put(self, owner: str, *, not_before: datetime | None = None) -> Job:
        job = Job(id=new_id(), kind="work", owner_id=owner, title="t", unit="rows", created_at=utc_now(), revision=1)
        return await self.life.begin(msgspec.structs.replace(job, not_before=not_before))

    async def next(self) -> Job:
        async with asyncio.timeout(10):
            job = await self.queue.next()
        assert job is not None
        return job


async def tell_nobody(connection: AsyncConnection, job: Job, notice: object) -> Callable[[], None]:
    return lambda: None


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    house = House(database)
    await house.queue.open(house.life, lambda job_id: None)
    yield house
    await house.queue.close()


@pytest.mark.parametrize(("fault", "seconds"), [(StorageFull(), LATER_SECONDS), (AWAY, 0.2)])
async def test_a_job_that_could_not_be_begun_lets_others_pass_until_its_time(
    house: House, fault: Exception, seconds: float
) -> None:
    waiting = await house.put("alice")
    house.database.faults = [fault]
    handing_out = asyncio.create_task(house.next())
    await house.database.failed.wait()
    of_bob = await house.put("bob")
    job = await handing_out
    assert job.id == of_bob.id
    house.clock.now += seconds
    assert (await house.next()).id == waiting.id  # it had taken no place meanwhile


async def test_a_job_is_begun_however_often_the_database_fails(house: House) -> None:
    put = await house.put("alice")
    for failures in range(8):
        house.database.faults = [AWAY]
        house.database.failed.clear()
        handing_out = asyncio.create_task(house.next())
        await house.database.failed.wait()
        house.clock.now += 30
        house.queue.done(put)  # news: it looks at the clock
        if failures == 7:
            assert (await handing_out).id == put.id
        else:
            handing_out.cancel()
            await asyncio.gather(handing_out, return_exceptions=True)


async def test_what_a_crash_left_behind_is_taken_up_once_there_is_room(house: House, database: Database) -> None:
    await house.put("alice")
    lost = await house.next()
    after = House(database)
    after.database.faults = [StorageFull()]
    await after.queue.open(after.life, lambda job_id: None)
    stored = await after.life.store.get(lost.id)
    assert stored is not None
    assert stored.state is State.RUNNING
    after.clock.now += LATER_SECONDS
    assert (await after.next()).attempt == 2
    await after.queue.close()


async def test_a_clock_set_back_keeps_no_job_longer_than_any_pause(house: House) -> None:
    waiting = await house.put("alice", not_before=utc_now() + timedelta(days=1))
    handing_out = asyncio.create_task(house.next())
    of_bob = await house.put("bob")
    assert (await handing_out).id == of_bob.id
    house.clock.now += LONGEST_PAUSE_SECONDS
    assert (await house.next()).id == waiting.id


async def test_a_queue_that_nobody_opened_keeps_nothing(database: Database) -> None:
    house = House(database)
    await house.put("alice")
    assert house.queue.statistics().waiting == 0
    assert await house.queue.next() is None
