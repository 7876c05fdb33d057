"""The job that only counts: it counts to its total in its time, and fails where it was asked to."""

from __future__ import annotations

import pytest

from server.errors import JobFailed
from server.jobs.context import JobContext
from server.jobs.demonstration import demonstrate, kind
from tests.unit.jobs.conftest import House, OpenHouse


async def context_for(house: House, **parameters: object) -> JobContext:
    job, life = await house.begin(attempt=1, parameters=parameters), house.life
    return JobContext(job, life=life, workers=house.workers)


async def test_it_counts_to_its_total(open_house: OpenHouse) -> None:
    context = await context_for(await open_house(), total=1_000, seconds=0)
    left = await demonstrate(context)
    assert (left.result, left.notice) == ({"counted": 1_000, "links": {}}, None)
    assert (context.job.progress, context.job.total, context.job.stage) == (1_000, 1_000, "counting")


async def test_it_fails_where_it_was_asked_to(open_house: OpenHouse) -> None:
    context = await context_for(await open_house(), total=10, seconds=0, fail_at=4)
    with pytest.raises(JobFailed, match="failed at 4"):
        await demonstrate(context)
    assert context.job.progress == 4


def test_it_takes_no_slot() -> None:
    assert not kind().heavy
