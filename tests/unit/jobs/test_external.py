"""Jobs of scripts: heard, ended once, and given up when they fall silent; by a clock, without waiting."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Unavailable
from server.jobs.external import KIND, Cancelled, Ending, ExternalJobs, NewExternalJob, Over, Update
from server.jobs.job import JobError, State
from tests.unit.jobs.conftest import Clock, House, OpenHouse

DONE = Ending(state=State.SUCCEEDED, result={"rows": 5})


class Scripts:
    def __init__(self, house: House, *, silence_seconds: float = 900) -> None:
        self.house = house
        self.clock = Clock()
        self.jobs = ExternalJobs(life=house.life, silence_seconds=silence_seconds, clock=self.clock)


@pytest.fixture
async def scripts(open_house: OpenHouse) -> Scripts:
    scripts = Scripts(await open_house())
    await scripts.jobs.open()
    return scripts


async def test_a_job_runs_from_its_beginning_and_ends_as_its_script_says(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup", total=4))
    assert (job.state, job.attempt, scripts.jobs.running_of("alice"), scripts.jobs.running_of("bob")) == (
        State.RUNNING,
        1,
        1,
        0,
    )
    moved = await scripts.jobs.update(job.id, Update(progress=3, message="customers"))
    assert (moved.progress, moved.message) == (3, "customers")
    done = await scripts.jobs.update(job.id, Update(ending=DONE))
    assert (done.state, done.progress, done.result) == (State.SUCCEEDED, 4, {"rows": 5})
    assert scripts.jobs.running_of("alice") == 0


async def test_the_same_end_may_be_said_again_and_no_other(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup"))
    done = await scripts.jobs.update(job.id, Update(ending=DONE))
    assert await scripts.jobs.update(job.id, Update(ending=DONE)) == done
    for late in (Update(), Update(progress=1), Update(ending=Ending(state=State.FAILED))):
        with pytest.raises(Over):
            await scripts.jobs.update(job.id, late)


async def test_a_script_learns_that_a_person_cancelled_its_job(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup"))
    assert (await scripts.jobs.cancel(job.id)).state is State.CANCELLED
    with pytest.raises(Cancelled):
        await scripts.jobs.update(job.id, Update(progress=1))


async def test_a_failure_without_a_reason_says_where_to_look(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup"))
    failed = await scripts.jobs.update(job.id, Update(ending=Ending(state=State.FAILED)))
    assert failed.error is not None
    assert failed.error.code == "script_failed"
    other = await scripts.jobs.begin("alice", NewExternalJob(title="Backup"))
    reason = JobError(code="no_tape", message="There is no tape.")
    failed = await scripts.jobs.update(other.id, Update(ending=Ending(state=State.FAILED, error=reason)))
    assert failed.error == reason


async def test_who_says_nothing_for_too_long_is_given_up_and_who_says_anything_is_not(open_house: OpenHouse) -> None:
    scripts = Scripts(await open_house(), silence_seconds=0.2)
    await scripts.jobs.open()
    silent = await scripts.jobs.begin("alice", NewExternalJob(title="Silent"))
    alive = await scripts.jobs.begin("alice", NewExternalJob(title="Alive"))
    scripts.clock.now += 0.2
    await scripts.jobs.update(alive.id, Update())
    watching = asyncio.create_task(scripts.jobs.watch())
    failed = await scripts.house.wait_for(silent.id, State.FAILED)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert failed.error is not None
    assert failed.error.code == "silent"
    assert scripts.house.table.get(alive.id).state is State.RUNNING  # type: ignore[union-attr]
    assert scripts.jobs.statistics().running == 1


async def test_after_a_restart_each_has_its_whole_time_again(scripts: Scripts, open_house: OpenHouse) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup"))
    scripts.jobs.close()
    with pytest.raises(Unavailable):
        await scripts.jobs.update(job.id, Update(progress=1))
    after = Scripts(await open_house(KIND))
    await after.jobs.open()
    assert after.jobs.statistics().longest_silence_seconds == 0
    assert (await after.jobs.update(job.id, Update(progress=2))).progress == 2
