"""Shared workers: what one user asks for neither takes all of them nor outlives its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.errors import WorkerDied, WorkTooLarge
from server.jobs.shared_workers import SharedWorkers
from server.jobs.turns import Turns, Use
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions as functions
from tests.waiting import until


@pytest.fixture
async def workers() -> AsyncIterator[SharedWorkers]:
    turns = Turns(places=2, per_user=2, waiting_per_user=10, patience_seconds=60)
    workers = SharedWorkers(WorkerPool(size=2, memory_mib=300), turns)
    yield workers
    await workers.close()


async def test_bob_is_served_while_mallory_has_all_that_one_may_have(workers: SharedWorkers) -> None:
    endless = [asyncio.create_task(workers.run("mallory", functions.sleep, 600.0)) for _ in range(4)]
    assert await asyncio.wait_for(workers.run("bob", functions.double, 21), 60) == 42
    statistics = workers.statistics()
    assert (statistics.busy, statistics.waiting) == (1, 3)
    # As long as those that are under way have taken so far: with workers that start at once, nothing yet.
    await until(lambda: workers.statistics().expected_seconds > 0)
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)


def quick_workers(*, short_seconds: float = 60.0) -> SharedWorkers:
    pool = WorkerPool(size=2, memory_mib=300, look_seconds=0.05)
    one, quick = Turns(places=1, per_user=1), Turns(places=1, per_user=1)
    return SharedWorkers(pool, one, quick=quick, short_seconds=short_seconds)


async def test_short_work_has_a_worker_though_all_the_others_are_busy() -> None:
    workers = quick_workers()
    endless = [
        asyncio.create_task(workers.run(user, functions.sleep, 600.0, use=Use(job_id=user)))
        for user in ("mallory", "bob")
    ]
    await until(lambda: workers.jobs_waiting().keys() == {"bob"})
    for user in ("mallory", "carol"):
        assert await asyncio.wait_for(workers.run(user, functions.double, 21, is_short=True), 60) == 42
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)
    await workers.close()


async def test_what_is_not_short_after_all_begins_anew_among_the_others(tmp_path: Path) -> None:
    workers = quick_workers(short_seconds=0.4)
    blocking = asyncio.create_task(workers.run("mallory", functions.sleep, 600.0, use=Use(job_id="long")))
    await until(lambda: workers.statistics().busy == 1)
    slow = asyncio.create_task(
        workers.run("bob", functions.sleep_once, str(tmp_path / "begun"), use=Use(job_id="slow"), is_short=True)
    )
    await until(lambda: workers.jobs_waiting().keys() == {"slow"})
    (tmp_path / "begun").touch()  # where processes start slowly, it was stopped before it did so itself
    blocking.cancel()
    assert await slow == "done"
    assert workers.statistics().waiting == workers.statistics().busy == 0
    await workers.close()


async def test_a_cancelled_wait_for_either_place_leaves_both() -> None:
    quick = quick_workers()
    endless = [
        asyncio.create_task(quick.run(user, functions.sleep, 600.0, is_short=user == "bob"))
        for user in ("mallory", "bob")
    ]
    await until(lambda: quick.statistics().busy == 2)
    waiting = asyncio.create_task(quick.run("carol", functions.double, 1, is_short=True))
    await until(lambda: quick.statistics().waiting == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)
    assert await quick.run("carol", functions.double, 1, is_short=True) == 2
    await quick.close()


async def test_what_needs_too_much_is_the_askers_to_mend(workers: SharedWorkers) -> None:
    with pytest.raises(WorkTooLarge, match=r"longer than the allowed 0\.2 seconds") as slow:
        await workers.run("mallory", functions.sleep, 60.0, timeout_seconds=0.2)
    with pytest.raises(WorkTooLarge, match="more than the 300 MiB") as large:
        await workers.run("mallory", functions.use_memory, 900)
    assert (slow.value.status, large.value.status) == (422, 422)


async def test_a_worker_that_dies_is_worth_another_try(workers: SharedWorkers) -> None:
    with pytest.raises(WorkerDied) as died:
        await workers.run("mallory", functions.kill_itself, None)
    assert (died.value.status, died.value.temporary) == (503, True)
    assert await workers.run("bob", functions.double, 2) == 4
