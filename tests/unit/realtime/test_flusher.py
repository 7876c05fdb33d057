"""How what is published reaches many connections: order, sharing, turns, and those whose peers are behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.auth.permissions import Principal, Role
from server.realtime import flusher
from server.realtime.close_codes import CloseCode
from server.realtime.connection import BUSY_BYTES, Connection
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from tests.unit.realtime.links import MemoryLink, MemoryLinks
from tests.waiting import flushed

SECONDS = 10.0


class OtherLink(MemoryLink):
    """Carried by something else."""


class SlowLink(MemoryLink):
    """Its kernel takes time."""

    def gather(self, links: Sequence[MemoryLink]) -> SlowLinks:
        return SlowLinks(links)


class SlowLinks(MemoryLinks):
    def write(self, frames: Sequence[bytes], begin: int, end: int) -> Sequence[int]:
        until = time.monotonic() + 0.003
        while time.monotonic() < until:
            pass
        return super().write(frames, begin, end)


class House:
    """A manager with connections whose links can be looked into."""

    def __init__(self, **limits: int) -> None:
        self.manager = ConnectionManager(LiveLimits(connections_per_user=1_000, **limits))
        self.connections: list[Connection] = []

    def join(
        self, *, user: str = "alice", language: str = "en", link: MemoryLink | None = None, takes_arrays: bool = False
    ) -> MemoryLink:
        link = link or MemoryLink()
        connection = self.manager.new_connection(
            client_id=f"tab{len(self.connections)}",
            principal=Principal(user_id=user, user_name=user, role=Role.EDITOR, language=language),
            language=language,
            link=link,
        )
        connection.takes_arrays = takes_arrays
        self.manager.connect(connection)
        self.connections.append(connection)
        return link


def message(number: int) -> dict[str, object]:
    return {"type": "event", "timestamp": "2026-11-25T12:00:00.000000Z", "number": number}


def numbers(link: MemoryLink) -> list[int]:
    return [content["number"] for content in link.messages]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def test_what_is_published_in_one_turn_leaves_in_one_write() -> None:
    house = House()
    links = [house.join() for _ in range(3)]
    for number in range(5):
        house.manager.broadcast_json(message(number))
    await flushed(house.manager)
    for link in links:
        assert len(link.written) == 1
        assert numbers(link) == [0, 1, 2, 3, 4]


async def test_a_broadcast_to_many_lets_others_have_their_turn() -> None:
    house = House()
    links = [house.join(link=SlowLink()) for _ in range(1_000)]
    house.manager.broadcast_json(message(1))
    await asyncio.sleep(0)
    reached = sum(bool(link.written) for link in links)
    assert 0 < reached < 1_000
    await flushed(house.manager)
    assert all(numbers(link) == [1] for link in links)


async def test_an_answer_does_not_wait_for_a_broadcast_and_keeps_its_place() -> None:
    house = House()
    links = [house.join() for _ in range(1_000)]
    house.manager.broadcast_json(message(1))
    house.connections[-1].queue(msgspec.json.encode(message(2)))
    last = house.connections[-1]
    last.writer.write_now(last)
    assert numbers(links[-1]) == [1, 2]
    await flushed(house.manager)
    assert numbers(links[-1]) == [1, 2]
    assert numbers(links[0]) == [1]


async def test_clients_that_take_arrays_get_one_frame_and_the_others_several() -> None:
    house = House()
    arrays, frames = house.join(takes_arrays=True), house.join()
    for number in range(3):
        house.manager.broadcast_json(message(number))
    await flushed(house.manager)
    assert len(arrays.frames) == 1
    assert len(frames.frames) == 3
    assert numbers(arrays) == numbers(frames) == [0, 1, 2]


async def test_connections_of_several_transports_get_the_same() -> None:
    house = House()
    links = [house.join(link=OtherLink() if number % 2 else MemoryLink()) for number in range(6)]
    house.manager.broadcast_json(message(1))
    house.manager.broadcast_json(message(2))
    await flushed(house.manager)
    assert all(numbers(link) == [1, 2] for link in links)


async def test_a_peer_that_is_behind_delays_nobody_and_gets_everything_later() -> None:
    house = House()
    quick, stuck = house.join(), house.join()
    stuck.is_stuck, stuck.buffered = True, BUSY_BYTES + 1
    for number in range(3):
        house.manager.broadcast_json(message(number))
        await flushed(house.manager)
    assert numbers(quick) == [0, 1, 2]
    assert numbers(stuck) == []
    assert house.manager.statistics().unsent_bytes > BUSY_BYTES
    stuck.is_stuck, stuck.buffered = False, 0
    await until(lambda: numbers(stuck) == [0, 1, 2])
    assert house.manager.statistics().sent == 6


async def test_a_peer_that_stays_behind_is_closed_as_a_slow_consumer() -> None:
    house = House(unsent_bytes=100_000)
    quick, stuck = house.join(), house.join()
    stuck.is_stuck, stuck.buffered = True, BUSY_BYTES + 1
    for number in range(600):
        house.manager.broadcast_json(message(number))
        await flushed(house.manager)
    assert stuck.closed_with is CloseCode.SLOW_CONSUMER
    assert quick.closed_with is None
    assert numbers(quick) == list(range(600))


async def test_more_than_fits_a_bundle_is_capped_for_each_connection() -> None:
    house = House(unsent_bytes=100_000)
    link = house.join()
    for number in range(30):
        house.manager.broadcast_json({**message(number), "filling": "x" * 10_000})
    assert link.closed_with is CloseCode.SLOW_CONSUMER


async def test_nothing_is_written_after_a_close() -> None:
    house = House()
    closing, other = house.join(), house.join()
    house.manager.broadcast_json(message(1))
    house.connections[0].close(CloseCode.SIGNED_OUT)
    house.manager.broadcast_json(message(2))
    await flushed(house.manager)
    assert numbers(closing) == [1]
    assert numbers(other) == [1, 2]
    house.manager.disconnect(house.connections[0])
    house.manager.broadcast_json(message(3))
    await flushed(house.manager)
    assert numbers(closing) == [1]
    assert numbers(other) == [1, 2, 3]


async def test_statistics_count_each_delivery_once() -> None:
    house = House()
    for _ in range(10):
        house.join()
    house.manager.broadcast_json(message(1))
    assert house.manager.statistics().unsent_bytes > 0
    await flushed(house.manager)
    statistics = house.manager.statistics()
    assert (statistics.sent, statistics.unsent_bytes) == (10, 0)
    assert [presence.sent for presence in house.manager.presence("alice")] == [1] * 10


async def test_a_connection_that_is_gone_is_not_held() -> None:
    house = House()
    house.join()
    house.manager.broadcast_json(message(1))
    await flushed(house.manager)
    gone = house.connections.pop()
    house.manager.disconnect(gone)
    del gone
    assert not house.manager.active_connections


ACTIONS = st.one_of(
    st.tuples(st.just("broadcast"), st.just(0), st.none()),
    st.tuples(st.just("user"), st.integers(0, 2), st.none()),
    st.tuples(st.just("keyed"), st.integers(0, 2), st.integers(0, 1)),
    st.tuples(st.just("answer"), st.integers(0, 5), st.none()),
    st.tuples(st.just("stick"), st.integers(0, 5), st.none()),
    st.tuples(st.just("loosen"), st.integers(0, 5), st.none()),
    st.tuples(st.just("leave"), st.integers(0, 5), st.none()),
    st.tuples(st.just("turn"), st.just(0), st.none()),
)


def act(house: House, action: str, who: int, key: int | None, number: int) -> Sequence[int]:
    """Do it; which connections should see the message of that number."""
    frame = msgspec.json.encode(message(number))
    connection = house.connections[who]
    if action == "broadcast":
        house.manager.broadcast_json(message(number))
        return range(6)
    if action in ("user", "keyed"):
        house.manager.send_json_to_user(f"user{who}", message(number), key=key)
        return [who, who + 3]
    if action == "leave":
        connection.close(CloseCode.SIGNED_OUT)
        house.manager.disconnect(connection)
    if action == "answer":
        connection.queue(frame)
        connection.writer.write_now(connection)
        return [who]
    if action in ("stick", "loosen"):
        link = connection.link
        assert isinstance(link, MemoryLink)
        link.is_stuck = action == "stick"
        link.buffered = BUSY_BYTES + 1 if link.is_stuck else 0
    return []


@settings(max_examples=80, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
async def test_each_connection_sees_its_messages_in_order_whatever_happens(
    actions: list[tuple[str, int, int | None]],
) -> None:
    """Two connections of each of three users; keyed messages may be replaced by newer ones, and nothing else.

    Two are written to at once, so that all this happens also while a broadcast is on its way.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flusher, "_AT_ONCE", 2)
        patch.setattr(flusher, "_TURN_SECONDS", 0)
        await _check(actions)


async def _check(actions: list[tuple[str, int, int | None]]) -> None:
    house = House()
    links = [house.join(user=f"user{number % 3}") for number in range(6)]
    expected: list[list[int]] = [[] for _ in links]
    keyed: dict[int, int | None] = {}
    newest: dict[tuple[int, int | None], int] = {}
    gone: dict[int, int] = {}  # how many messages they had seen then
    for number, (action, who, key) in enumerate(actions):
        keyed[number] = key
        for target in act(house, action, who, key, number):
            expected[target].append(number)
            if key is not None:
                newest[target, key] = number
        if action == "turn":
            await asyncio.sleep(0)
        elif action == "leave":
            gone.setdefault(who, len(numbers(links[who])))
    for link in links:
        link.is_stuck, link.buffered = False, 0
    await until(lambda: not house.manager.statistics().unsent_bytes)
    for index, link in enumerate(links):
        seen = numbers(link)
        assert seen == sorted(seen)
        assert set(seen) <= set(expected[index])
        lost = set(expected[index]) - set(seen)
        if index in gone:
            assert len(seen) == gone[index]
        else:
            assert all(keyed[number] is not None and newest[index, keyed[number]] > number for number in lost)


async def test_each_counts_what_it_was_sent_however_many_audiences_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are added up when somebody asks, or when that would take long."""
    monkeypatch.setattr(flusher, "_MOST_UNSETTLED", 30)
    house = House()
    links = [house.join() for _ in range(12)]
    events = [f"event{number}" for number in range(8)]
    for place, connection in enumerate(house.connections):
        house.manager.subscribe(connection, events[: 1 + place % 8])
    for _ in range(3):
        for number, event in enumerate(events):
            house.manager.publish(event, message(number))
            await flushed(house.manager)
    house.manager.disconnect(house.connections[0])
    house.manager.broadcast_json(message(99))
    await flushed(house.manager)
    expected = [len(link.messages) for link in links]
    assert expected == [3 * (1 + place % 8) + (place > 0) for place in range(12)]
    assert [connection.sent for connection in house.connections] == expected
    assert house.manager.statistics().sent == sum(expected)
