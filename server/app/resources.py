"""What is opened at the start and closed at the end, as aiohttp wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiohttp import web


def resource(
    opened: Callable[[], AbstractAsyncContextManager[None]],
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A context manager as aiohttp's `cleanup_ctx` wants it: a generator that yields once."""

    async def run(_app: web.Application) -> AsyncIterator[None]:
        async with opened():
            yield

    return run


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """`work` beside the block. It is over when the block ends: a transaction must be, before the database closes."""
    task = asyncio.create_task(work)
    yield
    task.cancel()
    await asyncio.wait([task])
