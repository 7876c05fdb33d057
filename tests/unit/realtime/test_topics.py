"""What this node listens to: whom it serves, from before they are let in until a while after they have gone."""

from __future__ import annotations

import asyncio

from server.realtime import topics as module
from server.realtime.broker import EVERYBODY, event_topic, user_topic
from server.realtime.manager import ConnectionManager
from server.realtime.topics import Topics
from tests.unit.realtime.people import join, manager_of


class SlowBroker:
    """Joins when it is told to."""

    def __init__(self) -> None:
        self.joined: set[str] = set()
        self.may_join = asyncio.Event()
        self.may_join.set()

    async def open(self, receive: object) -> None: ...

    async def join(self, topic: str) -> None:
        await self.may_join.wait()
        self.joined.add(topic)

    def leave(self, topic: str) -> None:
        self.joined.discard(topic)

    def send(self, publication: object) -> None: ...

    async def close(self) -> None: ...


class Node:
    def __init__(self) -> None:
        self.manager: ConnectionManager = manager_of()
        self.broker = SlowBroker()
        self.forgotten: list[str] = []
        self.topics = Topics(broker=self.broker, manager=self.manager, forget=self.forgotten.append)

    def sweep(self, times: int = 2) -> None:
        for _ in range(times):
            self.topics.sweep()


async def test_it_listens_to_what_is_for_every_node() -> None:
    node = Node()
    await node.topics.open()
    node.sweep()
    assert node.broker.joined == {EVERYBODY}


async def test_it_listens_to_a_user_as_long_as_one_of_their_connections_is_here() -> None:
    node = Node()
    async with node.topics.of_user("alice"):
        link = join(node.manager, "alice")
    node.sweep(5)
    assert node.broker.joined == {user_topic("alice")}
    assert link.connection is not None
    node.manager.disconnect(link.connection)
    node.sweep(1)
    assert node.broker.joined == {user_topic("alice")}  # whoever reloads a page is back soon
    node.sweep(1)
    assert node.broker.joined == set()
    assert node.forgotten == ["alice"]


async def test_whoever_is_on_the_way_in_is_not_forgotten() -> None:
    node = Node()
    async with node.topics.of_user("alice"), node.topics.of_user("alice"):
        node.sweep(5)
    async with node.topics.of_user("alice"):
        node.sweep(5)
        assert node.broker.joined == {user_topic("alice")}
    node.sweep()
    assert node.broker.joined == set()


async def test_nobody_goes_on_before_the_joining_is_confirmed() -> None:
    node = Node()
    node.broker.may_join.clear()
    is_in = asyncio.Event()

    async def come() -> None:
        async with node.topics.of_user("alice"):
            is_in.set()

    comers = [asyncio.create_task(come()) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
        node.sweep(1)
    assert not is_in.is_set()
    node.broker.may_join.set()
    await asyncio.gather(*comers)
    assert is_in.is_set()


async def test_it_listens_to_an_event_as_long_as_somebody_here_subscribes_to_it() -> None:
    node = Node()
    link = join(node.manager, "alice")
    assert link.connection is not None
    async with node.topics.of_events(["news", "jobs:*"]):
        node.manager.subscribe(link.connection, ["news", "jobs:*"])
    node.manager.unsubscribe(link.connection, ["jobs:*"])
    node.sweep()
    assert node.broker.joined == {event_topic("news")}
    assert node.forgotten == []


async def test_of_very_many_topics_each_is_looked_at_in_its_turn() -> None:
    node = Node()
    many = module._LOOKED_AT + 10
    for number in range(many):
        async with node.topics.of_user(f"user{number}"):
            pass
    node.sweep(4)
    assert node.broker.joined == set()
    assert len(node.forgotten) == many
