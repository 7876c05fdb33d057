"""Jobs as rows: moved by whoever holds them, found by what people know of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from server.clock import new_id, utc_now
from server.errors import InvalidInput
from server.jobs.job import Job, JobError, State
from server.jobs.job_filter import JobFilter
from server.jobs.job_log import line_now
from server.jobs.outcomes import ended
from server.jobs.store import UsualDurations
from tests.unit.jobs.conftest import House, OpenHouse


async def holds(house: House, job: Job) -> bool:
    async with house.database.write() as connection:
        return await house.store.holds(connection, job)


async def test_a_row_is_the_job_again(open_house: OpenHouse) -> None:
    house = await open_house()
    error = JobError(code="x", message="Line {line}", parameters={"line": 3})
    job = await house.begin(
        state=State.FAILED, error=error, result={"a": [1]}, detail={"b": "二"}, total=2**40, started_at=utc_now()
    )
    assert await house.store.get(job.id) == job
    assert await house.store.get("nothing") is None


async def test_an_attempt_holds_its_job_until_it_is_asked_to_stop_or_over(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=2)
    assert await holds(house, job)
    assert not await holds(house, job.evolve(attempt=1))
    await house.store.request_cancel(job.id)
    assert not await holds(house, job)
    over = await house.begin(attempt=1)
    await house.life.move(over, **ended(State.SUCCEEDED))
    assert not await holds(house, over)


async def test_a_move_needs_the_job_as_it_was(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin(attempt=1)
    done = job.evolve(state=State.SUCCEEDED)
    async with house.database.write() as connection:
        assert not await house.store.move(connection, done, before=job.evolve(attempt=2))
        assert await house.store.move(connection, done, before=job)
        assert await house.store.move(connection, done, before=job)  # the answer to the first may have been lost
        assert not await house.store.move(connection, job.evolve(state=State.FAILED, title="late"), before=job)


async def test_unfinished_are_those_that_wait_or_run(open_house: OpenHouse) -> None:
    house = await open_house()
    running = await house.begin()
    waiting = msgspec.structs.replace(running, id=new_id(), state=State.QUEUED)
    async with house.database.write() as connection:
        await house.store.add(connection, waiting)
    for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
        await house.begin(state=state)
    assert [job.id for job in await house.store.unfinished()] == [running.id, waiting.id]


async def test_filters_narrow_the_list(open_house: OpenHouse) -> None:
    house = await open_house()
    now = datetime(2026, 3, 1, tzinfo=UTC)
    old = await house.begin(kind="a", state=State.FAILED, created_at=now - timedelta(days=1))
    new = await house.begin(kind="b", state=State.SUCCEEDED, created_at=now)
    await house.begin("bob", kind="a", created_at=now)

    async def found(**wanted: object) -> list[str]:
        page = await house.store.search(JobFilter(owner_id="alice", **wanted))  # type: ignore[arg-type]
        return [job.id for job in page.items]

    assert await found() == [new.id, old.id]
    assert await found(states=(State.FAILED,)) == [old.id]
    assert await found(kinds=("b",)) == [new.id]
    assert await found(since=now) == [new.id]
    assert await found(until=now) == [old.id]
    assert await found(text="nothing like it") == []
    with pytest.raises(InvalidInput):
        await found(cursor="short")


async def test_a_log_shows_its_newest_lines_oldest_first(open_house: OpenHouse) -> None:
    house = await open_house()
    job = await house.begin()
    async with house.database.write() as connection:
        await house.store.lines.add(connection, [line_now(job, str(number), "info") for number in range(5)])
    assert [line.message for line in (await house.store.lines.page(job.id, limit=3)).lines] == ["2", "3", "4"]


async def test_lists_go_by_the_order_of_beginning_whatever_the_clock_says(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house()
    first = await house.begin()
    monkeypatch.setattr("server.clock.time.time_ns", lambda: 1_600_000_000 * 10**9)  # years ago
    begun = [first, *[await house.begin() for _ in range(4)]]
    assert begun[1].id < first.id
    newest_first = [job.id for job in reversed(begun)]
    page = await house.store.search(JobFilter(limit=2))
    found = [job.id for job in page.items]
    await house.begin()  # which moves no page
    while page.next_cursor is not None:
        page = await house.store.search(JobFilter(limit=2, cursor=page.next_cursor))
        found += [job.id for job in page.items]
    assert found == newest_first
    assert [job.id for job in house.table.live_of("alice")][:5] == newest_first[::-1]


async def test_how_long_such_jobs_take_is_the_median_of_the_last_ones_that_succeeded(open_house: OpenHouse) -> None:
    house = await open_house()
    for title, took, total in (("a", 100.0, 10), ("a", 20.0, 10), ("b", 30.0, 10), ("b", 40.0, 0)):
        state = State.SUCCEEDED
        await house.begin(title=title, state=state, took_seconds=took, progress=total, total=total)
    await house.begin(title="a", state=State.FAILED, took_seconds=1.0, total=10)
    await house.begin(owner_id="bob", title="a", state=State.SUCCEEDED, took_seconds=1.0, total=10)
    job = await house.begin(title="a")
    assert await house.store.usual(job, by_title=False) == UsualDurations(last_seconds=20.0, unit_seconds=3.0)
    assert await house.store.usual(job, by_title=True) == UsualDurations(last_seconds=20.0, unit_seconds=6.0)
    none = await house.begin(kind="other")
    assert await house.store.usual(none, by_title=False) == UsualDurations(last_seconds=None, unit_seconds=None)
