"""Shared workers: what one user asks for neither takes all of them nor outlives its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.errors import WorkerDied, WorkTooLarge
from server.jobs.shared_workers import SharedWorkers
from server.jobs.turns import Turns
from server.jobs.workers import WorkerPool
from tests.unit.jobs import worker_functions as functions


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
    assert statistics.expected_seconds > 0
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)


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
