"""What a job function can rely on: workers that die are replaced once, and the fence holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.errors import FileProblem, JobFailed, WorkerDied, WorkTooLarge
from server.jobs.context import JobContext
from server.jobs.job import Job
from tests.unit.jobs import worker_functions as functions
from tests.unit.jobs.conftest import House, OpenHouse


def context_of(house: House, job: Job) -> JobContext:
    return JobContext(job, life=house.life, workers=house.workers)


async def run(house: House, function: Any, argument: Any) -> tuple[Any, list[str]]:
    """What came out, and the lines that were logged."""
    job = await house.begin(attempt=1)
    try:
        result = await context_of(house, job).run_in_worker(function, argument)
    except JobFailed as error:
        result = error
    return result, await lines_of(house, job)


async def lines_of(house: House, job: Job) -> list[str]:
    await house.life.saver.flush()
    return [f"{line.level}: {line.message}" for line in (await house.store.lines.page(job.id, limit=10)).lines]


AGAIN = "warning: The worker died; trying once more."


async def test_a_worker_that_dies_is_replaced_once_and_the_log_says_so(open_house: OpenHouse, tmp_path: Path) -> None:
    house = await open_house()
    assert await run(house, functions.double, 21) == (42, [])
    assert await run(house, functions.die_once, str(tmp_path / "died")) == ("alive", [AGAIN])
    error, lines = await run(house, functions.kill_itself, None)
    assert isinstance(error, WorkerDied)
    assert lines == [AGAIN]


async def test_a_worker_that_stands_still_is_replaced_once_and_the_log_says_so(
    open_house: OpenHouse, tmp_path: Path
) -> None:
    house = await open_house(silence_seconds=0.5)
    still = "warning: The worker stood still and was replaced; trying once more."
    assert await run(house, functions.stand_still_once, str(tmp_path / "still")) == ("alive", [still])


async def test_a_step_past_its_time_limit_is_not_tried_again(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=1)
    context = JobContext(job, life=house.life, workers=house.workers, step_seconds=0.3)
    with pytest.raises(WorkTooLarge, match=r"longer than the allowed 0\.3 seconds"):
        await context.run_in_worker(functions.sleep, 600.0)
    assert await lines_of(house, job) == []


async def test_what_a_file_has_wrong_is_not_tried_again(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=1)
    with pytest.raises(FileProblem):
        await context_of(house, job).run_in_worker(functions.fail_clearly, 7)
    assert await lines_of(house, job) == []


async def test_the_fence_lets_through_only_the_attempt_that_counts(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=1)
    context = context_of(house, job)
    async with house.database.write() as connection:
        await context.fence(connection)
    await house.store.request_cancel(job.id)
    async with house.database.write() as connection:
        with pytest.raises(JobFailed, match="given up"):
            await context.fence(connection)


async def test_after_its_end_a_context_moves_nothing(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=1)
    context = context_of(house, job)
    context.advance(1, total=2)
    context.end()
    context.advance(2)
    assert context.job.progress == 1
    async with house.database.write() as connection:
        with pytest.raises(JobFailed, match="given up"):
            await context.fence(connection)
