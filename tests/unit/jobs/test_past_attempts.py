"""What attempts were: their stages by a clock of their own, one row each, and gone with their job."""

from __future__ import annotations

from sqlalchemy import delete

from server.errors import JinduError
from server.jobs.context import JobContext
from server.jobs.job import State
from server.jobs.past_attempts import MOST_STAGES, PastStage, StageTimes
from server.storage.tables import jobs
from tests.unit.jobs.conftest import Clock, OpenHouse
from tests.unit.jobs.test_life import job
from tests.unit.jobs.test_runner import begin, kind


def test_each_stage_takes_until_the_next_one_and_the_same_told_again_is_none() -> None:
    clock = Clock()
    times, mine = StageTimes(clock=clock), job(State.RUNNING)
    times.begin(mine)
    clock.now += 1
    for stage, seconds in (("reading", 2), ("reading", 1), ("writing", 4)):
        times.moved(mine.id, stage)
        clock.now += seconds
    assert times.so_far(mine.id) == (PastStage("", 1), PastStage("reading", 3), PastStage("writing", 4))
    times.end(mine.id)
    times.moved(mine.id, "late")
    assert times.so_far(mine.id) == ()


def test_a_job_that_names_a_stage_for_each_thing_is_kept_short_and_whole() -> None:
    clock = Clock()
    times, mine = StageTimes(clock=clock), job(State.RUNNING)
    times.begin(mine)
    for number in range(500):
        clock.now += 1
        times.moved(mine.id, f"file {number}")
    stages = times.so_far(mine.id)
    assert len(stages) == MOST_STAGES
    assert sum(stage.seconds for stage in stages) == 500


async def test_every_attempt_is_told_with_its_end_and_they_go_with_the_job(open_house: OpenHouse) -> None:
    async def fail_at_first(context: JobContext) -> None:
        context.advance(1, stage="reading")
        context.advance(2, stage="writing")
        if context.job.attempt == 1:
            raise _Refused

    house = await open_house(kind(fail_at_first))
    begun = await begin(house)
    await house.wait_for(begun.id, State.FAILED)
    await house.runner.retry(begun.id)
    ended = await house.wait_for(begun.id, State.SUCCEEDED)
    attempts, count = await house.store.attempts.of_job(begun.id)
    assert [(past.number, past.ended_as) for past in attempts] == [(2, State.SUCCEEDED), (1, State.FAILED)]
    assert count == 2
    assert attempts[1].error is not None
    assert attempts[1].error.code == "refused_for_a_test"
    assert [stage.name for stage in attempts[0].stages if stage.name] == ["reading", "writing"]
    assert attempts[0].seconds == ended.took_seconds
    async with house.database.write() as connection:
        await house.store.attempts.add(connection, ended, attempts[0])  # its answer was lost, and it is stored again
    assert (await house.store.attempts.of_job(begun.id))[1] == 2
    async with house.database.write() as connection:
        await connection.execute(delete(jobs))
    assert await house.store.attempts.of_job(begun.id) == ([], 0)


class _Refused(JinduError):
    """It is refused, for a test."""

    code = "refused_for_a_test"
