"""Free events: who may publish, where they go, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.auth.permissions import Principal
from server.errors import Forbidden, InvalidInput, RateLimited
from server.operations.events import EventOperations, Reach
from server.settings import Settings
from tests.unit.live.conftest import joined
from tests.unit.operations.conftest import House, only_looking, refused
from tests.waiting import flushed


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_database_growth_per_user=5_000)


@pytest.fixture
def events(house: House) -> EventOperations:
    return house.todo.events


async def test_an_event_goes_to_whoever_subscribed_whoever_they_are(
    events: EventOperations, house: House, alice: Principal
) -> None:
    his = await joined(house.parts.realtime, house.bob, events=("shop.sold",))
    hers = await joined(house.parts.realtime, alice)
    assert await events.publish(alice, "shop.sold", {"id": 7}) == Reach(receivers=1, at_least=False)
    await flushed(house.parts.realtime.manager)
    assert [(message["event"], message["data"]) for message in his.messages] == [("shop.sold", {"id": 7})]
    assert hers.messages == []
    assert [(who, name) for who, name, _ in await house.audited("event.publish")] == [("alice", "shop.sold")]


async def test_nobody_hears_is_no_error(events: EventOperations, alice: Principal) -> None:
    assert await events.publish(alice, "shop.sold", None) == Reach(receivers=0, at_least=False)


async def test_only_free_names_are_published(events: EventOperations, house: House, alice: Principal) -> None:
    for name in ("", "Shop", "job:j1", "jobs:*", "dataset:orders", "a b", "x" * 65, "a\n"):
        with refused(InvalidInput, "invalid_event"):
            await events.publish(alice, name, {})
    assert await house.audited("event.publish") == []


async def test_who_may_only_look_publishes_nothing(events: EventOperations, alice: Principal) -> None:
    for asks in only_looking(alice):
        with refused(Forbidden):
            await events.publish(asks, "shop.sold", {})


async def test_whoever_floods_the_audit_log_is_stopped_and_nobody_else(
    events: EventOperations, alice: Principal, bob: Principal
) -> None:
    for _ in range(4):
        await events.publish(alice, "shop.sold", {})
    with refused(RateLimited):
        await events.publish(alice, "shop.sold", {})
    with refused(RateLimited):
        await events.notify_myself(alice)
    await events.publish(bob, "shop.sold", {})


async def test_a_notification_to_try_out_is_for_oneself_whatever_one_chose_to_be_told_of(
    events: EventOperations, house: House, alice: Principal
) -> None:
    viewer, read_token = only_looking(alice)
    await house.todo.accounts.change_me(alice, {"notifications": {"finished": False, "failed": False}})
    await events.notify_myself(viewer)
    with refused(Forbidden):
        await events.notify_myself(read_token)
    assert [one.title for one in (await house.todo.notifications.latest(alice)).items] == ["This is a test"]
    assert (await house.todo.notifications.latest(house.bob)).items == []
