"""The watchdog of the tests: it sees a loop that is held, and nothing else."""

from __future__ import annotations

import asyncio
import time

from server.reports.markdown import escaped
from tests.watchdog import LoopWatchdog


def _work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_a_loop_that_turns_is_in_order() -> None:
    with LoopWatchdog().watching() as watchdog:
        for _ in range(20):
            _work(0.01)
            await asyncio.sleep(0)
    assert not watchdog.found


async def test_what_a_test_does_on_the_loop_does_not_count() -> None:
    with LoopWatchdog(0.02).watching() as watchdog:
        asyncio.get_running_loop().call_soon(_work, 0.1)
        await asyncio.sleep(0.01)
    assert not watchdog.found


async def test_code_of_the_server_that_holds_the_loop_is_told_with_its_place() -> None:
    with LoopWatchdog(0.02).watching() as watchdog:
        asyncio.get_running_loop().call_soon(escaped, "*" * 2_000_000)
        await asyncio.sleep(0.01)
    assert any("escaped" in found for found in watchdog.found)
