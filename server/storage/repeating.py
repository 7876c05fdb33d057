"""Work that is done again and again beside everything else, whatever becomes of it this time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from server.storage.blob_store import StorageAway
from server.storage.database import NOT_NOW

ONCE_IT_SERVES = 2.0
"""Seconds: a server that starts answers people first, and tidies then. What looks at once holds up its start."""


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every_seconds: float,
    log: logging.Logger,
    failed: str,
    action: str,
    first_after_seconds: float = 0.0,
) -> None:
    """`work` every so many seconds, until cancelled. When it fails, `failed` stands in the log."""
    await asyncio.sleep(first_after_seconds)
    while True:
        try:
            await work()
        except (*NOT_NOW, StorageAway):  # said in the log already; next time there may be room, or they are back
            pass
        except Exception:
            log.exception(failed, extra={"action": action})
        await asyncio.sleep(every_seconds)
