"""Work that nobody waits for any more, and that is done to its end all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def uncut(work: Awaitable[T]) -> T:
    """What it gives. Whoever waits may be cancelled, which then comes after its end.

    A connection to the database is thrown away when a question is cut off, with its file and its memory: who asks and
    takes it back again and again would empty the pool. Requests over HTTP are not cut off either.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody is left to hear of it
        raise
