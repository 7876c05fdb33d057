"""What another node stores as queued is handed out here, once, and what it cancels is stopped or left out."""

from __future__ import annotations

import asyncio

import msgspec

from server.clock import new_id, utc_now
from server.engines.row_queue import RowQueue
from server.jobs.job import Job, State
from server.jobs.outcomes import ended
from server.jobs.store import JobStore
from server.storage.database import Database
from tests.unit.engines.test_memory_queue import House
from tests.waiting import until


async def stored(database: Database) -> Job:
    """As a node that runs no jobs does."""
    job = Job(id=new_id(), kind="work", owner_id="alice", title="t", unit="rows", created_at=utc_now(), revision=1)
    job = msgspec.structs.replace(job, parameters={"total": 3})
    async with database.write() as connection:
        return await JobStore(database).add(connection, job)


async def next_of(queue: RowQueue) -> Job:
    async with asyncio.timeout(10):
        job = await queue.next()
    assert job is not None
    return job


async def test_what_others_store_is_handed_out_once_and_what_they_cancel_is_not(database: Database) -> None:
    house, stopped, store = House(database), list[str](), JobStore(database)
    queue = RowQueue(house.queue)
    await queue.open(house.life, stopped.append)
    first, second, third = [await stored(database) for _ in range(3)]
    house.table.take(msgspec.structs.replace(third, parameters={}))  # as it is told
    running = await next_of(queue)
    assert (running.id, running.state, running.attempt) == (first.id, State.RUNNING, 1)

    await until(lambda: house.queue.waiting_ids() == {second.id, third.id})
    async with database.write() as connection:
        assert await store.move(connection, second.evolve(**ended(State.CANCELLED)), before=second)
    await store.request_cancel(first.id)
    await until(lambda: first.id in stopped)

    queue.done(running)
    last = await next_of(queue)
    assert (last.id, last.parameters) == (third.id, {"total": 3})
    assert house.queue.waiting_ids() == set()
    found = await store.get(second.id)
    assert found is not None
    assert (found.state, found.attempt) == (State.CANCELLED, 0)
    await queue.close()
