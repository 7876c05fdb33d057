"""Work that is repeated: a failure stands in the log and the next time comes; a full disk was told of already."""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.errors import StorageFull
from server.storage.repeating import repeat


async def test_it_goes_on_whatever_becomes_of_one_time(caplog: pytest.LogCaptureFixture) -> None:
    ends: list[Exception | None] = [StorageFull(), ValueError("no"), None]
    is_over = asyncio.Event()

    async def work() -> None:
        if not ends:
            is_over.set()
            return
        if (error := ends.pop(0)) is not None:
            raise error

    log = logging.getLogger("jindu.test")
    running = asyncio.create_task(repeat(work, every_seconds=0, log=log, failed="it failed", action="try"))
    await asyncio.wait_for(is_over.wait(), 5)
    running.cancel()
    assert [(record.getMessage(), record.levelname) for record in caplog.records] == [("it failed", "ERROR")]


async def test_what_comes_while_it_works_is_looked_at_at_once() -> None:
    hurry, times = asyncio.Event(), asyncio.Queue[int]()

    async def work() -> None:
        if not times.qsize():
            hurry.set()
        times.put_nowait(times.qsize())

    log = logging.getLogger("jindu.test")
    running = asyncio.create_task(
        repeat(work, every_seconds=lambda: 3_600, first_after_seconds=3_600, hurry=hurry, log=log, failed="", action="")
    )
    hurry.set()
    async with asyncio.timeout(5):
        while times.qsize() < 2:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (times.qsize(), hurry.is_set()) == (2, False)
    running.cancel()
