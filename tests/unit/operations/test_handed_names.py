"""What a handed-over schedule names means what it meant, also when its new owner makes something of that name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from server.delivery.address_books import AddressBook
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.errors import Conflict
from server.operations.schedule_wishes import ScheduleWish
from server.reports.batch_orders import ParameterQuery
from server.schedules.plans import ImportPlan, LimitIs, QueryPlan, QueryRule, RunsWhat
from server.schedules.run_store import add_runs
from server.schedules.schedule import RunCause
from server.settings import Settings
from tests.unit.operations.conftest import House
from tests.unit.operations.test_schedule_handover import shared
from tests.unit.operations.test_schedules import OCTOBER, Node, planned
from tests.unit.operations.test_schedules import node as node


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    folders = (f"inbox={tmp_path / 'inbox'}",)
    return replace(settings, import_folders=folders, smtp_host="mail.invalid", mail_from="jindu@example.com")


async def checking(node: Node, sql: str) -> str:
    wish = ScheduleWish(
        runs=RunsWhat.QUERY,
        query=QueryPlan(sql=sql, rule=QueryRule(when=LimitIs.ROWS)),
        cron="0 8 * * *",
        time_zone="UTC",
    )
    return (await node.schedules.create(node.house.alice, wish)).id


async def handed_sql(house: House, schedule_id: str, to: str = "bob") -> str:
    taken = await house.todo.schedule_handover.hand_over(house.admin, schedule_id, to)
    assert taken.owner == to
    assert taken.ordered.query is not None
    return taken.ordered.query.sql


async def test_an_import_never_goes_into_another_dataset_of_the_new_owner(node: Node, house: House) -> None:
    over = house.todo.schedule_handover
    plan = ImportPlan(folder="inbox", file="new*.csv", dataset="fresh")  # its first import makes it
    wish = ScheduleWish(runs=RunsWhat.IMPORT, import_=plan, cron="0 8 * * *", time_zone="UTC")
    schedule_id = (await node.schedules.create(house.alice, wish)).id
    await house.given(house.bob, dataset="fresh")
    done = await over.hand_over_all(house.admin, house.alice.user_id, "bob")
    (left,) = done.left
    assert "another one of this name" in left.problem.message
    assert left.problem.parameters == {"dataset": "fresh", "user": "bob"}
    taken = await over.hand_over(house.admin, schedule_id, "admin")  # who has none of it
    assert taken.ordered.import_ == plan


async def test_a_check_goes_on_reading_what_it_read(node: Node, house: House) -> None:
    read = await checking(node, "select orders.id from orders -- of orders")
    named = await checking(node, 'select 1 from alice.orders, "alice"."orders" as o')
    words = await checking(node, "select 'orders' as orders")
    unplaced = await checking(node, "summarize orders")
    for each in (read, named, unplaced):
        with pytest.raises(Conflict, match="may not see"):
            await handed_sql(house, each)
    assert await handed_sql(house, words) == "select 'orders' as orders"
    await shared(house, "dataset", "orders")
    await house.given(house.bob)  # an “orders” of his own, before or after
    schedule = await node.schedules.get(house.alice, read)
    async with house.parts.storage.database.write() as connection:
        await add_runs(connection, schedule, RunCause.TIME, [OCTOBER], now=OCTOBER)  # waits still, and is of her names
    assert await handed_sql(house, read) == 'select orders.id from "alice"."orders" -- of orders'
    (waiting,) = await node.runs(read)
    assert waiting.ordered.query is not None
    assert '"alice"."orders"' in waiting.ordered.query.sql
    assert await handed_sql(house, named) == 'select 1 from alice.orders, "alice"."orders" as o'
    with pytest.raises(Conflict, match="put the owner before"):
        await handed_sql(house, unplaced)


async def test_addresses_go_on_coming_from_where_they_came(node: Node, house: House) -> None:
    over = house.todo.schedule_handover
    await house.given(house.alice, b"month,mail\n2036-09,mei@example.com\n", dataset="contacts")
    wish = DeliveryWish(via=DeliveryVia.MAIL, to_dataset=AddressBook(dataset="contacts", key="month", column="mail"))
    schedule_id = await planned(node, deliveries=[wish])
    await shared(house, "template", "monthly")
    await shared(house, "dataset", "orders")
    with pytest.raises(Conflict, match="contacts"):
        await over.hand_over(house.admin, schedule_id, "bob")
    await shared(house, "dataset", "contacts")
    taken = await over.hand_over(house.admin, schedule_id, "bob")
    (book,) = [each.to_dataset for each in taken.ordered.deliveries]
    assert book == AddressBook(dataset="alice.contacts", key="month", column="mail")


async def test_the_values_of_a_batch_are_of_data_that_they_may_see(node: Node, house: House) -> None:
    over = house.todo.schedule_handover
    await house.given(house.alice, b"month\n2036-09\n", dataset="months")
    schedule_id = await planned(node, parameters=ParameterQuery(query="select distinct month from months"))
    await shared(house, "template", "monthly")
    await shared(house, "dataset", "orders")
    await house.given(house.bob, b"month\n2036-09\n", dataset="months")  # is not meant: the template is alice's
    with pytest.raises(Conflict, match="months"):
        await over.hand_over(house.admin, schedule_id, "bob")
    await shared(house, "dataset", "months")
    taken = await over.hand_over(house.admin, schedule_id, "bob")
    assert taken.owner == "bob"


async def test_who_waits_for_data_that_others_may_not_see_stays(node: Node, house: House) -> None:
    waits = await planned(node, name="Waits", cron="", after_import="orders")
    await shared(house, "template", "monthly")
    with pytest.raises(Conflict, match="orders"):
        await house.todo.schedule_handover.hand_over(house.admin, waits, "bob")
    assert (await node.schedules.get(house.alice, waits)).owner == "alice"
