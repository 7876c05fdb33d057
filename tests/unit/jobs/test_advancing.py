"""The progress of one attempt on its way to the table: conflated, merged, never backwards, over with the attempt."""

from __future__ import annotations

from server.jobs.advancing import Advancing
from server.jobs.job import Job
from tests.unit.jobs.conftest import House, OpenHouse
from tests.waiting import until


async def begun(open_house: OpenHouse) -> tuple[House, Job, Advancing]:
    house = await open_house()
    job = await house.begin()
    return house, job, Advancing(job, table=house.table, saver=house.life.saver)


def shown(house: House, job: Job) -> Job:
    newest = house.table.get(job.id)
    assert newest is not None
    return newest


async def test_the_first_step_is_shown_at_once_and_those_right_after_it_together(open_house: OpenHouse) -> None:
    house, job, advancing = await begun(open_house)
    advancing.advance(1, total=10)
    assert shown(house, job).progress == 1
    for progress in range(2, 9):
        advancing.advance(progress)
    assert (shown(house, job).progress, advancing.job.progress) == (1, 8)
    await until(lambda: shown(house, job).progress == 8, seconds=5)
    assert shown(house, job).revision == job.revision + 2


async def test_a_bar_never_goes_back_and_its_total_grows_with_it(open_house: OpenHouse) -> None:
    _, _, advancing = await begun(open_house)
    advancing.advance(5, total=8)
    advancing.advance(3, total=4)
    assert (advancing.job.progress, advancing.job.total) == (5, 5)
    advancing.advance(9)
    assert (advancing.job.progress, advancing.job.total) == (9, 9)


async def test_details_are_merged_and_what_is_left_out_stays(open_house: OpenHouse) -> None:
    house, job, advancing = await begun(open_house)
    advancing.advance(stage="reading", message="Orders", detail={"rejected": 1, "bytes": 5})
    advancing.advance(title="orders.csv", detail={"rejected": 2})
    advancing.publish()
    now = shown(house, job)
    assert (now.stage, now.message, now.title) == ("reading", "Orders", "orders.csv")
    assert now.detail == {"rejected": 2, "bytes": 5}


async def test_what_changes_nothing_is_no_change(open_house: OpenHouse) -> None:
    house, job, advancing = await begun(open_house)
    advancing.advance(0, stage="")
    advancing.publish()
    assert shown(house, job).revision == job.revision


async def test_with_its_end_what_waits_is_shown_and_nothing_after_it(open_house: OpenHouse) -> None:
    house, job, advancing = await begun(open_house)
    advancing.advance(1)
    advancing.advance(2)
    advancing.end()
    advancing.advance(3)
    advancing.publish()
    assert (shown(house, job).progress, advancing.is_over) == (2, True)
