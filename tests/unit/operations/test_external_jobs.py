"""Jobs that scripts push: theirs alone, within limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited
from server.jobs.external_limits import DETAIL_BYTES_IN_ALL, DETAIL_VALUES
from server.jobs.external_told import Ending, NewExternalJob, Update
from server.jobs.job import State
from server.operations.external_jobs import ExternalJobOperations
from server.settings import Settings
from tests.unit.operations.conftest import House, only_looking, refused

BACKUP = NewExternalJob(title="Backup", total=4)
DONE = Update(ending=Ending(state=State.SUCCEEDED))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, external_jobs_per_user=2)


@pytest.fixture
def scripts(house: House) -> ExternalJobOperations:
    return house.todo.external_jobs


def at_a_pace(house: House, per_second: float) -> ExternalJobOperations:
    """By a clock that stands still."""
    jobs = house.parts.jobs
    return ExternalJobOperations(
        external=jobs.external,
        table=jobs.table,
        store=jobs.store,
        jobs_per_user=100,
        updates_per_second=per_second,
        clock=lambda: 0.0,
    )


async def test_nobody_but_who_began_a_job_says_how_far_it_is(
    scripts: ExternalJobOperations, house: House, alice: Principal
) -> None:
    job = await scripts.begin(alice, BACKUP)
    with refused(NotFound):
        await scripts.update(house.bob, job.id, Update(progress=4))
    with refused(Forbidden):  # an administrator sees it, and does not know how far it is
        await scripts.update(house.admin, job.id, Update(progress=4))
    assert (await scripts.update(alice, job.id, Update(progress=1))).progress == 1
    with refused(NotFound):
        await scripts.update(alice, "no-such-job", Update())


async def test_who_may_only_look_begins_and_moves_none(scripts: ExternalJobOperations, alice: Principal) -> None:
    job = await scripts.begin(alice, BACKUP)
    for asks in only_looking(alice):
        with refused(Forbidden):
            await scripts.begin(asks, BACKUP)
        with refused(Forbidden):
            await scripts.update(asks, job.id, DONE)


async def test_a_job_of_the_server_is_moved_by_no_script(
    scripts: ExternalJobOperations, house: House, alice: Principal
) -> None:
    job = await house.todo.jobs.demonstrate(alice, seconds=600, total=9, fail_at=None, idempotency_key=None)
    with refused(Conflict, "job_not_external"):
        await scripts.update(alice, job.id, DONE)


async def test_so_many_at_once_and_one_that_ended_makes_room(
    scripts: ExternalJobOperations, alice: Principal, bob: Principal
) -> None:
    first, _ = await scripts.begin(alice, BACKUP), await scripts.begin(alice, BACKUP)
    with refused(Conflict, "too_many_external_jobs"):
        await scripts.begin(alice, BACKUP)
    await scripts.begin(bob, BACKUP)
    await scripts.update(alice, first.id, DONE)
    await scripts.begin(alice, BACKUP)


async def test_a_job_begun_twice_under_one_key_is_one_also_where_no_other_may_begin(
    scripts: ExternalJobOperations, alice: Principal
) -> None:
    first = await scripts.begin(alice, BACKUP, idempotency_key="k")
    await scripts.begin(alice, BACKUP)
    assert (await scripts.begin(alice, BACKUP, idempotency_key="k")).id == first.id
    with refused(Conflict, "key_reused"):
        await scripts.begin(alice, NewExternalJob(title="Another"), idempotency_key="k")


async def test_detail_is_bounded_also_when_it_comes_bit_by_bit(
    scripts: ExternalJobOperations, alice: Principal
) -> None:
    with refused(InvalidInput, fields=("detail",)):
        await scripts.begin(alice, NewExternalJob(title="Backup", detail={"text": "x" * DETAIL_BYTES_IN_ALL}))
    some = {f"key{number}": number for number in range(DETAIL_VALUES)}
    job = await scripts.begin(alice, NewExternalJob(title="Backup", detail=some))
    with refused(InvalidInput, fields=("detail",)):
        await scripts.update(alice, job.id, Update(detail={"one": "more"}))
    changed = await scripts.update(alice, job.id, Update(detail={"key0": "other"}))
    assert changed.detail == some | {"key0": "other"}


async def test_a_script_that_says_too_much_is_slowed_down_and_no_other(
    house: House, alice: Principal, bob: Principal
) -> None:
    scripts = at_a_pace(house, 1.0)
    job = await scripts.begin(alice, BACKUP)
    await scripts.update(alice, job.id, Update(progress=1))
    with refused(RateLimited):
        await scripts.update(alice, job.id, Update(progress=2))
    await scripts.update(replace(alice, token_id="another"), job.id, Update(progress=2))
    await scripts.begin(bob, BACKUP)


async def test_less_than_one_a_second_still_lets_one_begin(house: House, alice: Principal) -> None:
    scripts = at_a_pace(house, 0.1)
    await scripts.begin(alice, BACKUP)
    with refused(RateLimited):
        await scripts.begin(alice, BACKUP)


async def test_it_says_how_long_a_script_may_be_silent(scripts: ExternalJobOperations, settings: Settings) -> None:
    assert scripts.silence_seconds == settings.external_job_silence_seconds
