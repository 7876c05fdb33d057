"""Schedules of who leaves go to somebody else: who may do all that they do, and nobody's data become another's."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server.auth.access import Right
from server.auth.grants import Grant
from server.auth.permissions import Principal, Role
from server.deliveries.held_addresses import hold_address
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.errors import Conflict, Forbidden, InvalidInput, NotFound
from server.operations.schedule_wishes import ScheduleWish
from server.schedules.files import place_key
from server.schedules.plans import ImportPlan, RunsWhat, Takes
from server.schedules.schedule import ScheduleStanding, StopReason
from server.schedules.stopping import Stopping
from server.settings import Settings
from server.storage.tables import schedule_files
from tests.unit.operations.conftest import House, refused
from tests.unit.operations.test_schedules import Node, planned, told
from tests.unit.operations.test_schedules import node as node


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "inbox").mkdir()
    folders = (f"inbox={tmp_path / 'inbox'}",)
    return replace(settings, import_folders=folders, smtp_host="mail.invalid", mail_from="jindu@example.com")


async def shared(house: House, kind: str, name: str, right: Right = Right.VIEW) -> None:
    await house.todo.sharing.put(house.alice, kind, name, [Grant(user="bob", right=right)])


async def handed_notices(house: House, person: Principal) -> list[str]:
    return [each for each in await told(house, person) if "yours" in each]


async def test_what_stopped_with_its_owner_comes_again_with_the_rights_of_another(node: Node, house: House) -> None:
    over = house.todo.schedule_handover
    first = await planned(node, name="First")
    second = await planned(node, name="Second", cron="", after_schedule=first)
    paused = await planned(node, name="Paused", enabled=False)
    broken = await planned(node, name="Other", template="sales")
    assert await over.counts(house.admin, [house.alice.user_id, house.bob.user_id]) == {house.alice.user_id: 3}
    await house.todo.admin.change_user(house.admin, house.alice.user_id, is_disabled=True)
    await node.look()
    stopped = await node.schedules.get(house.admin, first)
    assert (stopped.standing, stopped.reason) == (ScheduleStanding.STOPPED, StopReason.OWNER)
    for stranger in (house.alice, house.bob):
        with refused(Forbidden):
            await over.hand_over(stranger, first, "bob")
        with refused(Forbidden):
            await over.hand_over_all(stranger, house.alice.user_id, "bob")
        with refused(Forbidden):
            await over.of_user(stranger, house.alice.user_id)
    with refused(InvalidInput, fields=("to",)):
        await over.hand_over_all(house.admin, house.alice.user_id, "alice")
    with refused(InvalidInput, fields=("to",)):
        await over.hand_over_all(house.admin, house.bob.user_id, "alice")  # is disabled
    with refused(NotFound):
        await over.hand_over_all(house.admin, "0" * 26, "bob")
    with pytest.raises(Conflict, match="First"):
        await over.hand_over(house.admin, second, "bob")  # it comes after one of alice's

    # What bob may not see stays where it is, and it is said why.
    await shared(house, "template", "monthly")
    await shared(house, "dataset", "orders")
    done = await over.hand_over_all(house.admin, house.alice.user_id, "bob")
    assert [each.id for each in done.handed] == [first, paused, second]  # what comes after another one last
    (left,) = done.left
    assert (left.schedule.id, left.problem.message) == (
        broken,
        "{user} may not use the template “{name}”: share it with them first.",
    )
    assert await over.counts(house.admin, [house.alice.user_id]) == {house.alice.user_id: 1}
    now_his = await node.schedules.get(house.bob, first)
    assert (now_his.owner, now_his.is_on, now_his.reason) == ("bob", True, StopReason.NONE)
    assert now_his.planned_at is not None
    still = await node.schedules.get(house.bob, paused)
    assert (still.owner, still.standing, still.reason) == ("bob", ScheduleStanding.PAUSED, StopReason.BY_HAND)
    with refused(NotFound):
        await node.schedules.get(house.bob, broken)
    # One bell for all of them.
    (for_bob,), (for_alice,) = await handed_notices(house, house.bob), await handed_notices(house, house.alice)
    assert "that are yours now" in for_bob
    assert "no longer yours" in for_alice
    assert '"count":3' in for_bob
    by_and_to = {"owner": "alice", "to": "bob"}
    assert await house.audited("schedule.hand_over") == [
        ("admin", "First", by_and_to),
        ("admin", "Paused", by_and_to),
        ("admin", "Second", by_and_to),
    ]
    node.now += timedelta(seconds=5)
    run = await node.schedules.run(house.bob, first)
    await node.ended(run)
    assert (await house.todo.batches.get(house.bob, run.batch_id or "")).owner_id == house.bob.user_id

    # An administrator takes the last one over; a viewer could not.
    await house.user("carol", role=Role.VIEWER)
    with pytest.raises(Forbidden, match="carol is a viewer"):
        await over.hand_over(house.admin, broken, "carol")
    taken = await over.hand_over(house.admin, broken, "admin")
    assert (taken.owner, taken.is_on) == ("admin", True)


async def test_whoever_could_not_use_it_any_more_leaves_it_to_be_started_by_another(node: Node, house: House) -> None:
    over, alice = house.todo.schedule_handover, house.alice.user_id
    lost = await planned(node, name="Lost")
    ended = await planned(node, name="Ended")
    await shared(house, "template", "monthly")
    await shared(house, "dataset", "orders")
    parts = house.parts
    await Stopping(database=parts.storage.database, notices=parts.live.notices).stop(ended, StopReason.TIME)
    await house.todo.admin.change_user(house.admin, alice, role=Role.VIEWER)
    await node.look()
    await house.todo.admin.change_user(house.admin, alice, is_disabled=True)
    await node.look()
    assert (await node.schedules.get(house.admin, lost)).reason is StopReason.RIGHTS
    assert await over.counts(house.admin, [alice]) == {alice: 2}
    assert await over.counts(house.admin, [alice], standing=[ScheduleStanding.ON]) == {}
    done = await over.hand_over_all(house.admin, alice, "bob")
    assert {each.name: (each.standing, each.reason) for each in done.handed} == {
        "Lost": (ScheduleStanding.ON, StopReason.NONE),
        "Ended": (ScheduleStanding.STOPPED, StopReason.TIME),
    }


async def test_what_lost_what_it_waits_for_takes_nothing_of_that_name(node: Node, house: House) -> None:
    waits = await planned(node, name="Waits", cron="", after_import="orders")
    await shared(house, "template", "monthly")
    await house.todo.datasets.delete(house.alice, "orders")
    await house.given(house.bob)
    (left,) = (await house.todo.schedule_handover.hand_over_all(house.admin, house.alice.user_id, "bob")).left
    assert (left.schedule.id, left.problem.message) == (
        waits,
        "The dataset that it waits for was deleted; choose another one first.",
    )


async def test_rows_go_on_going_where_they_went_and_no_file_comes_twice(
    node: Node, house: House, tmp_path: Path
) -> None:
    over = house.todo.schedule_handover
    file = tmp_path / "inbox" / "orders.csv"
    file.write_bytes(b"id,region,amount\n9,west,9\n")
    os.utime(file, (time.time() - 60,) * 2)
    plan = ImportPlan(folder="inbox", file="orders*.csv", dataset="orders", take=Takes.EACH, mode="append")
    wish = ScheduleWish(runs=RunsWhat.IMPORT, import_=plan, cron="0 8 * * *", time_zone="UTC")
    schedule_id = (await node.schedules.create(house.alice, wish)).id
    run = await node.schedules.run(house.alice, schedule_id)
    await house.ended(house.alice, await house.todo.jobs.get(house.alice, run.job_id or ""))
    with pytest.raises(Conflict, match="for editing"):
        await over.hand_over(house.admin, schedule_id, "bob")
    await shared(house, "dataset", "orders", Right.EDIT)
    taken = await over.hand_over(house.admin, schedule_id, "bob")
    now_his = taken.ordered.import_
    assert now_his is not None
    assert (now_his.dataset, now_his.owner) == ("orders", "alice")
    async with house.parts.storage.database.read() as connection:
        keys = set(await connection.scalars(select(schedule_files.c.place_key)))
    assert keys == {place_key(now_his)}


async def test_addresses_that_mail_came_back_from_are_held_for_the_new_owner_too(node: Node, house: House) -> None:
    over, held = house.todo.schedule_handover, house.todo.held_addresses
    wish = DeliveryWish(via=DeliveryVia.MAIL, to=["Mei@example.org", "boss@example.org"])
    schedule_id = await planned(node, deliveries=[wish])
    await shared(house, "template", "monthly")
    await shared(house, "dataset", "orders")
    run = await node.schedules.run(house.alice, schedule_id)
    await node.ended(run)
    batch_id = run.batch_id or ""
    async with house.parts.storage.database.write() as connection:
        for address, batch in (
            ("mei@example.org", "1" * 26),
            ("found@example.org", batch_id),
            ("other@x.org", "2" * 26),
        ):
            await hold_address(
                connection,
                owner_id=house.alice.user_id,
                address=address,
                said="550",
                batch_id=batch,
                now=node.now,
            )
    await over.hand_over(house.admin, schedule_id, "bob")
    assert {each.address for each in (await held.list(house.bob)).items} == {"mei@example.org", "found@example.org"}
    assert len((await held.list(house.alice)).items) == 3
