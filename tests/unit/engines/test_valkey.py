"""Several nodes over one Valkey: what arrives at the others, and what is noticed when it may not have."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import msgspec
import pytest
from redis.asyncio import Redis

from server.engines.valkey import ValkeyBroker
from server.engines.valkey_line import ValkeyAddress
from server.errors import ConfigurationError
from server.realtime.broker import EVERYBODY, Ended, EventPublished, Hearing, Publication, event_topic
from tests import valkey
from tests.waiting import until


@dataclass
class Node:
    broker: ValkeyBroker
    heard: list[Publication] = field(default_factory=list)
    losses: int = 0

    def lost(self) -> None:
        self.losses += 1


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    async with AsyncExitStack() as stack:
        address = valkey.new_address()
        yield await opened(stack, address), await opened(stack, address)


async def opened(stack: AsyncExitStack, address: str) -> Node:
    node = Node(ValkeyBroker(address))
    await node.broker.open(Hearing(receive=node.heard.append, may_have_lost=node.lost, kinds=(EventPublished, Ended)))
    stack.push_async_callback(node.broker.close)
    return node


def news(number: int) -> EventPublished:
    return EventPublished(event="news", data=number)


async def test_what_one_says_is_heard_by_who_joined_once_and_in_order(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    for node in nodes:
        await node.broker.join(event_topic("news"))
    for number in range(1_000):
        one.broker.send(news(number))
        one.broker.send(Ended(user_id="bob"))  # which nobody joined
    await until(lambda: len(other.heard) == 1_000)
    assert [each.data for each in other.heard if isinstance(each, EventPublished)] == list(range(1_000))
    assert one.heard == other.heard
    other.broker.leave(event_topic("news"))
    await other.broker.join(event_topic("news"))
    one.broker.send(news(-1))
    await until(lambda: len(other.heard) == 1_001)


async def test_after_a_kill_of_valkey_both_come_back_and_know_that_they_may_have_lost_something(
    caplog: pytest.LogCaptureFixture,
) -> None:
    process = valkey.ValkeyProcess()
    process.start()
    try:
        async with AsyncExitStack() as stack:
            one, other = await opened(stack, process.url), await opened(stack, process.url)
            await other.broker.join(event_topic("news"))
            process.kill()
            await until(lambda: not one.broker.is_whole and not other.broker.is_whole)
            await other.broker.join(event_topic("more"))  # nobody waits for an engine that is away
            for number in range(50_000):
                one.broker.send(news(number))
            before = other.losses
            process.start()
            await until(lambda: one.broker.is_whole and other.broker.is_whole)
            await until(lambda: other.losses > before)
            one.broker.send(news(-1))
            one.broker.send(EventPublished(event="more", data=0))
            await until(lambda: len(other.heard) == 2)
            assert one.broker.statistics().not_sent >= 50_000
            assert [record.levelname for record in caplog.records if "does not answer" in record.message] == [
                "WARNING"
            ] * 2
    finally:
        process.kill()


async def test_a_word_of_another_version_is_counted_and_made_good_by_a_look(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    await other.broker.join(EVERYBODY)
    before = other.losses
    channel = f"{other.broker.address.prefix}{EVERYBODY}"
    async with Redis(host="127.0.0.1", port=valkey.running().port) as client:
        await client.publish(channel, msgspec.msgpack.encode([2, "newer", 1, {"else": 1}, "appended"]))
        await client.publish(channel, msgspec.msgpack.encode([1, "newer", 2, ["UnknownToUs", 5]]))
        await client.publish(channel, b"no word at all")
    await until(lambda: other.broker.statistics().not_understood == 3)
    assert other.losses == before + 3
    one.broker.send(Ended(user_id="alice"))
    await until(lambda: other.heard == [Ended(user_id="alice")])


async def test_a_node_without_valkey_opens_and_lets_people_join() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with AsyncExitStack() as stack:
            node = await opened(stack, f"redis://127.0.0.1:{nobody.getsockname()[1]}")
            await node.broker.join(event_topic("news"))
            node.broker.send(news(1))
            assert node.heard == [news(1)]
            assert not node.broker.statistics().is_whole


def test_an_address_that_is_none_is_refused_without_saying_its_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        ValkeyAddress("redis://:hunter2@host:port/0")
    assert "hunter2" not in str(refused.value)
