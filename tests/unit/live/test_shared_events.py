"""Whoever watches what was shared is asked anew when rights change, and watches no more what is not theirs to see."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert

from server.auth.permissions import Role
from server.clock import new_id, utc_now
from server.errors import NotFound
from server.live.shared_events import is_shared
from server.storage.tables import batches, datasets, grants, reports
from tests.unit.live.conftest import Layer, person
from tests.waiting import flushed, until

ALICE, BOB, CAROL, CHIEF = person("alice"), person("bob"), person("carol"), person("chief", role=Role.ADMIN)


async def shared(layer: Layer, *names: str) -> str:
    """Alice's dataset, given to these; its event."""
    now, dataset_id = utc_now(), new_id()
    async with layer.database.write() as connection:
        row = {"id": dataset_id, "owner_id": "alice", "name": "sales", "created_at": now, "updated_at": now}
        await connection.execute(insert(datasets).values(row))
        for name in names:
            grant = {"id": new_id(), "dataset_id": dataset_id, "user_id": name, "may": "view", "created_at": now}
            await connection.execute(insert(grants).values(grant))
    return f"dataset:{dataset_id}"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("batch:x", True),
        ("report:01kb", True),
        ("dataset:01kb", True),
        ("template:01kb", True),
        ("dataset:sales", False),
        ("job:01kb", False),
    ],
)
def test_what_is_shared_is_named_by_its_id(event: str, told: bool) -> None:
    assert is_shared(event) is told


async def test_who_was_given_it_watches_until_it_is_taken_back(layer: Layer) -> None:
    event = await shared(layer, "bob")
    for principal in (ALICE, BOB, CHIEF):
        await layer.live.subscriptions.authorise(principal, event)
    with pytest.raises(NotFound):
        await layer.live.subscriptions.authorise(CAROL, event)
    hers, his = await layer.join(ALICE, events=(event,)), await layer.join(BOB, events=(event,))
    async with layer.database.write() as connection:
        await connection.execute(delete(grants))
    layer.live.shared_events.changed("dataset", event.partition(":")[2])
    await until(lambda: his.connection is not None and event not in his.connection.events)
    layer.live.announcing.publish(event, {"version": 2})
    await flushed(layer.realtime.manager)
    told = [(each["type"], each.get("data") or each.get("status")) for each in his.messages]
    assert told == [("event", {"access": "ended"}), ("subscription", "unsubscribed")]
    assert [each["data"] for each in hers.messages] == [{"access": "changed"}, {"version": 2}]


async def test_rights_that_change_as_a_whole_are_asked_for_everything(layer: Layer) -> None:
    event = await shared(layer)
    his = await layer.join(BOB, events=(event, "shop.sold"))  # as if a group of his had been emptied
    layer.live.shared_events.changed_everywhere()
    await until(lambda: his.connection is not None and his.connection.events == {"shop.sold"})
    hers = await layer.join(CAROL, events=(event,))
    layer.live.shared_events.may_have_lost()
    await until(lambda: hers.connection is not None and not hers.connection.events)


async def test_a_report_is_watched_by_who_may_see_its_batch_and_no_longer(layer: Layer) -> None:
    report, batch_id = await report_of_alice(layer)
    async with layer.database.write() as connection:
        grant = {"id": new_id(), "batch_id": batch_id, "user_id": "bob", "may": "view", "created_at": utc_now()}
        await connection.execute(insert(grants).values(grant))
    for principal in (ALICE, BOB, CHIEF):
        await layer.live.subscriptions.authorise(principal, report)
    with pytest.raises(NotFound):
        await layer.live.subscriptions.authorise(CAROL, report)
    hers, his = await layer.join(ALICE, events=(report,)), await layer.join(BOB, events=(report,))
    assert layer.realtime.manager.subscribed_users(report) == {"alice", "bob"}
    async with layer.database.write() as connection:
        await connection.execute(delete(grants))
    layer.live.shared_events.changed("batch", batch_id)
    await until(lambda: his.connection is not None and report not in his.connection.events)
    assert hers.connection is not None
    assert report in hers.connection.events
    assert layer.realtime.manager.subscribed_users(report) == {"alice"}


async def report_of_alice(layer: Layer) -> tuple[str, str]:
    """Its event, and the id of its batch."""
    now, batch_id, report_id, job_id = utc_now(), new_id(), new_id(), new_id()
    batch = {"id": batch_id, "owner_id": "alice", "job_id": job_id, "name": "b", "template_name": "t"}
    more = {"template_version": 1, "template_source": "", "clock": now, "language": "en", "time_zone": "UTC"}
    report = {"id": report_id, "batch_id": batch_id, "owner_id": "alice", "position": 1, "title": "r"}
    async with layer.database.write() as connection:
        await connection.execute(insert(batches).values(batch | more | {"created_at": now}))
        await connection.execute(insert(reports).values(report | {"state": "succeeded"}))
    return f"report:{report_id}", batch_id
