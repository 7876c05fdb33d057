"""Work that is not left alone in its thread when whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T], *, stop: Callable[[], object]) -> T:
    """Await `work` to its end; when we are cancelled meanwhile, `stop` asks it to end soon."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: whoever asked is gone
        raise
