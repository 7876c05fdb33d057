"""Waiting for so long and no longer, as `asyncio.timeout` does it from Python 3.11 on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def within(seconds: float | None, work: Coroutine[Any, Any, Result]) -> Result:
    """Its result, also one that came just as time ran out; raises `asyncio.TimeoutError` when none did."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # does nothing once it is done
    await asyncio.wait({task})
    if task.cancelled():
        raise asyncio.TimeoutError
    return task.result()
