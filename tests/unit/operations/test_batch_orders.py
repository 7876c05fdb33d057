"""Orders of reports: who may order from what, what an order becomes, and what is wrong with one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.grants import Grant
from server.auth.permissions import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.jobs.job import State
from server.operations.batch_orders import BatchOrderOperations
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.reports.batches import ReportFilter
from server.settings import Settings
from tests.unit.operations.conftest import House, only_looking, refused
from tests.unit.operations.test_batches import REGIONS, given_templates, states


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_reports_per_batch=3)


@pytest.fixture
async def orders(house: House) -> BatchOrderOperations:
    await given_templates(house)
    return house.todo.batch_orders


async def test_nobody_orders_from_what_they_may_not_see(
    orders: BatchOrderOperations, house: House, alice: Principal, bob: Principal
) -> None:
    batch = await house.reported(alice, "failing")
    for owner in (None, "alice"):
        order = BatchOrder(template="regions", owner=owner)
        for question in (orders.start(bob, order), orders.check(bob, order), orders.expansion(bob, order, shown=1)):
            with refused(NotFound):
                await question
    with refused(NotFound):
        await orders.reorder(bob, batch.batch_id)
    assert (await house.todo.batch_lists.batches(bob)).items == []
    assert [who for who, _, _ in await house.audited("batch.start")] == ["alice"]


async def test_who_may_only_look_learns_how_many_there_would_be_and_orders_none(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing")
    order = BatchOrder(template="regions")
    for asks in only_looking(alice):
        expansion = await orders.expansion(asks, order, shown=1)
        assert (expansion.total, expansion.sets) == (2, [{"region": "north"}])
        for change in (orders.start(asks, order), orders.check(asks, order), orders.reorder(asks, batch.batch_id)):
            with refused(Forbidden):
                await change
    assert [name for _, name, _ in await house.audited("batch.start")] == [batch.job.title]


async def test_what_is_ordered_again_and_again_is_checked_and_not_ordered(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    template = await orders.check(alice, BatchOrder(template="regions", parameters=[{"region": "north"}]))
    assert (template.name, template.owner) == ("regions", "alice")
    twice = BatchOrder(template="regions", parameters=[{"region": "north"}, {"region": "north"}])
    with pytest.raises(InvalidInput):
        await orders.check(alice, twice)
    assert (await house.todo.batch_lists.batches(alice)).items == []
    batch = await house.reported(alice, "regions", parameters=twice.parameters)  # once, for whoever wants it so
    assert await states(house, batch) == [State.SUCCEEDED] * 2


async def test_what_failed_is_ordered_anew_from_the_template_as_it_is_now(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "failing", as_of="2026-10-31")
    await house.todo.templates.save(alice, "failing", REGIONS.replace("/ (amount - 80)", "+ amount"))
    anew = await orders.reorder(alice, batch.batch_id, idempotency_key="k")
    assert (await orders.reorder(alice, batch.batch_id, idempotency_key="k")).batch_id == anew.batch_id
    await house.ended(alice, anew.job)
    assert [
        report.parameters for report in (await house.todo.batches.reports(alice, anew.batch_id, ReportFilter())).items
    ] == [{"region": "south"}]
    assert await states(house, anew) == [State.SUCCEEDED]
    old, new = await house.todo.batches.get(alice, batch.batch_id), await house.todo.batches.get(alice, anew.batch_id)
    assert (new.as_of, new.template_version) == (old.as_of, 2)


async def test_an_order_that_comes_twice_is_one_batch(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    order = BatchOrder(template="regions")
    first = await orders.start(alice, order, idempotency_key="k")
    assert (await orders.start(alice, order, idempotency_key="k")).batch_id == first.batch_id
    with refused(Conflict, "key_reused"):
        await orders.start(alice, BatchOrder(template="regions", name="other"), idempotency_key="k")
    assert (await house.todo.batch_lists.batches(alice)).total == 1


async def test_an_order_that_cannot_be_made_leaves_nothing(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    wrong = {
        BatchOrder(template="nothing"): NotFound,
        BatchOrder(template="regions", as_of="yesterday"): InvalidInput,
        BatchOrder(template="regions", as_of="1066-10-14"): InvalidInput,
    }
    for order, error in wrong.items():
        with pytest.raises(error):
            await orders.start(alice, order)
    with pytest.raises(InvalidInput):
        await orders.start(alice, BatchOrder(template="regions", parameters=[{"regoin": "north"}]))
    assert (await house.todo.batch_lists.batches(alice)).items == []
    assert house.todo.jobs.live(alice) == []


async def test_a_query_may_say_which_reports_and_too_many_are_refused(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(
        alice, "regions", parameters=ParameterQuery("select region from orders where amount > 100")
    )
    assert [
        report.title for report in (await house.todo.batches.reports(alice, batch.batch_id, ReportFilter())).items
    ] == ["Sales of north"]
    many = ParameterQuery("select 'r' || range as region from range(4)")
    too_many = await house.reported(alice, "regions", parameters=many)
    assert too_many.job.state is State.FAILED
    assert await states(house, too_many) == []
    writes = await house.reported(alice, "regions", parameters=ParameterQuery("drop table orders"))
    assert writes.job.error is not None
    assert writes.job.error.code == "query_forbidden"


async def test_where_nothing_failed_nothing_is_ordered_anew(
    orders: BatchOrderOperations, house: House, alice: Principal
) -> None:
    batch = await house.reported(alice, "regions")
    with refused(Conflict):
        await orders.reorder(alice, batch.batch_id)
    assert (await house.todo.batch_lists.batches(alice)).total == 1


async def test_who_sees_a_shared_batch_orders_it_anew_only_from_a_template_that_they_may_see(
    orders: BatchOrderOperations, house: House, alice: Principal, bob: Principal
) -> None:
    batch = await house.reported(alice, "failing")
    await house.todo.sharing.put(alice, "batch", batch.batch_id, [Grant(user="bob")])
    with refused(NotFound):
        await orders.reorder(bob, batch.batch_id)
    await house.todo.sharing.put(alice, "template", "failing", [Grant(user="bob")])
    await house.todo.sharing.put(alice, "dataset", "orders", [Grant(user="bob")])
    anew = await orders.reorder(bob, batch.batch_id)
    await house.ended(bob, anew.job)
    mine = await house.todo.batches.get(bob, anew.batch_id)
    assert (mine.owner, mine.template_name, mine.report_count) == ("bob", "failing", 1)
