"""Batches of reports: who sees them, what can be made again, what is taken away, and what is kept of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, Locked, NotFound
from server.jobs.job import Completeness, State
from server.operations.batches import BatchOperations, BatchStart
from server.reports.batch_filter import BatchFilter
from server.reports.batch_orders import BatchOrder
from server.reports.batches import ReportFilter
from tests.unit.operations.conftest import House, only_looking, refused

REGIONS = """\
title: "Sales of {{ region }}"
formats: [html]
parameters:
  region: {type: text, each: "select distinct region from orders order by region"}
queries:
  rows: select id, 100 / (amount - 80) as share from orders where region = $region
blocks:
  - table: {query: rows}
"""
FAILING = REGIONS.replace("100 / (amount - 80)", "case when amount = 80 then error('no') else amount end")


async def given_templates(house: House) -> None:
    """Alice has orders, a template whose reports are made and one of which one fails."""
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "regions", REGIONS)
    await house.todo.templates.save(house.alice, "failing", FAILING)


@pytest.fixture
async def batches(house: House) -> BatchOperations:
    await given_templates(house)
    return house.todo.batches


async def states(house: House, batch: BatchStart) -> list[State]:
    return [state for _, state in await house.todo.batches.states(house.alice, batch.batch_id)]


async def test_one_report_is_made_per_value_and_nobody_else_sees_any(
    batches: BatchOperations, house: House, alice: Principal, bob: Principal
) -> None:
    batch = await house.reported(alice, "regions", name="October")
    found = await batches.reports(alice, batch.batch_id, ReportFilter())
    assert [report.title for report in found.items] == ["Sales of north", "Sales of south"]
    listed = await house.todo.batch_lists.batches(alice, BatchFilter(text="october north"))
    assert [head.name for head in listed.items] == ["October"]
    report = found.items[0]
    artifact, content = await batches.artifact(alice, report.id, report.artifacts[0].file)
    assert len(b"".join([piece async for piece in content.stream()])) == artifact.size
    questions: list[Awaitable[object]] = [
        batches.get(bob, batch.batch_id),
        batches.job(bob, batch.batch_id),
        batches.states(bob, batch.batch_id),
        batches.reports(bob, batch.batch_id, ReportFilter()),
        batches.report(bob, report.id),
        batches.artifact(bob, report.id, report.artifacts[0].file),
        batches.retry(bob, batch.batch_id),
        batches.cancel(bob, batch.batch_id),
        batches.delete(bob, batch.batch_id),
        batches.artifact(alice, report.id, "../orders.csv"),
    ]
    for question in questions:
        with refused(NotFound):
            await question
    assert (await house.todo.batch_lists.batches(bob)).items == []
    assert (await batches.get(house.admin, batch.batch_id)).name == "October"
    assert [(who, name) for who, name, _ in await house.audited("batch.start")] == [("alice", "October")]


async def test_who_may_only_look_takes_away_and_changes_nothing(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "regions")
    for asks in only_looking(alice):
        async with batches.archive(asks, batch.batch_id) as (head, _):
            assert head.id == batch.batch_id
        for change in (
            batches.retry(asks, batch.batch_id),
            batches.cancel(asks, batch.batch_id),
            batches.delete(asks, batch.batch_id),
        ):
            with refused(Forbidden):
                await change


async def test_one_that_fails_leaves_the_others_and_is_made_again_alone(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing")
    assert (batch.job.state, batch.job.outcome) == (State.SUCCEEDED, Completeness.PARTIAL)
    assert await states(house, batch) == [State.SUCCEEDED, State.FAILED]
    made, failed = (await batches.reports(alice, batch.batch_id, ReportFilter())).items
    assert failed.error is not None
    again = await batches.retry(alice, batch.batch_id)
    await house.ended(alice, again.job)
    kept, failed_again = (await batches.reports(alice, batch.batch_id, ReportFilter())).items
    assert kept == made  # untouched
    assert failed_again.finished_at != failed.finished_at
    assert (await batches.job(alice, batch.batch_id)).id == again.job.id
    assert [detail for _, _, detail in await house.audited("batch.retry")] == [{"reports": 1}]


async def test_where_nothing_failed_nothing_is_made_again(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "regions")
    with refused(Conflict):
        await batches.retry(alice, batch.batch_id)
    assert await house.audited("batch.retry") == []


async def test_what_was_made_stays_when_the_rest_is_cancelled_and_the_rest_can_be_made_later(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    started = await house.todo.batch_orders.start(alice, BatchOrder(template="regions"))
    cancelled = await batches.cancel(alice, started.batch_id)
    assert cancelled.state is State.CANCELLED
    assert State.RUNNING not in await states(house, started)
    again = await batches.retry(alice, started.batch_id)
    await house.ended(alice, again.job)
    assert await states(house, started) == [State.SUCCEEDED] * 2
    assert [who for who, _, _ in await house.audited("batch.cancel")] == ["alice"]


async def test_a_batch_is_deleted_with_its_files_once_it_is_made(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    started = await house.todo.batch_orders.start(alice, BatchOrder(template="regions"))
    with refused(Locked):
        await batches.delete(alice, started.batch_id)
    await house.ended(alice, started.job)
    blobs = house.parts.storage.blobs
    assert [found.key async for found in blobs.under("reports")] != []
    await batches.delete(alice, started.batch_id)
    assert [found.key async for found in blobs.under("reports")] == []
    with refused(NotFound):  # twice
        await batches.delete(alice, started.batch_id)
    assert [detail["reports"] for _, _, detail in await house.audited("batch.delete")] == [2]


async def test_what_is_made_again_at_this_moment_is_not_deleted(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing")
    async with house.parts.storage.database.write():  # meanwhile both see a batch that is made, and wait for their turn
        retrying = asyncio.create_task(batches.retry(alice, batch.batch_id))
        await batches.get(alice, batch.batch_id)
        deleting = asyncio.create_task(batches.delete(alice, batch.batch_id))
        await batches.get(alice, batch.batch_id)
    again, deleted = await asyncio.gather(retrying, deleting, return_exceptions=True)
    assert [type(one) for one in (again, deleted) if isinstance(one, BaseException)] in ([Locked], [NotFound])
    for job in house.todo.jobs.live(alice):
        assert (await house.ended(alice, job)).state is State.SUCCEEDED


async def test_where_nothing_was_made_there_is_nothing_to_take_away(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing", parameters=[{"region": "south"}])
    assert await states(house, batch) == [State.FAILED]
    with refused(Conflict):
        async with batches.archive(alice, batch.batch_id):
            pass
