"""Batches of reports: what an order becomes, what can be made again, and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, Locked, NotFound
from server.jobs.job import Completeness, State
from server.operations.batches import BatchOperations, BatchStart
from server.reports.batch_filter import BatchFilter
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.reports.batches import ReportFilter
from server.settings import Settings
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


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_reports_per_batch=3)


@pytest.fixture
async def batches(house: House) -> BatchOperations:
    """Alice has orders, a template whose reports are made and one of which one fails."""
    await house.given(house.alice)
    await house.todo.templates.save(house.alice, "regions", REGIONS)
    await house.todo.templates.save(house.alice, "failing", FAILING)
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
        batches.reorder(bob, batch.batch_id),
        batches.cancel(bob, batch.batch_id),
        batches.delete(bob, batch.batch_id),
        batches.start(bob, BatchOrder(template="regions")),
        batches.artifact(alice, report.id, "../orders.csv"),
    ]
    for question in questions:
        with refused(NotFound):
            await question
    assert (await house.todo.batch_lists.batches(bob)).items == []
    assert (await batches.get(house.admin, batch.batch_id)).name == "October"
    assert [(who, name) for who, name, _ in await house.audited("batch.start")] == [("alice", "October")]


async def test_who_may_only_look_takes_away_and_orders_nothing(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "regions")
    for asks in only_looking(alice):
        async with batches.archive(asks, batch.batch_id) as (head, _):
            assert head.id == batch.batch_id
        assert (await batches.expansion(asks, BatchOrder(template="regions"), shown=1)).total == 2
        for change in (
            batches.start(asks, BatchOrder(template="regions")),
            batches.retry(asks, batch.batch_id),
            batches.reorder(asks, batch.batch_id),
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


async def test_what_failed_is_ordered_anew_from_the_template_as_it_is_now(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing", as_of="2026-10-31")
    await house.todo.templates.save(alice, "failing", REGIONS.replace("/ (amount - 80)", "+ amount"))
    anew = await batches.reorder(alice, batch.batch_id, idempotency_key="k")
    assert (await batches.reorder(alice, batch.batch_id, idempotency_key="k")).batch_id == anew.batch_id
    await house.ended(alice, anew.job)
    assert [report.parameters for report in (await batches.reports(alice, anew.batch_id, ReportFilter())).items] == [
        {"region": "south"}
    ]
    assert await states(house, anew) == [State.SUCCEEDED]
    old, new = await batches.get(alice, batch.batch_id), await batches.get(alice, anew.batch_id)
    assert (new.as_of, new.template_version) == (old.as_of, 2)


async def test_where_nothing_failed_nothing_is_made_again(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "regions")
    with refused(Conflict):
        await batches.retry(alice, batch.batch_id)
    with refused(Conflict):
        await batches.reorder(alice, batch.batch_id)
    assert await house.audited("batch.retry") == []


async def test_an_order_that_comes_twice_is_one_batch(batches: BatchOperations, house: House, alice: Principal) -> None:
    order = BatchOrder(template="regions")
    first = await batches.start(alice, order, idempotency_key="k")
    assert (await batches.start(alice, order, idempotency_key="k")).batch_id == first.batch_id
    with refused(Conflict, "key_reused"):
        await batches.start(alice, BatchOrder(template="regions", name="other"), idempotency_key="k")
    assert (await house.todo.batch_lists.batches(alice)).total == 1


async def test_an_order_that_cannot_be_made_leaves_nothing(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    orders = {
        BatchOrder(template="nothing"): NotFound,
        BatchOrder(template="regions", as_of="yesterday"): InvalidInput,
        BatchOrder(template="regions", as_of="1066-10-14"): InvalidInput,
    }
    for order, error in orders.items():
        with pytest.raises(error):
            await batches.start(alice, order)
    with pytest.raises(InvalidInput):
        await batches.start(alice, BatchOrder(template="regions", parameters=[{"regoin": "north"}]))
    assert (await house.todo.batch_lists.batches(alice)).items == []
    assert house.todo.jobs.live(alice) == []


async def test_a_query_may_say_which_reports_and_too_many_are_refused(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(
        alice, "regions", parameters=ParameterQuery("select region from orders where amount > 100")
    )
    assert [report.title for report in (await batches.reports(alice, batch.batch_id, ReportFilter())).items] == [
        "Sales of north"
    ]
    many = ParameterQuery("select 'r' || range as region from range(4)")
    too_many = await house.reported(alice, "regions", parameters=many)
    assert too_many.job.state is State.FAILED
    assert await states(house, too_many) == []
    writes = await house.reported(alice, "regions", parameters=ParameterQuery("drop table orders"))
    assert writes.job.error is not None
    assert writes.job.error.code == "query_forbidden"


async def test_what_was_made_stays_when_the_rest_is_cancelled_and_the_rest_can_be_made_later(
    batches: BatchOperations, house: House, alice: Principal
) -> None:
    started = await batches.start(alice, BatchOrder(template="regions"))
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
    started = await batches.start(alice, BatchOrder(template="regions"))
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
