"""What somebody opened last: each thing once, stored later, seen by nobody else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select

from server.auth.grants import Grant
from server.auth.permissions import Principal
from server.clock import utc_now
from server.operations import recently_seen as rules
from server.operations.recently_seen import RecentlySeen
from server.storage.tables import recently_seen, users
from tests.unit.operations.conftest import House

PLAIN = 'title: T\nformats: [html]\nblocks: [{text: "x"}]\n'


class Clocks:
    def __init__(self) -> None:
        self.now = utc_now()

    def wall(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def recent(house: House, clocks: Clocks) -> RecentlySeen:
    return RecentlySeen(database=house.parts.storage.database, clock=clocks.wall, monotonic=clocks.monotonic)


async def templates_of(house: House, owner: Principal, *names: str) -> list[str]:
    for name in names:
        await house.todo.templates.save(owner, name, PLAIN)
    return [(await house.todo.templates.get(owner, name)).id for name in names]


async def test_each_thing_is_there_once_newest_first_before_and_after_it_is_stored(
    recent: RecentlySeen, house: House, alice: Principal, bob: Principal, clocks: Clocks
) -> None:
    one, two = await templates_of(house, alice, "one", "two")
    for seconds, thing_id in ((0, one), (1, two), (1, one)):
        clocks.on(seconds)
        recent.note(alice, "template", thing_id)
    assert [each.name for each in await recent.list(alice)] == ["two", "one"]  # seen again within a minute: as before
    await recent.store()
    await recent.store()
    assert [each.name for each in await recent.list(alice)] == ["two", "one"]
    clocks.on(61)
    recent.note(alice, "template", one)
    assert [each.name for each in await recent.list(alice)] == ["one", "two"]
    await recent.store()
    assert next((each.name, each.at) for each in await recent.list(alice)) == ("one", clocks.now)
    async with house.parts.storage.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(recently_seen)) == 2
    assert await recent.list(bob) == []


async def test_who_asks_while_it_is_being_stored_sees_it(recent: RecentlySeen, house: House, alice: Principal) -> None:
    (one,) = await templates_of(house, alice, "one")
    recent.note(alice, "template", one)
    async with house.parts.storage.database.write():  # the turn of somebody else
        storing = asyncio.create_task(recent.store())
        await asyncio.sleep(0)
        assert [each.name for each in await recent.list(alice)] == ["one"]
    await storing
    assert [each.name for each in await recent.list(alice)] == ["one"]


async def test_what_may_be_seen_no_more_is_left_out_and_what_is_gone_is_forgotten(
    recent: RecentlySeen, house: House, alice: Principal, bob: Principal
) -> None:
    one, two = await templates_of(house, alice, "one", "two")
    for name in ("one", "two"):
        await house.todo.sharing.put(alice, "template", name, [Grant(user="bob")])
    for thing_id in (one, two):
        recent.note(bob, "template", thing_id)
    await house.todo.templates.delete(alice, "two")
    await recent.store()
    assert [each.name for each in await recent.list(bob)] == ["one"]
    await house.todo.sharing.put(alice, "template", "one", [])
    assert await recent.list(bob) == []
    await house.todo.sharing.put(alice, "template", "one", [Grant(user="bob")])
    assert [each.name for each in await recent.list(bob)] == ["one"]
    recent.note(bob, "template", one)
    async with house.parts.storage.database.write() as connection:
        await connection.execute(delete(users).where(users.c.id == bob.user_id))
    await recent.store()
    async with house.parts.storage.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(recently_seen)) == 0


async def test_only_so_many_are_kept(
    recent: RecentlySeen, house: House, alice: Principal, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_KEPT", 2)
    for thing_id in await templates_of(house, alice, "one", "two", "three"):
        clocks.on(1)
        recent.note(alice, "template", thing_id)
    await recent.store()
    assert [each.name for each in await recent.list(alice)] == ["three", "two"]
    assert [each.name for each in await recent.list(alice, limit=1)] == ["three"]
