"""What stands in the rows that several nodes share: who may claim what, and whose lease is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text, update

from server.engines import lease_rows as rows
from server.engines.postgresql import PostgresqlDatabase
from server.jobs.job import Job, State
from server.storage.tables import jobs
from tests.unit.engines.leases import add_job, add_person

pytestmark = pytest.mark.usefixtures("shared_rows")
LANES = [rows.LIGHT, "short", "long", "shared"]


async def put(database: PostgresqlDatabase, *, lane: str = "long", seconds: float = 0.0, **fields: Any) -> Job:
    job = await add_job(database, **fields)
    async with database.write(shared=True) as connection:
        await rows.put(connection, job, lane=lane, seconds=seconds)
    return job


async def claim(database: PostgresqlDatabase, *, node: str = "here", **given: Any) -> Job | None:
    asked = {"kinds": ["heavy"], "lanes": LANES, "full": [], "lease_seconds": 10.0}
    async with database.write(shared=True) as connection:
        return await rows.claim(connection, node=node, **(asked | given))


async def age(database: PostgresqlDatabase, job: Job, seconds: float) -> None:
    """As if its node had not been heard of for so long."""
    ago = text(f"clock_timestamp() - interval '{seconds} seconds'")
    async with database.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(lease_until=ago))


async def test_what_is_claimed_runs_in_a_new_attempt_newer_than_anything_that_was_told(
    shared_rows: PostgresqlDatabase,
) -> None:
    job = await put(shared_rows)
    claimed = await claim(shared_rows)
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempt) == (job.id, State.RUNNING, 1)
    assert claimed.revision > 1_000_000
    assert claimed.started_at is not None
    assert await claim(shared_rows) is None


async def test_what_is_not_ours_to_begin_stays(shared_rows: PostgresqlDatabase) -> None:
    await put(shared_rows, kind="other")
    await put(shared_rows, lane="short")
    await put(shared_rows, cancel_requested=True)
    await put(shared_rows, seconds=60.0)
    assert await claim(shared_rows, lanes=["long"]) is None
    await put(shared_rows)
    assert await claim(shared_rows, lanes=["long"], full=["long alice"]) is None
    assert await claim(shared_rows, lanes=["long"], full=["long bob", "short alice"]) is not None


async def test_many_who_claim_at_once_get_each_job_once(shared_rows: PostgresqlDatabase) -> None:
    put_ids = [(await put(shared_rows)).id for _ in range(12)]
    claimed = await asyncio.gather(*(claim(shared_rows, node=f"node {number}") for number in range(16)))
    ids = [job.id for job in claimed if job is not None]
    while (job := await claim(shared_rows)) is not None:
        ids.append(job.id)
    assert sorted(ids) == sorted(put_ids)


async def test_owners_take_turns_over_all_nodes(shared_rows: PostgresqlDatabase) -> None:
    await add_person(shared_rows, "bob")
    for owner in ("alice", "alice", "alice", "bob"):
        await put(shared_rows, owner_id=owner)
    claimed = [await claim(shared_rows, node=node) for node in ("one", "two", "one", "two")]
    assert [job.owner_id for job in claimed if job is not None] == ["alice", "bob", "alice", "alice"]


async def test_a_job_is_lost_once_its_lease_is_over_and_one_node_sees_to_it(shared_rows: PostgresqlDatabase) -> None:
    await put(shared_rows)
    job = await claim(shared_rows)
    assert job is not None
    async with shared_rows.read() as connection:
        assert await rows.lost(connection) == []
    await age(shared_rows, job, 1.0)
    async with shared_rows.read() as connection:
        assert [each.id for each in await rows.lost(connection)] == [job.id]
    async with shared_rows.write(shared=True) as one, shared_rows.write(shared=True) as other:
        assert await rows.is_lost(one, job)
        assert not await rows.is_lost(other, job)


async def test_a_job_that_just_ended_is_not_lost(shared_rows: PostgresqlDatabase) -> None:
    await put(shared_rows)
    job = await claim(shared_rows)
    assert job is not None
    await age(shared_rows, job, 1.0)
    async with shared_rows.write() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(state=State.SUCCEEDED.value))
    async with shared_rows.write(shared=True) as connection:
        assert not await rows.is_lost(connection, job)


async def test_scripts_are_not_lost_by_their_lease(shared_rows: PostgresqlDatabase) -> None:
    job = await add_job(shared_rows, kind="external", state="running", attempt=1)
    await age(shared_rows, job, 1.0)
    async with shared_rows.read() as connection:
        assert await rows.lost(connection) == []


async def test_what_stands_in_line_is_shown_in_its_order(shared_rows: PostgresqlDatabase) -> None:
    first, second = await put(shared_rows), await put(shared_rows)
    later = await put(shared_rows, seconds=30.0)
    running = await claim(shared_rows)
    assert running is not None
    async with shared_rows.read() as connection:
        lines = await rows.lines(connection)
    assert [row.job.id for row in lines.running] == [running.id] == [first.id]
    assert [row.job.id for row in lines.waiting] == [second.id, later.id]
    assert 25 < lines.waiting[1].seconds <= 30
    assert (lines.waiting_in_all, lines.had_turns) == (2, {"long": ["alice"]})


async def test_what_a_server_put_that_was_alone_is_found(shared_rows: PostgresqlDatabase) -> None:
    job = await add_job(shared_rows)
    async with shared_rows.read() as connection:
        assert [each.id for each in await rows.in_no_lane(connection)] == [job.id]
    async with shared_rows.write(shared=True) as connection:
        assert await rows.is_in_no_lane(connection, job)
        await rows.put(connection, job, lane="long", seconds=0.0)
        assert not await rows.is_in_no_lane(connection, job)
    async with shared_rows.read() as connection:
        assert (await connection.execute(select(jobs.c.lane))).scalar_one() == "long"
