"""Sends everybody away when the server stops, each told when to come back, so that not all do it at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Iterator

from server.realtime.close_codes import CloseCode, draining_in
from server.realtime.connection import Connection
from server.realtime.manager import ConnectionManager

_LOG = logging.getLogger("jindu.realtime")
_BATCH = 200
_PAUSE_SECONDS = 0.05  # between batches: what is still being answered gets its turn
_SHORTEST_WINDOW_SECONDS = 2
_FIRST_SECONDS = 1  # no server is back sooner


def retry_seconds(count: int, per_second: float) -> Iterator[int]:
    """When each of `count` clients should come back: evenly over a window that grows with their number."""
    window = max(_SHORTEST_WINDOW_SECONDS, math.ceil(count / per_second)) if per_second else _SHORTEST_WINDOW_SECONDS
    for index in range(count):
        yield _FIRST_SECONDS + index * window // count


class Drain:
    """`hurry` is set when whoever stops the server has no more patience."""

    def __init__(self, manager: ConnectionManager, *, reconnects_per_second: float, hurry: asyncio.Event) -> None:
        self._manager = manager
        self._reconnects_per_second = reconnects_per_second
        self._hurry = hurry

    async def run(self) -> None:
        """Begin to close every connection; each close ends within its own deadline, whatever the peer does."""
        self._manager.let_nobody_in()
        connections = list(self._manager.active_connections.values())
        # In no order that clients could have in common: those of one office came together.
        random.shuffle(connections)
        _LOG.info("closing %s connections", len(connections), extra={"action": "drain"})
        retries = retry_seconds(len(connections), self._reconnects_per_second)
        for number, (connection, seconds) in enumerate(zip(connections, retries, strict=True), start=1):
            _send_away(connection, seconds)
            if number % _BATCH == 0:
                await self._pause()
        self._manager.close_all(CloseCode.DRAINING)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS):
                await self._hurry.wait()


def _send_away(connection: Connection, seconds: int) -> None:
    connection.close(CloseCode.DRAINING, draining_in(seconds))
