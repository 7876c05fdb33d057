"""Work that is done again and again beside everything else, whatever becomes of it this time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from server.storage.blob_store import StorageAway
from server.storage.database import NOT_NOW

ONCE_IT_SERVES = 2.0
"""Seconds: a server that starts answers people first, and tidies then. What looks at once holds up its start."""


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every_seconds: float | Callable[[], float],
    log: logging.Logger,
    failed: str,
    action: str,
    first_after_seconds: float = 0.0,
    hurry: asyncio.Event | None = None,
) -> None:
    """`work` every so many seconds, until cancelled. When it fails, `failed` stands in the log.

    Whoever sets `hurry` has it done at once, or once more where it is being done: it may have looked there already.
    """
    pause = first_after_seconds
    while True:
        await _pause(pause, hurry)
        try:
            await work()
        except (*NOT_NOW, StorageAway):  # said in the log already; next time there may be room, or they are back
            pass
        except Exception:
            log.exception(failed, extra={"action": action})
        pause = every_seconds if isinstance(every_seconds, int | float) else every_seconds()


async def _pause(seconds: float, hurry: asyncio.Event | None) -> None:
    if hurry is None:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await hurry.wait()
    hurry.clear()
