"""Asks now and then whether what connections rest on still stands: no word about its end is sure to come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from server.auth.endings import Validity
from server.auth.still_valid import StillValid
from server.realtime.close_codes import CloseCode
from server.realtime.manager import ConnectionManager
from server.storage.repeating import repeat

_LOG = logging.getLogger("jindu.realtime")
CLOSED_WITH = {Validity.ENDED: CloseCode.SIGNED_OUT, Validity.CHANGED: CloseCode.RIGHTS_CHANGED}
"""What connections are closed with for what has become of whatever they rest on."""


async def keep_checking(
    check: Callable[[], Awaitable[object]],
    *,
    every_seconds: float,
    log: logging.Logger,
    hurry: asyncio.Event | None = None,
) -> None:
    """Who is still signed in, until cancelled."""
    await repeat(
        check,
        every_seconds=every_seconds,
        first_after_seconds=every_seconds,
        hurry=hurry,
        log=log,
        failed="could not check who is still signed in",
        action="recheck",
    )


class Rechecking:
    def __init__(self, *, manager: ConnectionManager, still_valid: StillValid, every_seconds: float) -> None:
        self._manager = manager
        self._still_valid = still_valid
        self._every_seconds = every_seconds
        self._soon = asyncio.Event()

    def may_have_lost(self) -> None:
        self._soon.set()

    async def run(self) -> None:
        """Until cancelled."""
        await keep_checking(self.check, every_seconds=self._every_seconds, log=_LOG, hurry=self._soon)

    async def check(self) -> None:
        everybody = self._manager.everybody()
        gone = await self._still_valid.of({connection.principal for connection in everybody})
        for connection in everybody if gone else ():
            standing = gone.get(connection.principal)
            if standing is not None:
                connection.close(CLOSED_WITH[standing])
