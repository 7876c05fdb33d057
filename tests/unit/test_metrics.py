"""The lag figure tells the truth: blocking the loop shows up in it."""

from __future__ import annotations

import asyncio
import time

from server.metrics import LoopLag
from tests.waiting import until


async def test_a_blocked_loop_shows_up_as_lag() -> None:
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - blocking is what is measured
    await until(lambda: lag.statistics().max_ms >= 100, seconds=5)
    watching.cancel()


def test_without_samples_there_is_no_lag() -> None:
    assert LoopLag().statistics().p99_ms == 0.0
