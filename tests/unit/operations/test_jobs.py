"""What people can ask about jobs: whose they see, and what becomes of one that is cancelled or begun again."""

from __future__ import annotations

from typing import Any

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.jobs.external_told import NewExternalJob, Update
from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.operations.jobs import JobOperations
from tests.unit.operations.conftest import House, only_looking, refused

LONG = {"seconds": 600.0, "total": 10, "fail_at": None}


@pytest.fixture
def jobs(house: House) -> JobOperations:
    return house.todo.jobs


async def begun(house: House, owner: Principal, *, key: str | None = None, **wanted: Any) -> Job:
    return await house.todo.jobs.demonstrate(owner, **{**LONG, **wanted}, idempotency_key=key)


async def cancelled(house: House, owner: Principal) -> Job:
    return await house.todo.jobs.cancel(owner, (await begun(house, owner)).id)


async def test_a_job_of_another_is_not_there_whatever_is_asked(
    jobs: JobOperations, house: House, alice: Principal, bob: Principal
) -> None:
    job = await begun(house, alice)
    for question in (
        jobs.get(bob, job.id),
        jobs.log(bob, job.id),
        jobs.whole_log(bob, job.id),
        jobs.cancel(bob, job.id),
        jobs.retry(bob, job.id),
        jobs.get(bob, "no-such-job"),
    ):
        with refused(NotFound):
            await question
    assert (await jobs.list(bob, JobFilter())).items == []
    assert jobs.live(bob) == []
    assert (await jobs.get(house.admin, job.id)).id == job.id
    assert not (await jobs.get(alice, job.id)).state.is_final


async def test_only_administrators_ask_for_the_jobs_of_others(jobs: JobOperations, house: House) -> None:
    hers, his = await begun(house, house.alice), await begun(house, house.bob)
    with refused(Forbidden):
        await jobs.list(house.bob, JobFilter(owner_id=house.alice.user_id))
    with refused(Forbidden):
        await jobs.owner_named(house.bob, "alice")
    assert [job.id for job in (await jobs.list(house.bob, JobFilter(owner_id=house.bob.user_id))).items] == [his.id]
    assert [job.id for job in (await jobs.list(house.admin, JobFilter())).items] == [his.id, hers.id]
    found = await jobs.list(house.admin, JobFilter(owner_id=house.alice.user_id))
    assert [job.id for job in found.items] == [hers.id]


async def test_an_owner_is_found_however_their_name_is_written(jobs: JobOperations, house: House) -> None:
    zoe = await house.user("Zoë")
    for written in ("Zoë", "zoë", " ZOË ", "Zoe\u0308"):  # the last one as a Mac writes it
        assert await jobs.owner_named(house.admin, written) == zoe.user_id
    with refused(NotFound):
        await jobs.owner_named(house.admin, "nobody")


async def test_who_may_only_look_begins_cancels_and_repeats_nothing(
    jobs: JobOperations, house: House, alice: Principal
) -> None:
    job = await begun(house, alice)
    for asks in only_looking(alice):
        assert (await jobs.get(asks, job.id)).id == job.id
        for change in (
            jobs.cancel(asks, job.id),
            jobs.retry(asks, job.id),
            jobs.demonstrate(asks, **LONG, idempotency_key=None),  # type: ignore[arg-type]
        ):
            with refused(Forbidden):
                await change
    assert not (await jobs.get(alice, job.id)).state.is_final


async def test_cancelling_twice_is_cancelling_once_and_a_job_that_is_over_stays_as_it_was(
    jobs: JobOperations, house: House, alice: Principal
) -> None:
    job = await begun(house, alice)
    first, second = await jobs.cancel(alice, job.id), await jobs.cancel(alice, job.id)
    assert (first.state, second) == (State.CANCELLED, first)
    done = await house.ended(alice, await begun(house, alice, seconds=0))
    assert (await jobs.cancel(alice, done.id)).state is State.SUCCEEDED
    assert {job_id for _, job_id in await house.audited_ids("job.cancel")} == {job.id, done.id}


async def test_only_what_failed_or_was_cancelled_begins_again(
    jobs: JobOperations, house: House, alice: Principal
) -> None:
    job = await begun(house, alice)
    with refused(Conflict, "job_not_retryable"):
        await jobs.retry(alice, job.id)
    await jobs.cancel(alice, job.id)
    again = await jobs.retry(alice, job.id)
    assert (again.state, again.progress, again.error) == (State.QUEUED, 0, None)
    with refused(Conflict, "job_not_retryable"):
        await jobs.retry(alice, job.id)  # twice
    assert await house.audited_ids("job.retry") == [("alice", job.id)]


async def test_a_retry_that_comes_twice_under_one_key_is_one(
    jobs: JobOperations, house: House, alice: Principal
) -> None:
    job = await cancelled(house, alice)
    await jobs.retry(alice, job.id, idempotency_key="k")
    again = await jobs.retry(alice, job.id, idempotency_key="k")
    assert again.id == job.id
    assert len(await house.audited("job.retry")) == 1
    other = await cancelled(house, alice)
    with refused(Conflict, "key_reused"):
        await jobs.retry(alice, other.id, idempotency_key="k")


async def test_a_job_is_begun_once_under_one_key_and_keys_are_of_who_asks(
    jobs: JobOperations, house: House, alice: Principal, bob: Principal
) -> None:
    job = await begun(house, alice, key="k")
    assert (await begun(house, alice, key="k")).id == job.id
    with refused(Conflict, "key_reused"):
        await begun(house, alice, key="k", total=11)
    assert (await begun(house, bob, key="k")).owner_id == bob.user_id
    with refused(InvalidInput, fields=("Idempotency-Key",)):
        await begun(house, alice, key="")


@pytest.mark.parametrize("wrong", [{"seconds": -1}, {"seconds": 601}, {"seconds": float("nan")}, {"total": 0}])
async def test_a_demonstration_has_an_end(house: House, alice: Principal, wrong: dict[str, Any]) -> None:
    with refused(InvalidInput):
        await begun(house, alice, **wrong)


async def test_a_failed_job_says_why_and_keeps_its_log(jobs: JobOperations, house: House, alice: Principal) -> None:
    failed = await house.ended(alice, await begun(house, alice, seconds=0, total=1, fail_at=1))
    assert failed.error is not None
    assert (failed.state, failed.error.code) == (State.FAILED, "asked_to_fail")
    job, pieces = await jobs.whole_log(alice, failed.id)
    whole = [line.message async for lines in pieces for line in lines]
    assert job.id == failed.id
    assert whole[0] == "Counting starts."
    assert "It failed at 1, as it was asked to." in whole
    newest = await jobs.log(alice, failed.id, limit=1)
    older = await jobs.log(alice, failed.id, before=newest.older)
    assert [line.message for line in (*older.lines, *newest.lines)] == whole


async def test_a_job_that_a_script_pushes_is_cancelled_here_and_the_script_is_told(
    jobs: JobOperations, house: House, alice: Principal
) -> None:
    external = house.todo.external_jobs
    job = await external.begin(alice, NewExternalJob(title="Backup"))
    assert (await jobs.cancel(alice, job.id)).state is State.CANCELLED
    with refused(Conflict, "job_cancelled"):
        await external.update(alice, job.id, Update(progress=1))
    with refused(Conflict, "job_not_retryable"):
        await jobs.retry(alice, job.id)
