"""A script's job moves at the node that it spoke to last, and its silence is one silence for all nodes."""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

from server.engines.lease_scripts import LeaseScripts
from server.engines.postgresql import PostgresqlDatabase
from server.jobs.job import Job, State
from server.storage.tables import jobs
from tests.unit.engines.leases import add_job


@pytest.fixture
def here(shared_rows: PostgresqlDatabase) -> LeaseScripts:
    return LeaseScripts(database=shared_rows, node="here", silence_seconds=60.0)


@pytest.fixture
def there(shared_rows: PostgresqlDatabase) -> LeaseScripts:
    return LeaseScripts(database=shared_rows, node="there", silence_seconds=60.0)


@pytest.fixture
async def job(shared_rows: PostgresqlDatabase, here: LeaseScripts) -> Job:
    made = await add_job(shared_rows, kind="external", state="running", attempt=1, progress=1)
    async with shared_rows.write() as connection:
        await here.begin(connection, made)
    return made


async def test_whoever_hears_it_takes_it_and_the_one_before_stores_nothing_more(
    job: Job, here: LeaseScripts, there: LeaseScripts
) -> None:
    said = job.evolve(progress=2)
    assert await here.save(said)
    taken = await there.take(job)
    assert taken is not None
    assert (taken.progress, taken.revision > 1_000_000) == (2, True)
    assert not await here.save(said.evolve(progress=9))
    assert await there.save(taken.evolve(progress=3))
    assert (list(await here.here([job.id])), list(await there.here([job.id]))) == ([], [job.id])


async def test_what_is_over_is_taken_by_nobody(
    shared_rows: PostgresqlDatabase, job: Job, here: LeaseScripts, there: LeaseScripts
) -> None:
    async with shared_rows.write() as connection:
        await connection.execute(update(jobs).values(state=State.CANCELLED.value))
    assert await there.take(job) is None
    assert not await here.save(job.evolve(progress=2))
    assert list(await here.here([job.id])) == []


async def test_one_node_gives_up_what_none_heard(
    shared_rows: PostgresqlDatabase, job: Job, here: LeaseScripts, there: LeaseScripts
) -> None:
    assert await there.silent() == []
    async with shared_rows.write() as connection:
        await connection.execute(update(jobs).values(lease_until=text("clock_timestamp() - interval '1 second'")))
    assert [each.id for each in await there.silent()] == [job.id]
    async with shared_rows.write(shared=True) as one, shared_rows.write(shared=True) as other:
        assert await there.is_silent(one, job)
        assert not await here.is_silent(other, job)
    assert await here.save(job.evolve(progress=2))  # it speaks
    async with shared_rows.write(shared=True) as connection:
        assert not await there.is_silent(connection, job)


async def test_one_that_a_server_had_that_was_alone_has_its_whole_time(
    shared_rows: PostgresqlDatabase, here: LeaseScripts
) -> None:
    await add_job(shared_rows, kind="external", state="running", attempt=1)
    assert await here.silent() == []
    async with shared_rows.read() as connection:
        left = text("select lease_until - clock_timestamp() > interval '50 seconds' from jobs")
        assert (await connection.execute(left)).scalar_one()
        assert await here.count(connection, "alice") == 1
        assert await here.count(connection, "bob") == 0
