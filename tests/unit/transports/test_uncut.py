"""Work that is done to its end though nobody waits for it any more."""

from __future__ import annotations

import asyncio

import pytest

from server.transports.uncut import uncut


async def test_it_gives_what_the_work_gives() -> None:
    assert await uncut(asyncio.sleep(0, "done")) == "done"


async def test_whoever_waits_is_cancelled_once_the_work_has_ended() -> None:
    begun, may_end, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await may_end.wait()
        done.append("all of it")
        raise ValueError("of no interest to anybody")

    waiting = asyncio.create_task(uncut(work()))
    await begun.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["all of it"]
