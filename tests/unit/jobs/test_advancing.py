"""The progress of one attempt on its way to the table: conflated, merged, never backwards, over with the attempt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from server.clock import utc_now
from server.jobs.advancing import Advancing
from server.jobs.job import FINISHING, Job, State
from server.jobs.past_attempts import StageTimes
from server.jobs.stillness import Stillness
from tests.unit.jobs.conftest import Clock, House, OpenHouse
from tests.waiting import until


async def begun(open_house: OpenHouse, **fields: Any) -> tuple[House, Job, Advancing]:
    house = await open_house()
    job = await house.begin(**fields)
    return house, job, house.life.advancing(job, stalls_after_seconds=60)


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


class Standing:
    """An attempt on a clock that the test moves; the timer looks when the test says so."""

    def __init__(self, house: House, job: Job, *, stalls_after_seconds: float) -> None:
        self.clock = Clock()
        self.house = house
        self.stillness = Stillness(clock=self.clock)
        self.advancing = Advancing(
            job,
            table=house.table,
            saver=house.life.saver,
            stages=StageTimes(),
            stillness=self.stillness,
            stalls_after_seconds=stalls_after_seconds,
        )

    @property
    def shown(self) -> Job:
        return shown(self.house, self.advancing.attempt_job)

    def steps(self, *progress: float, seconds: float) -> None:
        for each in progress:
            self.clock.now += seconds
            self.advancing.advance(each)
        self.advancing.publish()

    def wait(self, seconds: float) -> Job:
        self.clock.now += seconds
        self.stillness.look()
        return self.shown


async def standing(open_house: OpenHouse, *, stalls_after_seconds: float = 60, **fields: Any) -> Standing:
    house, job, _ = await begun(open_house, **fields)
    return Standing(house, job, stalls_after_seconds=stalls_after_seconds)


async def test_what_stands_still_says_since_when_and_has_neither_rate_nor_time_left(open_house: OpenHouse) -> None:
    work = await standing(open_house, total=1000)
    work.steps(100, 200, 300, 400, 500, seconds=1)
    assert (work.shown.rate, work.shown.eta_seconds) == (100.0, 5.0)
    assert work.wait(4.9) == work.shown
    assert work.shown.eta_seconds == 5.0
    still = work.wait(0.2)
    assert (still.rate, still.eta_seconds, still.is_stalled) == (None, None, False)
    assert still.stalled_since is not None
    assert 5.0 <= (utc_now() - still.stalled_since).total_seconds() < 6
    assert work.wait(54) == still
    stalled = work.wait(1)
    assert (stalled.is_stalled, stalled.stalled_since, stalled.revision) == (
        True,
        still.stalled_since,
        still.revision + 1,
    )
    work.wait(10_000)
    assert work.shown == stalled


async def test_what_stood_still_before_a_restart_is_stalled_for_as_long_altogether(open_house: OpenHouse) -> None:
    work = await standing(open_house, stalled_since=utc_now() - timedelta(minutes=12))
    assert work.wait(6).is_stalled


async def test_what_moved_last_before_this_attempt_stands_still_since_then_until_it_moves(
    open_house: OpenHouse,
) -> None:
    work = await standing(open_house)
    before = utc_now() - timedelta(minutes=3)
    work.advancing.stood_still_since(before)
    assert work.wait(6).stalled_since == before
    work.advancing.advance(9)
    again = work.wait(6).stalled_since
    assert again is not None
    assert again > before


async def test_when_it_moves_again_all_of_that_goes(open_house: OpenHouse) -> None:
    work = await standing(open_house, total=1000)
    work.steps(100, 200, 300, 400, 500, seconds=1)
    work.wait(120)
    assert work.shown.is_stalled
    work.steps(501, seconds=0)
    assert (work.shown.stalled_since, work.shown.is_stalled, work.shown.rate) == (None, False, None)
    work.steps(601, 701, seconds=1)
    assert (work.shown.rate, work.shown.eta_seconds) == (100.0, 3.0)


async def test_a_message_is_news_and_makes_no_rate(open_house: OpenHouse) -> None:
    work = await standing(open_house, total=1000)
    work.steps(100, 200, 300, seconds=1)
    for number in range(4):
        work.wait(4)
        work.advancing.advance(message=f"step {number}")
    work.advancing.publish()
    assert (work.shown.rate, work.shown.eta_seconds, work.shown.stalled_since) == (None, None, None)


async def test_resumed_work_has_a_time_left_of_its_own_pace_alone(open_house: OpenHouse) -> None:
    work = await standing(open_house, total=1000)
    work.steps(900, seconds=0.5)
    assert work.shown.eta_seconds is None
    work.steps(902, seconds=1)
    assert work.shown.eta_seconds == 49.0


async def test_before_it_has_a_pace_the_time_left_is_what_such_jobs_usually_take(open_house: OpenHouse) -> None:
    await (await open_house()).begin(state=State.SUCCEEDED, total=200, progress=200, took_seconds=100.0)
    work = await standing(open_house, total=100)
    assert work.shown.eta_seconds == 50.0
    work.steps(0, 20, seconds=1)
    assert work.shown.eta_seconds == 4.0
    work.wait(20)
    assert work.shown.eta_seconds is None


async def test_with_all_counted_it_is_finishing_without_a_rate_and_without_its_last_percent(
    open_house: OpenHouse,
) -> None:
    work = await standing(open_house, total=300)
    work.steps(100, 200, 300, seconds=1)
    assert (work.shown.is_finishing, work.shown.percent, work.shown.rate, work.shown.eta_seconds) == (
        True, 99.9, None, None,
    )  # fmt: skip
    other = await standing(open_house, total=300)
    other.steps(100, 200, seconds=1)
    other.advancing.advance(stage=FINISHING)
    other.advancing.publish()
    assert (other.shown.is_finishing, other.shown.rate, other.shown.eta_seconds) == (True, None, None)


async def test_a_total_of_one_moves_in_fractions(open_house: OpenHouse) -> None:
    work = await standing(open_house, total=1.0)
    work.steps(0.0, 0.25, 0.5, seconds=1)
    assert (work.shown.progress, work.shown.percent, work.shown.rate, work.shown.eta_seconds) == (0.5, 50.0, 0.25, 2.0)


async def test_what_is_over_is_not_looked_at(open_house: OpenHouse) -> None:
    work = await standing(open_house)
    before = work.shown
    work.advancing.end()
    assert work.wait(1_000) == before


async def test_since_when_it_stands_still_survives_a_restart(open_house: OpenHouse) -> None:
    work = await standing(open_house)
    since = work.wait(6).stalled_since
    await work.house.life.saver.flush()
    stored = await work.house.store.get(work.shown.id)
    assert stored is not None
    assert stored.stalled_since == since
