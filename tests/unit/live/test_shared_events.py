"""Whoever watches what was shared is asked anew when rights change, and watches no more what is not theirs to see."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert

from server.auth.permissions import Role
from server.clock import new_id, utc_now
from server.errors import NotFound
from server.live.shared_events import is_shared
from server.storage.tables import datasets, grants
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
    [("batch:x", True), ("dataset:01kb", True), ("template:01kb", True), ("dataset:sales", False), ("job:01kb", False)],
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
