"""Kept messages made ready: in order, as many as fit, and never so many at once that others wait."""

from __future__ import annotations

import asyncio

from server.clock import utc_now
from server.realtime.history import KeptMessage
from server.realtime.replay import Replay


def render(kept: KeptMessage, language: str) -> bytes:
    return b"%s %d" % (language.encode(), kept.offset)


def messages(count: int) -> list[KeptMessage]:
    return [
        KeptMessage(user_id="alice", epoch="e", offset=offset, at=utc_now(), type="job", body=b"")
        for offset in range(1, count + 1)
    ]


async def turns_of_others(work: asyncio.Task[list[bytes]]) -> int:
    count = 0
    while not work.done():
        count += 1
        await asyncio.sleep(0)
    return count


async def test_a_thousand_messages_leave_others_their_turns() -> None:
    work = asyncio.create_task(Replay(render).frames(messages(1_000), "en"))
    assert await turns_of_others(work) >= 50
    assert work.result() == [b"en %d" % offset for offset in range(1, 1_001)]


async def test_a_handful_is_made_in_one_piece() -> None:
    work = asyncio.create_task(Replay(render).frames(messages(10), "zh"))
    assert await turns_of_others(work) == 1


async def test_as_many_as_fit_and_at_least_one() -> None:
    replay = Replay(render)
    assert len(await replay.frames(messages(50), "en", most_bytes=20)) == 5  # "en 1" to "en 5"
    assert len(await replay.frames(messages(50), "en", most_bytes=1)) == 1
    assert await replay.frames([], "en", most_bytes=1) == []


async def test_a_user_has_one_turn_at_a_time_and_nobody_else_waits_for_it() -> None:
    replay = Replay(render)
    async with replay.turn("alice"):
        async with replay.turn("bob"):
            pass
        second = asyncio.create_task(_take(replay, "alice"))
        await asyncio.sleep(0)
        assert not second.done()
    await asyncio.wait_for(second, 5)


async def _take(replay: Replay, user_id: str) -> None:
    async with replay.turn(user_id):
        pass
