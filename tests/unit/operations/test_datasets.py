"""What becomes of a dataset: described, renamed, restored, deleted; by its owner, and never over a change unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.datasets.dataset import MOST_TAGS, ColumnNote, DatasetChange
from server.errors import Conflict, Forbidden, InvalidInput, JinduError, Locked, NotFound, PreconditionFailed
from server.jobs.job import State
from server.operations.dataset_rows import RowsQuery
from server.operations.datasets import DatasetOperations, entity_tag
from server.reports.batch_orders import BatchOrder
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import SALES, House, only_looking, refused
from tests.waiting import flushed

MORE = b"id,region,amount\n9,east,1\n"


@pytest.fixture
async def orders(house: House) -> DatasetOperations:
    """Alice has the dataset `orders`."""
    await house.given(house.alice)
    return house.todo.datasets


async def test_what_is_alices_bob_neither_sees_nor_changes(
    orders: DatasetOperations, alice: Principal, bob: Principal
) -> None:
    change = DatasetChange(description="mine now")
    questions: list[Awaitable[object]] = [
        orders.get(bob, "orders"),
        orders.versions(bob, "orders"),
        orders.uses(bob, "orders"),
        orders.loss(bob, "orders"),
        orders.change(bob, "orders", change),
        orders.restore(bob, "orders", 1),
        orders.delete(bob, "orders"),
        orders.change(bob, "orders", change, owner="alice"),
        orders.delete(bob, "orders", owner="alice"),
    ]
    for question in questions:
        with refused(NotFound):
            await question
    for owner in (None, "alice", "nobody"):
        assert (await orders.list(bob, owner=owner)).items == []
    assert (await orders.get(alice, "orders")).description == ""


async def test_who_may_only_look_changes_nothing(orders: DatasetOperations, alice: Principal) -> None:
    for asks in only_looking(alice):
        assert (await orders.get(asks, "orders")).row_count == 3
        for change in (
            orders.change(asks, "orders", DatasetChange(description="x")),
            orders.restore(asks, "orders", 1),
            orders.delete(asks, "orders"),
        ):
            with refused(Forbidden):
                await change


async def test_a_change_is_told_to_whoever_watches_and_is_audited(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    hers = await joined(house.parts.realtime, alice, events=("dataset:orders",))
    change = DatasetChange(description="Per order", tags=["Finance", "finance "], column_notes={"amount": _NOTE})
    changed = await orders.change(alice, "orders", change)
    assert (changed.description, changed.tags, changed.column_notes) == ("Per order", ["finance"], {"amount": _NOTE})
    await flushed(house.parts.realtime.manager)
    assert [message["data"]["change"] for message in hers.messages] == ["changed"]
    ((who, name, detail),) = await house.audited("dataset.change")
    assert (who, name, detail) == ("alice", "orders", {"fields": ["description", "tags", "column_notes"]})
    await orders.change(alice, "orders", DatasetChange(column_notes={"amount": ColumnNote()}))
    changed = await orders.get(alice, "orders")
    assert (changed.column_notes, changed.description) == ({}, "Per order")  # what is not named stays
    assert await orders.tags(alice) == {"finance": 1}
    assert await orders.tags(house.bob) == {}


async def test_wrong_words_are_told_all_at_once_and_change_nothing(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    wrong = DatasetChange(
        description="x", tags=[f"t{number}" for number in range(MOST_TAGS + 1)], column_notes={"amuont": _NOTE}
    )
    with refused(InvalidInput, fields=("column_notes.amuont", "tags")):
        await orders.change(alice, "orders", wrong)
    with refused(InvalidInput, fields=("name",)):
        await orders.change(alice, "orders", DatasetChange(name="Not A Name", description="x"))
    assert (await orders.get(alice, "orders")).description == ""
    assert await house.audited("dataset.change") == []


async def test_a_name_that_is_taken_is_taken_from_nobody(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.given(alice, dataset="returns")
    await house.given(house.bob, dataset="sales")
    with refused(Conflict):
        await orders.change(alice, "orders", DatasetChange(name="returns"))
    assert (await orders.change(alice, "orders", DatasetChange(name="sales"))).name == "sales"
    with refused(NotFound):
        await orders.get(alice, "orders")


async def test_nobody_overwrites_a_change_that_they_have_not_seen(orders: DatasetOperations, alice: Principal) -> None:
    seen = entity_tag(await orders.get(alice, "orders"))
    changed = await orders.change(alice, "orders", DatasetChange(description="first"), expected=seen)
    assert entity_tag(changed) != seen
    with refused(PreconditionFailed):
        await orders.change(alice, "orders", DatasetChange(description="second"), expected=seen)
    with refused(PreconditionFailed):
        await orders.delete(alice, "orders", expected=seen)
    assert (await orders.change(alice, "orders", DatasetChange(tags=["a"]), expected="*")).description == "first"


async def test_nor_when_both_come_at_the_same_moment(orders: DatasetOperations, alice: Principal) -> None:
    seen = entity_tag(await orders.get(alice, "orders"))
    words = [f"by tab {number}" for number in range(4)]
    tries = (orders.change(alice, "orders", DatasetChange(description=each), expected=seen) for each in words)
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in ended if isinstance(one, JinduError)] == [PreconditionFailed] * 3
    assert not [one for one in ended if isinstance(one, BaseException) and not isinstance(one, JinduError)]


async def test_nobody_deletes_what_was_changed_at_the_same_moment(orders: DatasetOperations, alice: Principal) -> None:
    seen = entity_tag(await orders.get(alice, "orders"))
    changed, deleted = await asyncio.gather(
        orders.change(alice, "orders", DatasetChange(description="keep this"), expected=seen),
        orders.delete(alice, "orders", expected=seen),
        return_exceptions=True,
    )
    one_of_both = [one for one in (changed, deleted) if isinstance(one, BaseException)]
    assert [type(one) for one in one_of_both] in ([PreconditionFailed], [NotFound])


async def test_an_old_version_comes_back_as_a_new_one(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.given(alice, MORE, mode="replace")
    restored = await orders.restore(alice, "orders", 1)
    assert (restored.number, restored.row_count, restored.source["restored_from"]) == (3, 3, 1)
    assert [version.row_count for version in (await orders.versions(alice, "orders")).items] == [3, 1, 3]
    rows = await house.todo.dataset_rows.page(alice, "orders", RowsQuery())
    assert len(rows.page.rows) == 3
    with refused(NotFound):
        await orders.restore(alice, "orders", 9)
    assert [(name, detail["from"]) for _, name, detail in await house.audited("dataset.restore")] == [("orders", 1)]


async def test_versions_come_newest_first_page_by_page(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await orders.restore(alice, "orders", 1)
    await orders.restore(alice, "orders", 1)
    first = await orders.versions(alice, "orders", limit=2)
    rest = await orders.versions(alice, "orders", limit=2, before=int(first.next_cursor or 0))
    assert [version.number for version in (*first.items, *rest.items)] == [3, 2, 1]
    assert (first.total, rest.next_cursor) == (3, None)


async def test_who_deletes_is_told_what_is_lost_and_the_files_go(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.given(alice, MORE, mode="append")
    kept = await orders.loss(alice, "orders")
    assert (kept.versions, kept.row_count) == (2, 4)
    assert kept.bytes > 0
    assert await orders.delete(alice, "orders") == kept
    assert [found.key async for found in house.parts.storage.blobs.under("datasets")] == []
    with refused(NotFound):  # twice
        await orders.delete(alice, "orders")
    assert await house.audited("dataset.delete") == [("alice", "orders", {"versions": 2, "rows": 4})]


async def test_nothing_is_deleted_while_reports_are_made_of_it(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.todo.templates.save(alice, "sales", SALES)
    started = await house.todo.batch_orders.start(alice, BatchOrder(template="sales"))
    with refused(Locked):
        await orders.delete(alice, "orders")
    assert (await house.ended(alice, started.job)).state is State.SUCCEEDED
    await orders.delete(alice, "orders")


async def test_what_would_miss_it_under_another_name_is_known_however_it_is_written(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.todo.templates.save(alice, "sales", SALES.replace("from orders", "FROM Orders"))
    await house.todo.templates.save(alice, "about", "title: Reorders\nblocks:\n  - text: about reorders\n")
    for name, sql in (("top", "select * from ORDERS"), ("other", "select 1 as orders_of_magnitude")):
        await house.todo.queries.save(alice, name=name, sql=sql)
    await house.todo.queries.save(house.bob, name="his", sql="select * from orders")
    uses = await orders.uses(alice, "orders")
    assert (uses.templates, uses.queries) == (["sales"], ["top"])


async def test_they_are_found_by_what_is_said_of_them_page_by_page(
    orders: DatasetOperations, house: House, alice: Principal
) -> None:
    await house.given(alice, dataset="archive")
    await orders.change(alice, "orders", DatasetChange(description="Umsätze", tags=["finance"]))
    first = await orders.list(alice, limit=1)
    rest = await orders.list(alice, limit=1, cursor=first.next_cursor)
    assert [dataset.name for dataset in (*first.items, *rest.items)] == ["archive", "orders"]
    assert (first.total, rest.next_cursor) == (2, None)
    for q, tags in (("UMSÄTZE", ()), ("", ("Finance ",))):
        assert [dataset.name for dataset in (await orders.list(alice, q=q, tags=tags)).items] == ["orders"]
    assert [each.name for each in (await orders.list(house.admin, owner="alice")).items] == ["archive", "orders"]


async def test_an_administrator_may_change_what_is_anybodys_and_the_log_says_who(
    orders: DatasetOperations, house: House
) -> None:
    await orders.change(house.admin, "orders", DatasetChange(description="checked"), owner="alice")
    assert [(who, name) for who, name, _ in await house.audited("dataset.change")] == [("admin", "orders")]
    small = replace(house.admin, scopes=house.alice.scopes - {"admin"})
    with refused(NotFound):
        await orders.delete(small, "orders", owner="alice")


_NOTE = ColumnNote(unit="€", decimals=2)
