"""A deleted job goes with its log and its list of rejects; what it made stays."""

from __future__ import annotations

import asyncio

import pytest

from server.auth.permissions import Principal
from server.datasets.version_rows import rejects_key
from server.errors import Conflict, Forbidden, NotFound
from server.jobs.job import State
from server.jobs.job_filter import JobFilter
from server.operations.job_removal import JobRemoval, NotOver
from server.storage.quotas import Stored
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import DIRTY, SALES, House, only_looking, refused
from tests.waiting import flushed


@pytest.fixture
def removal(house: House) -> JobRemoval:
    return house.todo.job_removal


async def dataset_bytes(house: House, owner: Principal) -> int:
    return next(line.used_bytes for line in await house.todo.usage.mine(owner) if line.kind is Stored.DATASETS)


async def test_a_job_is_deleted_once_it_is_over(removal: JobRemoval, house: House, alice: Principal) -> None:
    jobs = house.todo.jobs
    job = await jobs.demonstrate(alice, seconds=600, total=1, fail_at=None, idempotency_key=None)
    assert not await removal.is_possible(job)
    with refused(Conflict, "job_not_over"):
        await removal.delete(alice, job.id)
    over = await jobs.cancel(alice, job.id)
    assert await removal.is_possible(over)
    await removal.delete(alice, job.id)
    with refused(NotFound):
        await jobs.get(alice, job.id)
    with refused(NotFound):  # twice
        await removal.delete(alice, job.id)
    assert await house.audited_ids("job.delete") == [("alice", job.id)]


async def test_a_job_that_was_begun_again_at_this_moment_is_not_deleted(
    removal: JobRemoval, house: House, alice: Principal
) -> None:
    jobs = house.todo.jobs
    job = await jobs.demonstrate(alice, seconds=600, total=1, fail_at=None, idempotency_key=None)
    await jobs.cancel(alice, job.id)
    await jobs.retry(alice, job.id)
    with refused(Conflict, "job_not_over"):
        await removal.delete(alice, job.id)
    assert (await jobs.get(alice, job.id)).id == job.id


async def test_nobody_deletes_the_job_of_another_and_who_may_only_look_none(
    removal: JobRemoval, house: House, alice: Principal
) -> None:
    job = await house.imported(alice)
    with refused(NotFound):
        await removal.delete(house.bob, job.id)
    for asks in only_looking(alice):
        with refused(Forbidden):
            await removal.delete(asks, job.id)
    assert (await house.todo.jobs.get(alice, job.id)).state is State.SUCCEEDED


async def test_what_an_import_made_stays_and_its_list_of_rejects_is_freed(
    removal: JobRemoval, house: House, alice: Principal
) -> None:
    job = await house.imported(alice, DIRTY)
    blobs = house.parts.storage.blobs
    listed, taken = await blobs.size(rejects_key(job.id)), await dataset_bytes(house, alice)
    hers = await joined(house.parts.realtime, alice)
    await removal.delete(alice, job.id)
    with refused(NotFound):
        await blobs.size(rejects_key(job.id))
    assert await dataset_bytes(house, alice) == taken - listed
    dataset = await house.todo.datasets.get(alice, "orders")
    assert (dataset.row_count, dataset.current.job_id) == (2, None)
    await flushed(house.parts.realtime.manager)
    assert [(message["thing"], message["id"]) for message in hers.messages] == [("job", job.id)]


async def test_the_job_of_a_batch_goes_after_its_batch(removal: JobRemoval, house: House, alice: Principal) -> None:
    await house.imported(alice)
    await house.todo.templates.save(alice, "sales", SALES)
    batch = await house.reported(alice)
    assert not await removal.is_possible(batch.job)
    with refused(Conflict, "job_of_batch"):
        await removal.delete(alice, batch.job.id)
    await house.todo.batches.delete(alice, batch.batch_id)
    await removal.delete(alice, batch.job.id)
    assert (await house.todo.jobs.list(alice, JobFilter(kinds=("batch_report",)))).items == []


async def test_what_is_begun_again_or_deleted_while_one_waits_to_delete_it_is_told(
    removal: JobRemoval, house: House, alice: Principal
) -> None:
    jobs = house.todo.jobs
    started = [
        await jobs.demonstrate(alice, seconds=600, total=1, fail_at=None, idempotency_key=None) for _ in range(2)
    ]
    first, second = [await jobs.cancel(alice, job.id) for job in started]
    async with house.parts.storage.database.write():  # meanwhile all of them see what is over, and wait for their turn
        again = asyncio.create_task(jobs.retry(alice, first.id))
        await jobs.get(alice, first.id)
        deleting = [asyncio.create_task(removal.delete(alice, job.id)) for job in (first, second, second)]
        await jobs.log(alice, first.id)
    ended = await asyncio.gather(again, *deleting, return_exceptions=True)
    errors = [type(one) for one in ended if isinstance(one, BaseException)]
    assert errors in (
        [NotOver, NotFound],
        [NotFound, NotFound],
        [Conflict, NotFound],
    )  # who of the first two came first is chance
