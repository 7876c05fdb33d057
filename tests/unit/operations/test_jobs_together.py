"""Many jobs at once: those that were meant and no others, each as if it were the only one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from server.auth.permissions import Principal
from server.clock import utc_now
from server.errors import Forbidden
from server.jobs.job import Job, State
from server.jobs.job_filter import JobFilter
from server.operations.jobs_together import JobAction, JobsTogether, NotDone, Together
from tests.unit.operations.conftest import SALES, House, only_looking, refused

ALL = JobFilter()


@pytest.fixture
def together(house: House) -> JobsTogether:
    return house.todo.jobs_together


async def begun(house: House, owner: Principal, **wanted: Any) -> Job:
    long = {"seconds": 600.0, "total": 10, "fail_at": None}
    return await house.todo.jobs.demonstrate(owner, **{**long, **wanted}, idempotency_key=None)


async def ended(house: House, owner: Principal, *, fail_at: int | None = None) -> Job:
    return await house.ended(owner, await begun(house, owner, seconds=0.0, fail_at=fail_at))


async def states(house: House) -> list[str]:
    """Oldest first."""
    return [job.state.value for job in (await house.todo.jobs.list(house.admin, ALL)).items][::-1]


async def test_all_that_wait_or_run_are_cancelled_and_only_ones_own(together: JobsTogether, house: House) -> None:
    mine = [await begun(house, house.alice) for _ in range(3)]
    his = await begun(house, house.bob)
    done = await ended(house, house.alice)
    assert await together.count(house.alice, JobAction.CANCEL, ALL) == 3
    assert await together.act(house.alice, JobAction.CANCEL, ALL) == Together(done=3, not_done=[], left=0)
    for job in mine:
        assert (await house.ended(house.alice, job)).state is State.CANCELLED
    assert not (await house.todo.jobs.get(house.bob, his.id)).state.is_final
    assert (await house.todo.jobs.get(house.alice, done.id)).state is State.SUCCEEDED
    assert len(await house.audited("job.cancel")) == 3


async def test_those_that_failed_for_a_reason_are_started_again(together: JobsTogether, house: House) -> None:
    failed = await ended(house, house.alice, fail_at=3)
    await ended(house, house.alice)
    assert failed.error is not None
    wanted = JobFilter(text=failed.error.message.split()[0])
    assert [job.id for job in (await house.todo.jobs.list(house.alice, wanted)).items] == [failed.id]
    found = await together.act(house.alice, JobAction.RETRY, wanted)
    assert found == Together(done=1, not_done=[], left=0)
    again = await house.todo.jobs.get(house.alice, failed.id)
    assert (await house.ended(house.alice, again)).attempt == 2


async def test_picked_ones_of_others_are_as_if_they_were_not_there(together: JobsTogether, house: House) -> None:
    his, hers = await ended(house, house.bob), await ended(house, house.alice)
    picked = JobFilter(ids=[his.id, hers.id, "no-such-job"])
    nothing = [NotDone(job_id=each, code="not_found") for each in (his.id, "no-such-job")]
    assert await together.act(house.alice, JobAction.DELETE, picked) == Together(done=1, not_done=nothing, left=0)
    assert [job.id for job in (await house.todo.jobs.list(house.admin, ALL)).items] == [his.id]
    assert (await together.act(house.admin, JobAction.DELETE, picked)).done == 1


async def test_nothing_picked_is_nothing_done(together: JobsTogether, house: House) -> None:
    await ended(house, house.alice)
    assert await together.act(house.alice, JobAction.DELETE, JobFilter(ids=[])) == Together(done=0, not_done=[], left=0)
    none = JobFilter(states=[State.RUNNING])
    assert await together.act(house.alice, JobAction.DELETE, none) == Together(done=0, not_done=[], left=0)
    assert await states(house) == ["succeeded"]


async def test_what_came_after_the_list_was_seen_is_left_alone(together: JobsTogether, house: House) -> None:
    await ended(house, house.alice)
    seen_at = utc_now() + timedelta(microseconds=1)
    later = await ended(house, house.alice)
    assert (await together.act(house.alice, JobAction.DELETE, JobFilter(until=seen_at))).done == 1
    assert [job.id for job in (await house.todo.jobs.list(house.alice, ALL)).items] == [later.id]


async def test_one_that_cannot_be_deleted_keeps_no_other_from_it(together: JobsTogether, house: House) -> None:
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "sales", SALES)
    batch = await house.reported(house.alice)
    other = await ended(house, house.alice)
    found = await together.act(house.alice, JobAction.DELETE, ALL)
    refused = NotDone(job_id=batch.job.id, code="job_of_batch", title=batch.job.title)
    assert found == Together(done=1, not_done=[refused], left=0)
    assert found.refused == {"job_of_batch": 1}
    (left,) = (await house.todo.jobs.list(house.alice, ALL)).items
    assert left.id == batch.job.id != other.id


async def test_of_an_administrators_choice_those_are_named_that_do_not_fit(
    together: JobsTogether, house: House
) -> None:
    his, hers = await ended(house, house.bob), await ended(house, house.alice)
    picked = JobFilter(ids=[his.id, hers.id], owner_id=house.alice.user_id)
    found = await together.act(house.admin, JobAction.DELETE, picked)
    assert found.not_done == [NotDone(job_id=his.id, code="job_not_in_filter", title=his.title)]
    assert (await together.act(house.admin, JobAction.CANCEL, picked)).refused == {"not_found": 1, "job_over": 1}


async def test_more_than_are_done_at_once_are_left(
    together: JobsTogether, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.operations.jobs_together.AT_ONCE", 2)
    oldest = [await ended(house, house.alice) for _ in range(3)]
    assert await together.act(house.alice, JobAction.DELETE, ALL) == Together(done=2, not_done=[], left=1)
    assert [job.id for job in (await house.todo.jobs.list(house.alice, ALL)).items] == [oldest[-1].id]


async def test_who_may_only_look_does_nothing(together: JobsTogether, house: House) -> None:
    for action in JobAction:
        for principal in only_looking(house.alice):
            with refused(Forbidden):
                await together.act(principal, action, ALL)
        with refused(Forbidden):
            await together.act(house.alice, action, JobFilter(owner_id=house.bob.user_id))
