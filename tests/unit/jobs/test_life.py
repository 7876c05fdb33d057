"""How jobs begin and change: stored first, then told, with all that belongs to it or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import new_id, utc_now
from server.errors import Conflict, NotFound
from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.job_log import line_now
from server.jobs.keys import Asked
from server.jobs.life import JobLife
from server.jobs.outcomes import Notice, ended
from server.jobs.past_attempts import StageTimes
from server.jobs.saver import ProgressSaver
from server.jobs.store import JobStore
from server.jobs.table import JobTable
from server.jobs.waiting import Waiting, WaitingFor
from server.storage.database import Database
from server.storage.growth import Growth
from tests.unit.jobs.conftest import Clock, OpenHouse


def job(state: State = State.QUEUED) -> Job:
    known = {"id": new_id(), "kind": "none", "owner_id": "alice", "title": "t", "unit": "rows"}
    return Job(**known, created_at=utc_now(), revision=1, state=state)


async def test_what_it_is_told_by_comes_in_order_and_after_the_commit(database: Database) -> None:
    table, store = JobTable(), JobStore(database)
    order: list[str] = []

    async def on_life_change(connection: AsyncConnection, job: Job, notice: Notice | None) -> Callable[[], None]:
        order.append(f"keep {job.state}{' and ' + notice.title if notice else ''}")
        return lambda: order.append(f"tell {job.state}")

    async def enqueue(connection: AsyncConnection, job: Job) -> Callable[[], None]:
        order.append("put")
        return lambda: order.append("queued")

    life = JobLife(
        database=database,
        table=table,
        store=store,
        saver=ProgressSaver(store=store, table=table),
        on_life_change=on_life_change,
        enqueue=enqueue,
        growth=Growth(bytes_per_day=0),
    )
    table.listen(lambda job, before: order.append(f"show {job.state}"))
    begun = await life.begin(job())
    assert order == ["keep queued", "put", "show queued", "tell queued", "queued"]
    order.clear()
    await life.move(begun, notice=Notice(title="news"), state=State.RUNNING)
    assert order == ["keep running and news", "show running", "tell running"]


async def test_what_a_job_waits_for_is_told_and_over_with_its_next_move(open_house: OpenHouse) -> None:
    house = await open_house()
    await house.close_line()
    queued = await house.begin(state=State.QUEUED)
    waiting = Waiting(reason=WaitingFor.TURN, place=3)
    house.life.tell_waiting(queued.id, waiting)
    house.life.tell_waiting(queued.id, waiting)
    told = house.table.get(queued.id)
    assert told is not None
    assert (told.waiting, told.revision) == (waiting, queued.revision + 1)
    begun = await house.life.move(queued, state=State.RUNNING)  # by somebody who looked at it before
    assert begun is not None
    assert (begun.waiting, house.table.get(queued.id)) == (None, begun)
    over = await house.life.move(begun, **ended(State.SUCCEEDED))
    house.life.tell_waiting(queued.id, waiting)
    assert house.table.get(queued.id) == over
    house.life.tell_waiting("nobody's", waiting)


async def test_what_a_running_job_waits_for_is_told_by_the_node_that_runs_it_alone(open_house: OpenHouse) -> None:
    """Others believe for a moment that it is in line, and their revision could be the one with which it ends."""
    house = await open_house()
    table = JobTable(keeps=lambda owner_id: True)
    life = JobLife(
        database=house.database,
        table=table,
        store=house.store,
        saver=ProgressSaver(store=house.store, table=table),
        on_life_change=house.life._on_life_change,
        enqueue=house.life._enqueue,
        growth=Growth(bytes_per_day=0),
    )
    queued, running, own = job(), job(State.RUNNING), job(State.RUNNING)
    table.take(queued)
    table.take(running)
    table.expect(own.id)
    table.put(own)
    waiting = Waiting(reason=WaitingFor.TURN, place=1)
    for each in (queued, running, own):
        life.tell_waiting(each.id, waiting)
    told = [table.get(each.id) for each in (queued, running, own)]
    assert [(each.revision, each.waiting) for each in told if each] == [(2, waiting), (1, None), (2, waiting)]


async def test_a_job_whose_state_changes_is_not_told_that_it_waits(open_house: OpenHouse) -> None:
    house = await open_house()
    await house.close_line()
    queued = await house.begin(state=State.QUEUED)

    async def tell_meanwhile(connection: AsyncConnection, job: Job) -> None:
        house.life.tell_waiting(job.id, Waiting(reason=WaitingFor.TURN, place=1))

    begun = await house.life.move(queued, also=tell_meanwhile, state=State.RUNNING)
    assert house.table.get(queued.id) == begun


async def test_a_job_that_cannot_be_stored_whole_is_not_begun(open_house: OpenHouse) -> None:
    house = await open_house()

    async def refuse(connection: AsyncConnection, job: Job) -> None:
        raise Conflict

    with pytest.raises(Conflict):
        await house.life.begin(job(State.RUNNING), asked=Asked.under("k", by="alice", what=1), also=refuse)
    assert (house.table.live_of("alice"), house.told) == ([], [])
    assert (await house.store.search(JobFilter())).total == 0
    begun = job(State.RUNNING)
    stored = await house.life.begin(begun, asked=Asked.under("k", by="alice", what=1))  # the key is still free
    assert stored.id == begun.id


async def test_only_one_of_two_who_move_a_job_does(open_house: OpenHouse) -> None:
    house = await open_house()
    running = await house.begin(attempt=1)
    assert await house.life.move(running, **ended(State.CANCELLED)) is not None
    assert await house.life.move(running, **ended(State.SUCCEEDED)) is None
    stored = await house.store.get(running.id)
    assert stored is not None
    assert stored.state is State.CANCELLED
    assert [state for _, state in house.told] == [State.RUNNING, State.CANCELLED]


async def test_lines_are_stored_with_the_change_or_wait_for_the_next(open_house: OpenHouse) -> None:
    house = await open_house()
    running = await house.begin(attempt=1)

    async def refuse(connection: AsyncConnection, job: Job) -> None:
        raise Conflict

    house.life.saver.log(line_now(running, "half way", "info"))
    with pytest.raises(Conflict):
        await house.life.move(running, also=refuse, **ended(State.FAILED))
    assert (await house.store.lines.page(running.id, limit=10)).lines == []
    await house.life.move(running, **ended(State.FAILED))
    assert [line.message for line in (await house.store.lines.page(running.id, limit=10)).lines] == ["half way"]


async def test_a_job_taken_up_is_newer_than_anything_that_was_shown(open_house: OpenHouse) -> None:
    house = await open_house()
    running = await house.begin(attempt=1)
    house.table.put(running.evolve(progress=7))  # shown, and lost with the process
    stored = await house.store.get(running.id)
    assert stored is not None
    again = house.life.take_up(stored)
    assert house.table.get(running.id) == again
    assert again.revision > running.revision + 1_000


async def test_what_nobody_knows_is_not_found(open_house: OpenHouse) -> None:
    house = await open_house()
    with pytest.raises(NotFound):
        await house.life.find("nothing")


async def test_a_job_took_as_long_as_it_ran_wherever_the_wall_clock_was_set_meanwhile(open_house: OpenHouse) -> None:
    house = await open_house()
    clock = Clock()
    house.life.stages = StageTimes(clock=clock)
    running = await house.begin(started_at=utc_now())
    clock.now += 42.5
    an_hour_ago = utc_now() - timedelta(hours=1)
    done = await house.life.move(running, state=State.SUCCEEDED, finished_at=an_hour_ago)
    assert done is not None
    assert done.took_seconds == 42.5
    stored = await house.store.get(done.id)
    assert stored is not None
    assert stored.took_seconds == 42.5


async def test_of_a_job_that_an_earlier_process_began_nothing_negative_is_told(open_house: OpenHouse) -> None:
    house = await open_house()
    taken_up = house.life.take_up(await house.begin(started_at=utc_now()))
    house.life.stages.end(taken_up.id)
    done = await house.life.move(taken_up, state=State.SUCCEEDED, finished_at=utc_now() - timedelta(hours=1))
    assert done is not None
    assert done.took_seconds is None
