"""Frames that somebody fetches: in order, bounded by the connection, and an end whatever the fetcher does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.auth.permissions import Principal, Role
from server.realtime.close_codes import CloseCode
from server.realtime.limits import LiveLimits
from server.realtime.manager import ConnectionManager
from server.transports import frame_queue
from server.transports.frame_queue import FrameQueue
from tests.waiting import flushed


def nothing() -> None: ...


async def take(frames: AsyncIterator[bytes], count: int) -> list[bytes]:
    async with asyncio.timeout(5):
        return [await anext(frames) for _ in range(count)]


async def test_frames_come_in_the_order_they_were_written() -> None:
    with FrameQueue(nothing) as queue:
        frames = queue.frames()
        queue.write([b"1", b"2"])
        queue.write([b"3"])
        assert await take(frames, 3) == [b"1", b"2", b"3"]
        later = asyncio.create_task(take(frames, 1))
        await asyncio.sleep(0)
        queue.write([b"4"])
        assert await later == [b"4"]


async def test_what_was_not_fetched_counts_as_unsent_and_so_does_what_is_in_hand() -> None:
    with FrameQueue(nothing) as queue:
        queue.write([b"abc", b"de"])
        assert queue.unsent_bytes() == 5
        frames = queue.frames()
        await take(frames, 1)
        assert queue.unsent_bytes() == 5
        await take(frames, 1)
        assert queue.unsent_bytes() == 2


async def test_after_a_close_comes_what_was_written_before_it_and_then_the_end() -> None:
    with FrameQueue(nothing) as queue:
        queue.write([b"before"])
        queue.close(CloseCode.DRAINING, "retry in 3 s")
        queue.write([b"after"])
        queue.close(CloseCode.NO_PONG)
        assert [frame async for frame in queue.frames()] == [b"before"]
        assert queue.closed_with == (CloseCode.DRAINING, "retry in 3 s")


async def test_whoever_does_not_come_to_the_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_queue, "_CLOSE_SECONDS", 0.01)
    is_cut_off = asyncio.Event()
    with FrameQueue(is_cut_off.set) as queue:
        queue.close(CloseCode.SLOW_CONSUMER)
        async with asyncio.timeout(5):
            await is_cut_off.wait()


async def test_those_who_are_behind_take_nothing_of_what_is_for_many() -> None:
    quick, behind = FrameQueue(nothing), FrameQueue(nothing)
    behind.write([b"old"])
    assert quick.gather([quick, behind]).write([b"new"], 0, 2) == [1]
    assert (quick.unsent_bytes(), behind.unsent_bytes()) == (3, 3)


async def test_a_connection_whose_queue_nobody_fetches_from_is_closed_and_others_are_not() -> None:
    manager = ConnectionManager(LiveLimits(unsent_bytes=200_000))
    queues = {name: FrameQueue(nothing) for name in ("alice", "bob")}
    connections = [
        manager.new_connection(
            client_id="tab",
            principal=Principal(user_id=name, user_name=name, role=Role.EDITOR, language="en"),
            language="en",
            link=queue,
        )
        for name, queue in queues.items()
    ]
    for connection in connections:
        manager.connect(connection)
    his = queues["bob"].frames()
    with queues["alice"], queues["bob"]:
        for _ in range(10):
            manager.broadcast_json({"type": "event", "data": "x" * 50_000})
            await flushed(manager)
            await take(his, 1)
        assert queues["alice"].closed_with == (CloseCode.SLOW_CONSUMER, CloseCode.SLOW_CONSUMER.reason)
        assert queues["bob"].closed_with is None
    manager.close_all(CloseCode.DRAINING)


async def test_those_that_wait_are_fetched_together_up_to_a_size_and_none_is_too_large() -> None:
    with FrameQueue(nothing) as queue:
        batches = queue.batches(most_bytes=4)
        queue.write([b"12", b"34", b"5", b"6789012", b"3"])
        async with asyncio.timeout(5):
            assert [await anext(batches) for _ in range(4)] == [[b"12", b"34"], [b"5"], [b"6789012"], [b"3"]]
        assert queue.unsent_bytes() == 1  # the one in hand
        queue.close(CloseCode.DRAINING)
        assert [each async for each in batches] == []
        assert queue.unsent_bytes() == 0
