"""Checks of a query: told once when a rule breaks and once when it is kept again, to whoever is to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from server.delivery.address_books import AddressBook
from server.delivery.messages import ChannelTarget
from server.delivery.parcel import Mail, ParcelContent, ParcelState, Placed
from server.delivery.wishes import DeliveryRights, DeliveryVia, DeliveryWish
from server.errors import Conflict, InvalidInput, JobFailed, NotDelivered
from server.jobs.job import State
from server.operations.schedule_wishes import ScheduleWish
from server.schedules.plans import CheckResult, LimitIs, QueryPlan, QueryRule, RunsWhat
from server.schedules.restored import hold_restored
from server.schedules.schedule import ScheduleRun, ScheduleStanding, StopReason
from server.settings import Settings
from server.storage.tables import jobs, outbox
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.schedule_runs.test_imports import by_time
from tests.unit.operations.test_schedules import Node, told

SQL = "select count(*) as late, sum(amount) as sum from orders"
LATE, FINE = b"id,amount\n1,10\n2,20\n3,30\n", b"id,amount\n1,10\n"
ABOVE = QueryRule(when=LimitIs.ABOVE, column="late", limit=2)
MAIL = DeliveryWish(via=DeliveryVia.MAIL, to=["boss@example.com", "li@example.com"])
BOOK = AddressBook(dataset="contacts", key="region", column="mail")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a mail server that nobody asks: what is sent lies in the outbox."""
    return replace(
        settings,
        job_retries=0,
        smtp_host="127.0.0.1",
        smtp_port=1,
        mail_from="jindu@example.com",
        public_url="https://jindu.example.com",
        webhook_hosts=("hooks.example.com",),
    )


@pytest.fixture
async def node(house: House) -> Node:
    await house.given(house.alice, FINE)
    return Node(house)


async def planned(node: Node, *, deliveries: Sequence[DeliveryWish] = (), **plan: Any) -> str:
    query = QueryPlan(**{"sql": SQL, "rule": ABOVE} | plan)
    wish = ScheduleWish(
        runs=RunsWhat.QUERY, query=query, name="Late", cron="0 8 * * *", time_zone="UTC", deliveries=deliveries
    )
    return (await node.schedules.create(node.house.alice, wish)).id


async def sent(house: House) -> list[ParcelContent]:
    async with house.parts.storage.database.read() as connection:
        rows = await connection.scalars(select(outbox.c.content).order_by(outbox.c.created_at))
        return [msgspec.json.decode(row, type=ParcelContent) for row in rows]


def checked(run: ScheduleRun) -> CheckResult:
    assert isinstance(run.result, CheckResult), run
    return run.result


async def test_once_when_it_breaks_and_once_when_it_is_kept_again(node: Node, house: House) -> None:
    hook = DeliveryWish(via=DeliveryVia.WEBHOOK, url="https://hooks.example.com/s3cret", secret="whsec_" + "a" * 32)
    schedule_id = await planned(node, deliveries=[MAIL, hook])
    fine = checked(await by_time(node, schedule_id))
    assert (fine.is_broken, fine.is_told, fine.value) == (False, False, "1")
    await house.given(house.alice, LATE, mode="replace")
    broken = checked(await by_time(node, schedule_id))
    assert (broken.is_broken, broken.is_told, broken.value, broken.rows) == (True, True, "3", 1)
    again = checked(await by_time(node, schedule_id))
    assert (again.is_broken, again.is_told) == (True, False)
    await house.given(house.alice, FINE, mode="replace")
    kept = checked(await by_time(node, schedule_id))
    assert (kept.is_broken, kept.is_told) == (False, True)

    first, second = await told(house, house.alice)
    assert json.loads(first)["level"] == "warning"
    assert "breaks its rule" in first
    assert "keeps its rule again" in second
    parcels = await sent(house)
    assert [type(each) for each in parcels] == [Mail, Mail, Placed] * 2
    mail, other, placed = parcels[:3]
    assert isinstance(mail, Mail)
    assert isinstance(other, Mail)
    assert [mail.recipients, other.recipients] == [("boss@example.com",), ("li@example.com",)]
    assert mail.subject == "“Late” breaks its rule"
    assert "“late” is 3: above 2." in mail.text
    assert "late | sum" in mail.text
    assert "3 | 60" in mail.text
    assert "<td" in mail.html
    assert mail.unsubscribe.startswith("https://jindu.example.com/unsubscribe/")
    assert f"https://jindu.example.com/schedules/{schedule_id}" in mail.text
    assert isinstance(placed, Placed)
    assert "s3cret" not in placed.sealed
    assert house.parts.auth.seals.open(placed.sealed, ChannelTarget) is not None
    assert (placed.message.event, placed.message.facts) == ("alert.broken", (("late", "3"), ("sum", "60")))
    # Whoever ended it gets no more of it.
    code = mail.unsubscribe.rpartition("/")[2]
    await house.todo.unsubscribing.stop(code, address="127.0.0.1")
    await house.given(house.alice, LATE, mode="replace")
    await by_time(node, schedule_id)
    assert [each.recipients for each in (await sent(house))[6:] if isinstance(each, Mail)] == [("li@example.com",)]


async def test_each_time_where_somebody_wants_that_and_anew_for_another_rule(node: Node, house: House) -> None:
    await house.given(house.alice, LATE, mode="replace")
    schedule_id = await planned(node, each_time=True)
    assert [checked(await by_time(node, schedule_id)).is_told for _ in range(3)] == [True, True, True]
    plan = QueryPlan(sql=SQL, rule=QueryRule(when=LimitIs.ABOVE, column="sum", limit=50, of="any"))
    await node.schedules.change(house.alice, schedule_id, {"query": plan})
    assert [checked(await by_time(node, schedule_id)).is_told for _ in range(2)] == [True, False]


async def test_a_query_that_fails_is_a_failure_and_changes_nothing_of_what_was_told(node: Node, house: House) -> None:
    await house.given(house.alice, LATE, mode="replace")
    schedule_id = await planned(node)
    assert checked(await by_time(node, schedule_id)).is_told
    await house.given(house.alice, b"id\n1\n", mode="replace")  # without the column that it reads
    wrong = await by_time(node, schedule_id)
    assert (wrong.shown_state, wrong.result) == ("failed", None)
    assert "“Late” failed" in (await told(house, house.alice))[-1].replace("{title}", "Late")
    await house.given(house.alice, LATE, mode="replace")
    again = checked(await by_time(node, schedule_id))
    assert (again.is_broken, again.is_told) == (True, False)
    # With the rights of its owner: what bob has is nothing to alice.
    await house.given(house.bob, LATE, dataset="secret")
    with refused(InvalidInput, fields=("query.sql",)):
        await planned(node, sql="select count(*) as late from secret")


async def test_a_check_whose_dataset_was_lost_stops_and_says_which(node: Node, house: House) -> None:
    schedule_id = await planned(node)
    await house.todo.datasets.delete(house.alice, "orders")
    await node.look(node.now + timedelta(days=1))
    gone = (await node.runs(schedule_id))[-1]
    assert (gone.shown_state, gone.job_id) == ("failed", None)
    schedule = await node.schedules.get(house.alice, schedule_id)
    assert (schedule.standing, schedule.reason) == (ScheduleStanding.STOPPED, StopReason.RIGHTS)
    (notice,) = [each for each in await told(house, house.alice) if "was stopped" in each]  # once, and not each time
    assert "There is no dataset “{name}”" in notice
    # It comes again once the dataset is back, and somebody turns it on.
    await house.given(house.alice, LATE)
    await node.schedules.change(house.alice, schedule_id, {"enabled": True})
    assert checked(await by_time(node, schedule_id)).is_broken


async def test_a_check_has_no_trials_and_says_so(node: Node, house: House) -> None:
    schedule_id = await planned(node, deliveries=[MAIL])
    with pytest.raises(Conflict, match="Only reports can go to you first"):
        await node.schedules.run_to_me(house.alice, schedule_id)


async def test_what_does_not_arrive_is_told_to_its_owner(node: Node, house: House) -> None:
    await house.given(house.alice, LATE, mode="replace")
    schedule_id = await planned(node, deliveries=[MAIL])
    await by_time(node, schedule_id)
    async with house.parts.storage.database.read() as connection:
        parcel_id = await connection.scalar(select(outbox.c.id).limit(1))
    parcel = await house.parts.alerts.posting.post_one(str(parcel_id))
    assert parcel is not None
    await house.parts.alerts.telling.undelivered(parcel, NotDelivered("No such mailbox."))
    (notice,) = [each for each in await told(house, house.alice) if "could not be sent" in each]
    assert json.loads(notice)["url"] == f"/schedules/{schedule_id}"
    assert await told(house, house.admin) == []


async def test_a_copy_of_the_server_tells_nobody_once_more(node: Node, house: House) -> None:
    await house.given(house.alice, LATE, mode="replace")
    schedule_id = await planned(node, deliveries=[MAIL])
    run = await by_time(node, schedule_id)
    async with house.parts.storage.database.write() as connection:
        # As a backup has it that was made while the job went on.
        await connection.execute(update(outbox).values(state=ParcelState.WAITING))
        await connection.execute(update(jobs).where(jobs.c.id == run.job_id).values(state=State.RUNNING))
        await hold_restored(connection)
        states = set(await connection.scalars(select(outbox.c.state)))
    assert states == {ParcelState.FAILED}
    kind = house.parts.jobs.kinds["scheduled_query"]
    assert kind.function is not None
    job = await house.todo.jobs.get(house.admin, run.job_id or "")
    with refused(JobFailed, "run_over"):
        await kind.function(SimpleNamespace(job=job))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"sql": "selec 1"}, ("query.sql",)),
        ({"sql": "select 1 as other"}, ("query.rule.column",)),
        ({"sql": "select 'north' as late from range(3)"}, ("query.rule.column",)),
        ({"rule": QueryRule(when=LimitIs.ABOVE, column="late")}, ("query.rule.limit",)),
        ({"rule": QueryRule(when=LimitIs.ABOVE, column="late", limit="much")}, ("query.rule.limit",)),
        ({"rule": QueryRule(when=LimitIs.EQUAL, limit="x")}, ("query.rule.column",)),
        ({"rule": QueryRule(when=LimitIs.ROWS, column="late")}, ("query.rule.column",)),
        ({"deliveries": [DeliveryWish(via=DeliveryVia.LINK)]}, ("deliveries[0].via",)),
        ({"deliveries": [DeliveryWish(via=DeliveryVia.MAIL, to_column="x")]}, ("deliveries[0].to_column",)),
        ({"deliveries": [msgspec.structs.replace(MAIL, to_dataset=BOOK)]}, ("deliveries[0].to_dataset",)),
        ({"deliveries": [msgspec.structs.replace(MAIL, rights=DeliveryRights.RECIPIENT)]}, ("deliveries[0].rights",)),
        ({"deliveries": [msgspec.structs.replace(MAIL, unless_empty=True)]}, ("deliveries[0].unless_empty",)),
        ({"deliveries": [msgspec.structs.replace(MAIL, subject="{{ period }}")]}, ("deliveries[0].subject",)),
    ],
)
async def test_what_is_wrong_is_said_when_it_is_planned(
    node: Node, wrong: dict[str, Any], fields: tuple[str, ...]
) -> None:
    with refused(InvalidInput, fields=fields):
        await planned(node, **wrong)


async def test_a_clock_in_between_tells_once(node: Node, house: House) -> None:
    """Two checks at once agree on what was told."""
    await house.given(house.alice, LATE, mode="replace")
    schedule_id = await planned(node)
    for _ in range(2):
        node.now += timedelta(seconds=2)
        await node.schedules.run(house.alice, schedule_id)
    runs = await node.runs(schedule_id)
    for run in runs:
        await house.ended(house.admin, await house.todo.jobs.get(house.admin, run.job_id or ""))
    assert sorted(checked(run).is_told for run in await node.runs(schedule_id)) == [False, True]
