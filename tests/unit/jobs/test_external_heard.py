"""What one process knows of the scripts that speak to it, by a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Unavailable
from server.jobs.external_heard import HeardScript, HeardScripts
from server.jobs.external_kind import KIND
from server.jobs.external_told import Ending, NewExternalJob, Update, begun_job
from server.jobs.job import State
from tests.unit.jobs.conftest import Clock, House, OpenHouse


class Listening:
    def __init__(self, house: House) -> None:
        self.house, self.clock = house, Clock()
        self.scripts = HeardScripts(house.life, clock=self.clock)

    async def begin(self) -> tuple[str, HeardScript]:
        job = await self.house.life.begin(begun_job("alice", NewExternalJob(title="Backup", total=4)))
        return job.id, self.scripts.listen_to(job)


@pytest.fixture
async def listening(open_house: OpenHouse) -> Listening:
    return Listening(await open_house(KIND))


async def test_whoever_says_anything_is_not_silent(listening: Listening) -> None:
    scripts = listening.scripts
    first, script = await listening.begin()
    second, _ = await listening.begin()
    listening.clock.now += 9
    scripts.hear(script, Update(progress=2))
    listening.clock.now += 1
    assert (scripts.silent(10), scripts.seconds_until_silent(30)) == ([second], 20)
    assert scripts.statistics().longest_silence_seconds == 10
    assert script.advancing.job.progress == 2
    assert {job_id for job_id, _ in scripts} == {first, second}


async def test_an_end_is_stored_once_however_many_ask_for_it(listening: Listening) -> None:
    job_id, script = await listening.begin()
    endings = [Ending(state=state) for state in (State.CANCELLED, State.SUCCEEDED)]
    await asyncio.gather(*(listening.scripts.end(job_id, ending) for ending in endings))
    job = await listening.house.life.find(job_id)
    assert (job.state, listening.scripts.has(script)) == (State.CANCELLED, False)
    assert await listening.scripts.is_ended(job_id)
    assert [state for _, state in listening.house.told].count(State.SUCCEEDED) == 0


async def test_one_that_is_let_go_runs_on_elsewhere_with_what_it_said_stored(listening: Listening) -> None:
    job_id, script = await listening.begin()
    listening.scripts.log_message(script, "customers", 0)
    listening.scripts.let_go(job_id)
    assert (listening.scripts.get(job_id), listening.scripts.statistics().running) == (None, 0)
    await listening.house.life.saver.flush()
    stored = await listening.house.store.get(job_id)
    assert stored is not None
    assert stored.state is State.RUNNING
    assert [line.message for line in (await listening.house.store.lines.page(job_id, limit=9)).lines] == ["customers"]


async def test_nobody_is_heard_before_the_start_and_after_the_end(listening: Listening) -> None:
    with pytest.raises(Unavailable):
        listening.scripts.require_open()
    listening.scripts.open()
    listening.scripts.require_open()
    await listening.begin()
    await listening.scripts.any()
    listening.scripts.close()
    with pytest.raises(Unavailable):
        listening.scripts.require_open()
    assert list(listening.scripts) == []
