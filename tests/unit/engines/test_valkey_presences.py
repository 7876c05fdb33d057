"""Who is connected at several nodes, as each of them sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from server.app.resources import meanwhile
from server.engines.valkey import ValkeyBroker
from server.engines.valkey_asking import ValkeyAsking
from server.engines.valkey_presences import ValkeyPresences
from server.realtime.broker import Hearing
from server.realtime.manager import ConnectionManager
from server.realtime.presence import LOOKING
from tests import valkey
from tests.unit.realtime.people import join, manager_of
from tests.waiting import until


@dataclass
class Node:
    manager: ConnectionManager
    broker: ValkeyBroker
    presences: ValkeyPresences

    async def sees(self, user_id: str) -> list[str]:
        return [each.client_id for each in await self.presences.of_user(user_id)]


@pytest.fixture
async def nodes() -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        address, found = valkey.new_address(), []
        for number in range(2):
            manager, broker = manager_of(), ValkeyBroker(address)
            asking = ValkeyAsking(broker.address)
            presences = ValkeyPresences(broker, asking, manager, node=f"node{number}")
            await broker.open(Hearing(receive=lambda publication: None))
            await until(lambda broker=broker: broker.is_whole)  # type: ignore[misc]
            stack.push_async_callback(asking.close)
            stack.push_async_callback(broker.close)
            await stack.enter_async_context(meanwhile(presences.run()))
            found.append(Node(manager, broker, presences))
        yield found


async def test_each_node_sees_the_connections_of_all_and_others_see_only_their_own(nodes: list[Node]) -> None:
    here, there = nodes
    hers, his = join(here.manager, "alice", "desk", transport="events"), join(there.manager, "bob", "phone")
    assert hers.connection
    assert his.connection

    async def all_are_seen() -> bool:
        return await there.sees("alice") == ["desk"] and len(await here.presences.everybody()) == 2

    await until(all_are_seen)
    assert await there.sees("bob") == ["phone"]
    one = await there.presences.one(hers.connection.id)
    assert one is not None
    assert (one.user_name, one.transport) == ("alice", "events")
    assert {each.user_name: each.node for each in await there.presences.everybody()} == {
        "alice": "node0",
        "bob": "node1",
    }
    assert there.presences.is_whole
    arriving = await there.presences.arriving("alice")
    assert (arriving.count_of_others("desk"), arriving.count_of_others("new")) == (0, 1)
    assert (await there.presences.arriving("alice")).moment >= arriving.moment > 0
    assert (await here.presences.crowd()).connections == 2

    here.manager.disconnect(hers.connection)

    async def she_is_gone() -> bool:
        return await there.sees("alice") == []

    await until(she_is_gone)
    assert await there.presences.one(hers.connection.id) is None


async def test_without_valkey_a_node_knows_its_own() -> None:
    manager, broker = manager_of(), ValkeyBroker("redis://127.0.0.1:1")
    presences = ValkeyPresences(broker, ValkeyAsking(broker.address), manager, node="here")
    link = join(manager, "alice", "desk")
    assert link.connection
    assert [each.client_id for each in await presences.of_user("alice")] == ["desk"]
    assert [(each.client_id, each.node) for each in await presences.everybody()] == [("desk", "here")]
    assert not presences.is_whole
    assert (await presences.arriving("alice")).moment == 0
    assert (await presences.crowd()).connections == 1
    async with meanwhile(presences.run()):
        await asyncio.sleep(0)


async def test_other_nodes_soon_see_whether_somebody_looks(nodes: list[Node]) -> None:
    here, there = nodes
    hers = join(here.manager, "alice", "desk")
    assert hers.connection

    async def are_looking(wanted: list[bool]) -> bool:
        return [each.is_looking for each in await there.presences.of_user("alice")] == wanted

    await until(lambda: are_looking([False]))
    here.manager.subscribe(hers.connection, [LOOKING])
    await until(lambda: are_looking([True]))
    here.manager.unsubscribe(hers.connection, [LOOKING])
    await until(lambda: are_looking([False]))
