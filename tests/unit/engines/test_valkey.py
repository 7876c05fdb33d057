"""Several nodes over one Valkey: what arrives at the others, and what is noticed when it may not have."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import msgspec
import pytest
from redis.asyncio import Redis

from server.engines import valkey as engine
from server.engines.valkey import ValkeyBroker
from server.engines.valkey_asking import ValkeyAsking
from server.engines.valkey_line import ValkeyAddress
from server.errors import ConfigurationError
from server.realtime.broker import EVERYBODY, Ended, EventPublished, Hearing, Publication, event_topic
from tests import valkey
from tests.freezing import freezing_line
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


async def opened(stack: AsyncExitStack, address: str, *, listens_at: str = "") -> Node:
    node = Node(ValkeyBroker(address, listens_at=listens_at))
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


async def test_when_the_primary_has_become_a_replica_a_node_connects_anew_and_finds_the_new_one() -> None:
    with valkey.some(2) as (old, new):
        async with freezing_line(old.port) as name, AsyncExitStack() as stack:
            url = f"redis://127.0.0.1:{name.port}"
            one, other = await opened(stack, url), await opened(stack, url)
            asking = await stack.enter_async_context(ValkeyAsking(ValkeyAddress(url)).open())
            await other.broker.join(event_topic("news"))
            await until(lambda: one.broker.is_whole)
            assert await asking.ask([("SET", "a", "1")])
            name.lead_to(new.port)
            await old.follow(new)  # its lines stay open, and what is said there is heard nowhere else

            async def one_writes_at_the_new() -> bool:
                one.broker.command("SET", "written", "1")
                async with new.admin() as client:
                    return bool(await client.get("written"))

            await until(one_writes_at_the_new)

            async def one_asks_at_the_new() -> bool:
                return bool(await asking.ask([("SET", "asked", "1")]))

            await until(one_asks_at_the_new)
            one.broker.send(news(1))
            await until(lambda: other.heard == [news(1)])


async def test_a_node_that_only_reaches_a_replica_says_that_it_reaches_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with valkey.some(2) as (primary, replica):
        await replica.follow(primary)
        async with AsyncExitStack() as stack:
            node = await opened(stack, replica.url)
            await until(lambda: "read only replica" in caplog.text)
            assert not node.broker.is_whole
            await replica.lead()
            await until(lambda: node.broker.is_whole)


async def test_a_line_that_is_open_and_deaf_is_made_anew_and_everything_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_BEAT_SECONDS", 0.1)
    monkeypatch.setattr(engine, "_SILENT_SECONDS", 0.5)
    process = valkey.running()
    async with freezing_line(process.port) as line, AsyncExitStack() as stack:
        deaf = await opened(stack, process.url, listens_at=f"redis://127.0.0.1:{line.port}")
        other = await opened(stack, process.url)
        await deaf.broker.join(event_topic("news"))
        await until(lambda: deaf.broker.is_whole and other.broker.is_whole)
        losses, lost = deaf.losses, deaf.broker.statistics().lines_lost
        line.freeze()
        other.broker.send(news(1))
        await until(lambda: deaf.broker.statistics().lines_lost > lost)
        assert not deaf.broker.is_whole
        line.thaw()
        await until(lambda: deaf.broker.is_whole)
        assert deaf.losses > losses  # what was said meanwhile is looked up
        other.broker.send(news(2))
        await until(lambda: deaf.heard == [news(2)])


async def test_a_node_may_listen_at_a_replica_and_knows_how_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BEAT_SECONDS", 0.1)
    with valkey.some(2) as (primary, replica):
        await replica.follow(primary)
        async with AsyncExitStack() as stack:
            core = await opened(stack, primary.url)
            edges = [await opened(stack, primary.url, listens_at=replica.url) for _ in range(2)]
            for each in edges:
                await each.broker.join(event_topic("news"))
            await until(lambda: all(each.broker.is_whole for each in (core, *edges)))
            for number in range(100):
                core.broker.send(news(number))
            edges[0].broker.send(news(-1))
            await until(lambda: all(len(each.heard) == 101 for each in edges))
            for each in edges:
                said = [found.data for found in each.heard if isinstance(found, EventPublished)]
                assert [number for number in said if number >= 0] == list(range(100))
            assert await subscribers(primary) == [core.broker.me]
            await until(lambda: all(0 < each.broker.statistics().round_seconds < 5 for each in edges))
            replica.kill()
            await until(lambda: not edges[0].broker.is_whole)
            assert core.broker.is_whole


async def subscribers(process: valkey.ValkeyProcess) -> list[str]:
    """The nodes that listen there."""
    async with process.admin() as client:
        return [name.decode().partition("node:")[2] for name in await client.pubsub_channels("*node:*")]


async def test_a_user_who_may_not_is_told_once_and_the_node_seems_no_whole_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with valkey.some(1) as (process,):
        await process.let("jindu", "on", ">secret", "+@all", "~jindu:*", "resetchannels")
        async with AsyncExitStack() as stack:
            node = await opened(stack, f"redis://jindu:secret@127.0.0.1:{process.port}")
            await until(lambda: "Valkey does not answer" in caplog.text)
            assert not node.broker.is_whole
            assert "secret" not in caplog.text
            await process.let("jindu", "&jindu:*")
            await until(lambda: node.broker.is_whole)
            assert caplog.text.count("Valkey does not answer") == 1


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


async def test_fields_that_the_next_version_appends_are_passed_over(nodes: tuple[Node, Node]) -> None:
    """So it may be told to older nodes; what it cannot do without is another version of the word."""
    _, other = nodes
    await other.broker.join(event_topic("news"))
    told = [*msgspec.msgpack.decode(msgspec.msgpack.encode(news(1))), "appended"]
    async with valkey.running().admin() as client:
        channel = f"{other.broker.address.prefix}{event_topic('news')}"
        await client.publish(channel, msgspec.msgpack.encode([1, "newer", 1, told, "appended"]))
    await until(lambda: other.heard == [news(1)])
    assert other.broker.statistics().not_understood == 0


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
