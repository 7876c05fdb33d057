"""The life of jobs on a real database: order, outcomes, cancelling, retrying, crashes and stops."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Conflict, FileProblem, JobFailed, NotFound, StorageFull, Unavailable
from server.jobs.context import JobContext
from server.jobs.job import Completeness, Job, State
from server.jobs.job_filter import JobFilter
from server.jobs.keys import Asked
from server.jobs.kinds import JobKind
from server.jobs.outcomes import Notice, Outcome
from server.jobs.retry import Retries
from server.storage.tables import jobs
from tests.unit.jobs import worker_functions
from tests.unit.jobs.conftest import House, OpenHouse
from tests.waiting import until

DONE = (State.SUCCEEDED, State.FAILED, State.CANCELLED)


def kind(function: Any, **changes: Any) -> JobKind:
    return JobKind(**{"name": "work", "label": "Work", "unit": "steps", "function": function, **changes})


async def begin(house: House, owner: str = "alice", **changes: Any) -> Job:
    return await house.runner.start("work", **{"owner_id": owner, "title": "Some work", "parameters": {}, **changes})


async def forever(context: JobContext) -> None:
    context.advance(1, total=10)
    await asyncio.Event().wait()


async def test_job_runs_and_its_result_is_stored(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> Outcome:
        context.advance(3, total=4, stage="counting", detail={"rejected": 1})
        context.log("half way")
        return Outcome(result={"links": {"dataset": "/datasets/a"}}, notice=Notice(title="Ready"))

    house = await open_house(kind(work))
    started = await begin(house)
    assert started.state is State.QUEUED
    job = await house.wait_for(started.id, *DONE)
    assert (job.state, job.progress, job.total, job.percent) == (State.SUCCEEDED, 4, 4, 100.0)
    assert job.result == {"links": {"dataset": "/datasets/a"}}
    assert house.notices == [Notice(title="Ready")]
    assert house.told == [(job.id, State.QUEUED), (job.id, State.RUNNING), (job.id, State.SUCCEEDED)]
    stored = await house.store.get(job.id)
    assert stored == job

    async def is_logged() -> bool:  # lines are stored together with those of others, a moment later
        return [line.message for line in (await house.store.lines.page(job.id, limit=10)).lines] == ["half way"]

    await until(is_logged)


async def test_known_error_fails_the_job_with_its_code_and_message(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        raise FileProblem("Line {line} is longer than {limit} bytes.", code="line_too_long", line=7, limit=10)

    house = await open_house(kind(work))
    job = await house.wait_for((await begin(house)).id, *DONE)
    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.parameters) == ("line_too_long", {"line": 7, "limit": 10})
    assert job.error.message == "Line {line} is longer than {limit} bytes."


async def test_unexpected_error_is_logged_and_told_without_its_trace(
    open_house: OpenHouse, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(context: JobContext) -> None:
        raise ZeroDivisionError("a secret detail")

    house = await open_house(kind(work))
    with caplog.at_level(logging.ERROR):
        job = await house.wait_for((await begin(house)).id, *DONE)
    assert job.error is not None
    assert job.error.code == "internal_error"
    assert "secret" not in job.error.message
    assert "a secret detail" in caplog.text


async def test_same_idempotency_key_is_the_same_job(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever))
    calls = 0

    async def also(connection: AsyncConnection, job: Job) -> None:
        nonlocal calls
        calls += 1

    alice, bob = (Asked.under("k", by=name, what="this") for name in ("alice", "bob"))
    first = await begin(house, asked=alice, also=also)
    again = await begin(house, asked=alice, also=also)
    other = await begin(house, owner="bob", asked=bob, also=also)
    assert first.id == again.id != other.id
    assert calls == 2


async def test_job_is_not_stored_when_what_belongs_to_it_fails(open_house: OpenHouse) -> None:
    async def also(connection: AsyncConnection, job: Job) -> None:
        raise Conflict

    house = await open_house(kind(forever))
    with pytest.raises(Conflict):
        await begin(house, also=also)
    assert (await house.store.search(JobFilter())).total == 0
    assert house.table.live_of("alice") == []


async def test_owners_take_turns(open_house: OpenHouse) -> None:
    order: list[str] = []
    may_end: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def work(context: JobContext) -> None:
        order.append(context.job.title)
        await may_end[context.job.title].wait()

    house = await open_house(kind(work), heavy_slots=1)
    hers = [await begin(house, title=f"a{number}") for number in range(3)]
    his = [await begin(house, owner="bob", title=f"b{number}") for number in range(2)]
    may_end["a0"].set()
    await house.wait_for(hers[1].id, State.RUNNING)
    may_end["b0"].set()
    await house.wait_for(his[1].id, State.RUNNING)
    await until(lambda: len(order) >= 4, seconds=10)
    assert order == ["a0", "b0", "a1", "b1"]


async def test_no_more_heavy_jobs_than_slots_but_light_ones_start_at_once(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever), kind(forever, name="light", heavy=False), heavy_slots=2)
    heavy = [await begin(house) for _ in range(4)]
    light = await house.runner.start("light", owner_id="alice", title="Light", parameters={})
    await house.wait_for(light.id, State.RUNNING)
    await house.wait_for(heavy[1].id, State.RUNNING)
    assert [house.table.get(job.id).state for job in heavy[2:]] == [State.QUEUED] * 2  # type: ignore[union-attr]
    assert house.runner.statistics().heavy_running == 2


async def test_progress_never_goes_backwards_and_total_follows(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        context.advance(5, total=8)
        context.advance(3)
        assert context.job.progress == 5
        context.advance(10)
        assert context.job.total == 10
        raise JobFailed("enough")

    house = await open_house(kind(work))
    job = await house.wait_for((await begin(house)).id, *DONE)
    assert (job.progress, job.total) == (10, 10)


async def test_many_steps_are_few_changes(open_house: OpenHouse) -> None:
    changes: list[Job] = []

    async def work(context: JobContext) -> None:
        for number in range(10_000):
            context.advance(number + 1, total=10_000)
            if number % 1000 == 0:
                await asyncio.sleep(0.02)

    house = await open_house(kind(work))
    house.table.listen(lambda job, before: changes.append(job))
    job = await house.wait_for((await begin(house)).id, *DONE)
    assert job.progress == 10_000
    assert len(changes) < 100  # as many as the time allows, which is long on a busy machine
    assert [change.revision for change in changes] == list(range(1, len(changes) + 1))


async def test_queued_job_is_cancelled_at_once(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever), heavy_slots=1)
    await begin(house)
    waiting = await begin(house)
    assert (await house.runner.cancel(waiting.id)).state is State.CANCELLED


async def test_running_job_is_cancelled_within_two_seconds_with_its_worker(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        await context.run_in_worker(worker_functions.sleep, 60.0, on_report=lambda pid: context.advance(1))

    house = await open_house(kind(work))
    job = await begin(house)
    async with asyncio.timeout(10):
        while house.table.get(job.id).progress == 0:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        assert (await house.runner.cancel(job.id)).state is State.CANCELLED


async def test_job_function_that_will_not_stop_is_given_up_and_fenced(open_house: OpenHouse) -> None:
    release, fenced = asyncio.Event(), asyncio.Event()

    async def stubborn(context: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await release.wait()
        with pytest.raises(JobFailed, match="given up"):
            async with house.database.write() as connection:
                await context.fence(connection)
        context.advance(99)
        fenced.set()

    house = await open_house(kind(stubborn))
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    async with asyncio.timeout(2):
        cancelled = await house.runner.cancel(job.id)
    assert cancelled.state is State.CANCELLED
    release.set()
    await asyncio.wait_for(fenced.wait(), 5)
    assert house.table.get(job.id) == cancelled


async def test_cancelling_what_is_over_changes_nothing(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None: ...

    house = await open_house(kind(work))
    job = await house.wait_for((await begin(house)).id, *DONE)
    assert await house.runner.cancel(job.id) == job
    with pytest.raises(NotFound):
        await house.runner.cancel("nothing")


async def test_failed_job_is_retried_from_the_beginning_and_counts_its_attempts(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        context.advance(context.job.attempt, total=2)
        if context.job.attempt == 1:
            raise JobFailed("not yet")

    house = await open_house(kind(work))
    job = await house.wait_for((await begin(house)).id, State.FAILED)
    queued = await house.runner.retry(job.id)
    assert (queued.state, queued.error, queued.progress, queued.attempt) == (State.QUEUED, None, 0, 1)
    again = await house.wait_for(job.id, State.SUCCEEDED)
    assert (again.attempt, again.progress) == (2, 2)
    with pytest.raises(Conflict, match="failed or was cancelled"):
        await house.runner.retry(job.id)


async def test_job_pressed_by_two_people_is_queued_once(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        raise JobFailed("always")

    house = await open_house(kind(work))
    job = await house.wait_for((await begin(house)).id, State.FAILED)
    answers = await asyncio.gather(*(house.runner.retry(job.id) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(answer, Job) for answer in answers) == 1


async def test_running_job_goes_back_to_the_queue_after_a_crash(open_house: OpenHouse) -> None:
    first = await open_house(kind(forever), heavy_slots=1)
    job = await begin(first)
    of_bob = await begin(first, owner="bob")
    for each in (job, of_bob):  # both: the first house would go on handing out what it had not begun
        await first.wait_for(each.id, State.RUNNING)

    async def work(context: JobContext) -> None: ...

    second = await open_house(kind(work))  # the first one never got to say goodbye
    done = await second.wait_for(job.id, State.SUCCEEDED)
    assert (done.attempt, done.interruptions) == (2, 1)
    await second.wait_for(of_bob.id, State.SUCCEEDED)
    assert done.revision > first.table.get(job.id).revision  # type: ignore[union-attr]
    assert "stopped in the middle" in (await second.store.lines.page(job.id, limit=10)).lines[0].message


async def test_attempt_that_was_given_up_cannot_overwrite_its_successor(open_house: OpenHouse) -> None:
    release = asyncio.Event()

    async def slow(context: JobContext) -> None:
        await release.wait()
        raise JobFailed("from the dead")

    async def work(context: JobContext) -> None: ...

    first = await open_house(kind(slow))
    job = await begin(first)
    await first.wait_for(job.id, State.RUNNING)
    second = await open_house(kind(work))
    await second.wait_for(job.id, State.SUCCEEDED)
    release.set()
    await until(lambda: not (first.runner.statistics().running), seconds=5)
    stored = await second.store.get(job.id)
    assert stored is not None
    assert stored.state is State.SUCCEEDED


async def test_job_that_is_interrupted_too_often_fails_with_the_reason(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever), max_attempts=2)
    job = await begin(house)
    for _ in range(2):
        await house.wait_for(job.id, State.RUNNING)
        house = await open_house(kind(forever), max_attempts=2)
    failed = await house.wait_for(job.id, State.FAILED)
    assert failed.error is not None
    assert (failed.error.code, failed.error.parameters) == ("interrupted", {"count": 2})


async def test_kind_that_does_not_count_interruptions_is_always_taken_up_again(open_house: OpenHouse) -> None:
    waits = kind(forever, counts_interruptions=False)
    house = await open_house(waits, max_attempts=1)
    job = await begin(house)
    for _ in range(3):
        await house.wait_for(job.id, State.RUNNING)
        house = await open_house(waits, max_attempts=1)
    assert (await house.wait_for(job.id, State.RUNNING)).interruptions == 0


async def test_cancel_that_was_asked_for_before_the_crash_holds(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever))
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    await house.store.request_cancel(job.id)
    again = await open_house(kind(forever))
    await again.wait_for(job.id, State.CANCELLED)


async def test_job_of_a_kind_that_is_gone_fails_clearly(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever))
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    async with house.database.write() as connection:
        await connection.execute(update(jobs).values(kind="forgotten"))
    again = await open_house(kind(forever))
    failed = await again.wait_for(job.id, State.FAILED)
    assert failed.error is not None
    assert failed.error.code == "unknown_kind"


async def test_drained_job_is_back_in_the_queue_and_no_new_one_is_taken(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever))
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    await house.runner.drain()
    stored = await house.store.get(job.id)
    assert stored is not None
    assert (stored.state, stored.interruptions) == (State.QUEUED, 0)
    with pytest.raises(Unavailable):
        await begin(house)


async def test_drain_lets_a_job_finish_within_the_grace_period(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None:
        context.advance(1)
        await asyncio.sleep(0.3)

    house = await open_house(kind(work), drain_seconds=5.0)
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    await house.runner.drain()
    stored = await house.store.get(job.id)
    assert stored is not None
    assert stored.state is State.SUCCEEDED


async def test_drain_waits_no_longer_once_somebody_is_in_a_hurry(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever), drain_seconds=3600.0)
    job = await begin(house)
    await house.wait_for(job.id, State.RUNNING)
    hurry = asyncio.Event()
    draining = asyncio.create_task(house.runner.drain(hurry))
    await asyncio.sleep(0)
    assert not draining.done()
    hurry.set()
    async with asyncio.timeout(20):
        await draining
    stored = await house.store.get(job.id)
    assert stored is not None
    assert (stored.state, stored.interruptions) == (State.QUEUED, 0)


async def test_progress_of_a_running_job_is_stored(open_house: OpenHouse) -> None:
    house = await open_house(kind(forever))
    job = await begin(house)
    async with asyncio.timeout(5):
        while (await house.store.get(job.id)).progress != 1:  # type: ignore[union-attr]
            await asyncio.sleep(0.05)


async def test_search_looks_at_everything_and_pages_through_it(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> None: ...

    house = await open_house(kind(work))
    for number in range(5):
        await begin(house, title=f"Sales 100% {number} 销售")
    await begin(house, owner="bob", title="Other")
    first = await house.store.search(JobFilter(owner_id="alice", text="销售 sales", limit=3))
    rest = await house.store.search(JobFilter(owner_id="alice", text="销售 sales", limit=3, cursor=first.next_cursor))
    assert (first.total, len(first.items), len(rest.items), rest.next_cursor) == (5, 3, 2, None)
    assert {job.id for job in first.items}.isdisjoint(job.id for job in rest.items)
    assert (await house.store.search(JobFilter(text="0%"))).total == 5
    assert (await house.store.search(JobFilter(text="0_"))).total == 0


@pytest.mark.parametrize("goes_on", [True, False])
async def test_after_a_crash_a_job_shows_what_it_had_or_no_number_and_says_why(
    open_house: OpenHouse, goes_on: bool
) -> None:
    moved, seen = asyncio.Event(), []

    async def half(context: JobContext) -> None:
        context.advance(5, total=10)
        moved.set()
        await asyncio.Event().wait()

    async def rest(context: JobContext) -> None:
        seen.append(context.job)
        context.advance(4, total=10)
        seen.append(context.job)
        context.advance(10)

    first = await open_house(kind(half, goes_on=goes_on))
    job = await begin(first)
    await moved.wait()
    await first.life.saver.flush()
    second = await open_house(kind(rest, goes_on=goes_on))
    await second.wait_for(job.id, State.SUCCEEDED)
    begun, going = seen
    assert (begun.attempt, begun.progress, begun.percent) == ((2, 5, 50.0) if goes_on else (2, 0, None))
    assert going.progress == (5 if goes_on else 4)
    assert begun.message == "The server stopped in the middle of the attempt before this one."


async def test_a_job_that_left_something_out_is_partial(open_house: OpenHouse) -> None:
    async def work(context: JobContext) -> Outcome:
        return Outcome(is_partial=context.job.title == "partial")

    house = await open_house(kind(work))
    for title, outcome in (("partial", Completeness.PARTIAL), ("whole", Completeness.COMPLETE)):
        job = await house.runner.start("work", owner_id="alice", title=title, parameters={})
        done = await house.wait_for(job.id, State.SUCCEEDED)
        stored = await house.store.get(job.id)
        assert stored is not None
        assert (done.outcome, stored.outcome) == (outcome, outcome)


class Disk:
    """A job that needs room, which there is from the third attempt on."""

    def __init__(self) -> None:
        self.attempts: list[int] = []

    async def fill(self, context: JobContext) -> None:
        self.attempts.append(context.job.attempt)
        if len(self.attempts) < 3:
            raise StorageFull


async def test_a_job_that_met_a_full_disk_goes_on_by_itself_once_there_is_room(open_house: OpenHouse) -> None:
    disk = Disk()
    house = await open_house(kind(disk.fill), retries=Retries(most=3, first_seconds=0.02))
    job = await begin(house)
    done = await house.wait_for(job.id, State.SUCCEEDED)
    assert (disk.attempts, done.failures) == ([1, 2, 3], 2)
    assert [state for _, state in house.told] == [*[State.QUEUED, State.RUNNING] * 3, State.SUCCEEDED]


async def test_one_that_waits_to_be_tried_again_can_be_cancelled_and_a_persons_retry_counts_anew(
    open_house: OpenHouse,
) -> None:
    disk = Disk()
    house = await open_house(kind(disk.fill), retries=Retries(most=1, first_seconds=3600.0))
    job = await begin(house)
    await until(lambda: (known := house.table.get(job.id)) is not None and known.failures == 1)
    assert (await house.runner.cancel(job.id)).state is State.CANCELLED
    again = await house.runner.retry(job.id)
    assert (again.failures, again.not_before) == (0, None)
    await until(lambda: (known := house.table.get(job.id)) is not None and known.failures == 1)
    assert disk.attempts == [1, 2]


async def test_what_waited_to_be_tried_again_still_does_after_a_restart(open_house: OpenHouse) -> None:
    disk = Disk()
    first = await open_house(kind(disk.fill), retries=Retries(most=1, first_seconds=3600.0))
    job = await begin(first)
    await until(lambda: (known := first.table.get(job.id)) is not None and known.failures == 1)
    await first.runner.drain()
    second = await open_house(kind(disk.fill))
    waiting = second.table.get(job.id)
    assert waiting is not None
    assert (waiting.state, waiting.failures, disk.attempts) == (State.QUEUED, 1, [1])
