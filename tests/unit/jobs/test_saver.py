"""Progress and log lines are stored together, now and then, and lines are not lost to a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import StorageFull
from server.jobs.job import State
from server.jobs.job_log import line_now
from server.jobs.outcomes import ended
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.storage.database import Database
from server.storage.tables import jobs
from tests.unit.jobs.conftest import House, OpenHouse


async def lines(house: House, job_id: str) -> list[str]:
    return [line.message for line in (await house.store.lines.page(job_id, limit=100)).lines]


async def test_running_jobs_are_stored_as_they_are_shown_and_ended_ones_are_left_alone(open_house: OpenHouse) -> None:
    house = await open_house()
    running, over = await house.begin(attempt=1), await house.begin("bob", attempt=1)
    for job in (running, over):
        house.table.put(job.evolve(progress=5))
        house.life.saver.changed(job.id)
    moved = house.table.get(over.id)
    assert moved is not None
    await house.life.move(moved, **ended(State.CANCELLED))
    await house.life.saver.flush()
    stored = await house.store.get(running.id)
    assert stored is not None
    assert stored.progress == 5
    assert await house.store.get(over.id) == house.table.get(over.id)


async def test_lines_go_with_the_outcome_or_back(open_house: OpenHouse) -> None:
    house = await open_house()
    job, other = await house.begin(), await house.begin()
    saver = ProgressSaver(store=house.store, table=house.table)
    saver.log(line_now(other, "of another job", "info"))
    for text in ("one", "two"):
        saver.log(line_now(job, text, "info"))
    taken = await saver.take_lines(job.id)
    assert [line.message for line in taken] == ["one", "two"]
    assert await saver.take_lines(job.id) == []
    saver.put_back(taken)
    await saver.flush()
    assert await lines(house, job.id) == ["one", "two"]
    assert await lines(house, other.id) == ["of another job"]


class Full:
    """A database without room, until somebody makes some."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_full = True

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncConnection]:
        if self.is_full:
            raise StorageFull
        async with self._database.write(shared=shared) as connection:
            yield connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_lines_wait_for_room_on_the_disk(open_house: OpenHouse) -> None:
    house = await open_house()
    job, database = await house.begin(), Full(house.database)
    saver = ProgressSaver(store=JobStore(database), table=house.table)
    saver.log(line_now(job, "kept", "info"))
    await saver.flush()
    assert await lines(house, job.id) == []
    database.is_full = False
    await saver.flush()
    assert await lines(house, job.id) == ["kept"]


async def test_lines_of_a_job_that_was_deleted_cost_no_other_job_its_own(open_house: OpenHouse) -> None:
    house = await open_house()
    job, deleted = await house.begin(), await house.begin()
    saver = ProgressSaver(store=house.store, table=house.table)
    for each in (deleted, job, deleted):
        saver.log(line_now(each, "said", "info"))
    async with house.database.write() as connection:
        await connection.execute(jobs.delete().where(jobs.c.id == deleted.id))
    await saver.flush()
    assert await lines(house, job.id) == ["said"]
    await saver.flush()
    assert await lines(house, job.id) == ["said"]


async def test_what_is_being_stored_when_the_server_stops_is_stored(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    saver = ProgressSaver(store=house.store, table=house.table, every_seconds=3600)
    running = asyncio.create_task(saver.run())
    saver.log(line_now(job, "last", "info"))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await saver.flush()
    assert await lines(house, job.id) == ["last"]
