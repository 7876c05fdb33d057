"""Attempts under way: stopped, waited for, put back, and over exactly once whatever happens."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from server.clock import utc_now
from server.errors import JobFailed, StorageFull
from server.jobs.attempts import Attempts
from server.jobs.context import JobContext
from server.jobs.job import Job, State
from server.jobs.job_log import JobLogStore
from server.jobs.kinds import JobKind, JobKinds
from server.jobs.outcomes import Notice, Outcome
from server.jobs.retry import Retries
from tests.unit.jobs.conftest import House, OpenHouse
from tests.waiting import until


class Trial:
    """Attempts without a queue or runner around them."""

    def __init__(self, house: House, *kinds: JobKind, retries: int = 0) -> None:
        self.house = house
        self.attempts = Attempts(
            life=house.life, kinds=JobKinds(kinds), workers=house.workers, retries=Retries(most=retries)
        )
        self.over: list[str] = []

    async def begin(self, kind: str = "work", **fields: Any) -> Job:
        job = await self.house.begin(kind=kind, attempt=1, **fields)
        self.attempts.begin(job, when_over=lambda job: self.over.append(job.id))
        return job

    async def state_of(self, job: Job) -> State:
        await until(lambda: job.id in self.over, seconds=10)
        stored = await self.house.store.get(job.id)
        assert stored is not None
        return stored.state


def kind(function: Any, **fields: Any) -> JobKind:
    return JobKind(**{"name": "work", "label": "Work", "unit": "rows", "function": function, **fields})


async def forever(context: JobContext) -> None:
    await asyncio.Event().wait()


async def test_an_attempt_ends_as_its_function_does(open_house: OpenHouse) -> None:
    async def well(context: JobContext) -> Outcome:
        return Outcome(result={"a": 1}, notice=Notice(title="Ready"))

    async def ill(context: JobContext) -> None:
        raise JobFailed("no")

    house = await open_house()
    trial = Trial(house, kind(well, name="well"), kind(ill, name="ill"))
    assert await trial.state_of(await trial.begin("well")) is State.SUCCEEDED
    assert await trial.state_of(await trial.begin("ill")) is State.FAILED
    assert house.notices == [Notice(title="Ready")]
    assert len(trial.attempts) == 0


async def test_an_attempt_whose_error_may_pass_is_repeated_and_the_log_says_so(open_house: OpenHouse) -> None:
    async def full(context: JobContext) -> None:
        raise StorageFull

    house = await open_house()
    light = kind(full, name="light", heavy=False)
    following = kind(full, name="following", heavy=False, goes_on=True)  # as of an upload, which is there
    trial = Trial(house, kind(full), light, following, retries=2)
    job = await trial.begin()
    assert await trial.state_of(job) is State.QUEUED
    stored = await house.store.get(job.id)
    assert stored is not None
    assert (stored.failures, stored.error) == (1, None)
    assert stored.not_before is not None
    assert stored.not_before > utc_now()
    lines = [(line.level, line.message) for line in (await JobLogStore(house.database).page(job.id, limit=5)).lines]
    assert [level for level, _ in lines] == ["warning", "warning"]
    assert "disk is full" in lines[0][1]
    assert await trial.state_of(await trial.begin(failures=2)) is State.FAILED  # it was tried twice more
    assert await trial.state_of(await trial.begin("light")) is State.FAILED
    assert await trial.state_of(await trial.begin("following")) is State.QUEUED


async def test_what_somebody_ends_is_not_repeated(open_house: OpenHouse) -> None:
    async def stumble(context: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise StorageFull

    trial = Trial(await open_house(), kind(stumble), retries=2)
    job = await trial.begin()
    await asyncio.sleep(0)
    trial.attempts.stop(job.id)
    assert await trial.state_of(job) is State.CANCELLED


async def test_only_the_one_that_is_meant_is_stopped(open_house: OpenHouse) -> None:
    trial = Trial(await open_house(), kind(forever))
    hers, his = await trial.begin(), await trial.begin()
    assert trial.attempts.by_kind() == {"work": 2}
    trial.attempts.stop(hers.id)
    trial.attempts.stop("nobody's")
    await trial.attempts.wait_for_end(hers.id)
    await trial.attempts.wait_for_end("nobody's")
    assert trial.over == [hers.id]
    assert await trial.state_of(hers) is State.CANCELLED
    trial.attempts.stop(his.id)
    assert await trial.state_of(his) is State.CANCELLED


async def test_a_stop_before_the_function_began_is_not_lost(open_house: OpenHouse) -> None:
    trial = Trial(await open_house(), kind(forever))
    job = await trial.house.begin(kind="work", attempt=1)
    trial.attempts.begin(job, when_over=lambda job: trial.over.append(job.id))
    trial.attempts.stop(job.id)  # in the same turn of the loop
    assert await trial.state_of(job) is State.CANCELLED


async def test_draining_lets_heavy_ones_finish_and_puts_the_others_back(open_house: OpenHouse) -> None:
    finish = asyncio.Event()

    async def heavy(context: JobContext) -> None:
        await finish.wait()

    trial = Trial(await open_house(), kind(heavy, name="heavy"), kind(forever, name="light", heavy=False))
    working, waiting = await trial.begin("heavy"), await trial.begin("light")
    assert trial.attempts.heavy() == 1
    draining = asyncio.create_task(trial.attempts.drain(seconds=60, hurry=asyncio.Event()))
    assert await trial.state_of(waiting) is State.QUEUED
    finish.set()
    await draining
    assert await trial.state_of(working) is State.SUCCEEDED


async def test_a_hurry_puts_back_heavy_ones_too(open_house: OpenHouse) -> None:
    trial = Trial(await open_house(), kind(forever))
    job, hurry = await trial.begin(), asyncio.Event()
    hurry.set()
    await trial.attempts.drain(seconds=3600, hurry=hurry)
    assert await trial.state_of(job) is State.QUEUED


async def test_a_kind_that_nobody_runs_here_is_over_at_once(
    open_house: OpenHouse, caplog: pytest.LogCaptureFixture
) -> None:
    trial = Trial(await open_house(), kind(None))
    with caplog.at_level(logging.ERROR):
        job = await trial.begin()
        assert await trial.state_of(job) is State.RUNNING  # its row is left to whoever does run it
    assert "nobody here runs jobs of the kind work" in caplog.text
