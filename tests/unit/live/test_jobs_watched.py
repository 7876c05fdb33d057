"""At a node that runs no jobs: copies of the jobs of who is connected, and of nobody else."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from server.app.resources import meanwhile
from server.clock import new_id, utc_now
from server.jobs.job import Job, State
from server.jobs.store import JobStore
from server.live import jobs_watched
from server.live.job_messages import JobMoved
from server.live.jobs_watched import JobsElsewhere, JobsHere
from server.realtime.broker import Publication
from server.storage.database import Database
from tests.waiting import until


async def stored(database: Database, owner: str = "alice") -> Job:
    now = utc_now()
    job = Job(
        id=new_id(),
        kind="work",
        owner_id=owner,
        title="t",
        unit="rows",
        created_at=now,
        revision=5,
        parameters={"a": 1},
    )
    async with database.write() as connection:
        return await JobStore(database).add(connection, job)


async def test_the_jobs_of_who_joins_are_there_and_go_when_nothing_more_is_heard(database: Database) -> None:
    jobs = JobsElsewhere(store=JobStore(database), is_told=lambda: True)
    hers, his = await stored(database), await stored(database, "bob")
    await jobs.load("alice")
    await jobs.load("alice")
    assert [(job.id, job.parameters) for job in jobs.table.live_of("alice")] == [(hers.id, {})]
    assert jobs.table.own(hers.id) is None  # the row knows better
    assert jobs.table.take(his)  # it is told to who watches, and not kept
    assert jobs.table.live_of("bob") == []
    assert not jobs.table.take(msgspec.structs.replace(hers, revision=4))
    jobs.forget("alice")
    assert jobs.table.get(hers.id) is None


async def test_while_nothing_is_heard_the_rows_are_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_watched, "_LOOK_SECONDS", 0.01)
    told: list[Publication] = []
    store, is_told = JobStore(database), True
    jobs = JobsElsewhere(store=store, is_told=lambda: is_told)
    jobs.tell_by(told.append)
    first = await stored(database)
    await jobs.load("alice")
    async with meanwhile(jobs.look()):
        second = await stored(database)
        async with database.write() as connection:
            over = first.evolve(state=State.CANCELLED, finished_at=utc_now())
            assert await store.move(connection, over, before=first)
        await asyncio.sleep(0.05)
        assert told == []
        jobs.may_have_lost()
        await until(lambda: len(told) == 2)
    found = {each.job.id: (each.job.state, each.is_life_change) for each in told if isinstance(each, JobMoved)}
    assert found == {second.id: (State.QUEUED, True), first.id: (State.CANCELLED, True)}


async def test_a_node_that_runs_them_has_nothing_to_look_for() -> None:
    here = JobsHere()
    await here.load("alice")
    await here.look()
    here.forget("alice")
