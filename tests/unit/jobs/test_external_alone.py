"""Jobs of scripts at one server: heard, ended once, and given up when they fall silent; by a clock, without waiting."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Unavailable
from server.jobs.external_alone import ScriptsAlone
from server.jobs.external_kind import KIND
from server.jobs.external_told import Cancelled, Ending, NewExternalJob, Over, Update
from server.jobs.job import JobError, State
from tests.unit.jobs.conftest import Clock, House, OpenHouse

DONE = Ending(state=State.SUCCEEDED, result={"rows": 5})


class Scripts:
    def __init__(self, house: House, *, silence_seconds: float = 900) -> None:
        self.house = house
        self.clock = Clock()
        self.jobs = ScriptsAlone(life=house.life, silence_seconds=silence_seconds, clock=self.clock)


@pytest.fixture
async def scripts(open_house: OpenHouse) -> Scripts:
    scripts = Scripts(await open_house())
    await scripts.jobs.open()
    return scripts


async def test_a_job_runs_from_its_beginning_and_ends_as_its_script_says(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup", total=4))
    assert (job.state, job.attempt, scripts.jobs.statistics().running) == (State.RUNNING, 1, 1)
    moved = await scripts.jobs.update(job.id, Update(progress=3, message="customers"))
    assert (moved.progress, moved.message) == (3, "customers")
    done = await scripts.jobs.update(job.id, Update(ending=DONE))
    assert (done.state, done.progress, done.result) == (State.SUCCEEDED, 4, {"rows": 5})
    assert scripts.jobs.statistics().running == 0


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


async def silent(scripts: Scripts) -> str:
    """A job that was given up because nothing was heard of its script."""
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Backup", total=4))
    await scripts.jobs.update(job.id, Update(progress=2))
    scripts.clock.now += 900
    watching = asyncio.create_task(scripts.jobs.watch())
    await scripts.house.wait_for(job.id, State.FAILED)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return job.id


async def test_a_script_that_was_given_up_and_speaks_again_goes_on(scripts: Scripts) -> None:
    job_id = await silent(scripts)
    again = await scripts.jobs.update(job_id, Update(progress=3))
    assert (again.state, again.progress, again.attempt, again.error, again.finished_at) == (
        State.RUNNING, 3, 1, None, None,
    )  # fmt: skip
    assert "spoke again" in again.message
    assert scripts.jobs.statistics().running == 1
    done = await scripts.jobs.update(job_id, Update(ending=DONE))
    assert (done.state, done.progress) == (State.SUCCEEDED, 4)


async def test_the_end_of_a_script_that_was_given_up_is_accepted_with_a_note(
    scripts: Scripts, open_house: OpenHouse
) -> None:
    job_id = await silent(scripts)
    scripts.jobs.close()
    after = Scripts(await open_house(KIND))  # the server was away meanwhile
    await after.jobs.open()
    done, same = await asyncio.gather(*(after.jobs.update(job_id, Update(ending=DONE)) for _ in range(2)))
    assert (done.state, same.state, done.error, done.result) == (State.SUCCEEDED, State.SUCCEEDED, None, {"rows": 5})
    lines = [line.message for line in (await after.house.store.lines.page(job_id, limit=10)).lines]
    assert lines[-1] == "The script spoke again, so this goes on."


async def test_a_job_that_failed_otherwise_or_was_cancelled_stays_over(scripts: Scripts) -> None:
    failed, cancelled = [await scripts.jobs.begin("alice", NewExternalJob(title="Backup")) for _ in range(2)]
    await scripts.jobs.update(failed.id, Update(ending=Ending(state=State.FAILED)))
    await scripts.jobs.cancel(cancelled.id)
    with pytest.raises(Over):
        await scripts.jobs.update(failed.id, Update(progress=1))
    with pytest.raises(Cancelled):
        await scripts.jobs.update(cancelled.id, Update(progress=1))


async def test_a_script_may_count_in_fractions(scripts: Scripts) -> None:
    job = await scripts.jobs.begin("alice", NewExternalJob(title="Training", total=1.0))
    moved = await scripts.jobs.update(job.id, Update(progress=0.4))
    assert (moved.progress, moved.total, moved.percent) == (0.4, 1, 40.0)
    await scripts.house.life.saver.flush()
    stored = await scripts.house.store.get(job.id)
    assert stored is not None
    assert (stored.progress, repr(stored.total)) == (0.4, "1")
