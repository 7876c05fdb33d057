"""Whose frames are taken apart next: all connections of gRPC together hold nobody else up for longer than one may."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

_AT_ONCE_SECONDS = 0.002


class TakesFrames(Protocol):
    """A connection."""

    def take(self, until: float) -> bool:
        """Take apart what has come, up to this moment of the loop's clock. True when some of it is left."""


class ReadingTurns:
    """Who sends little never waits behind those who send without end: these come again after all that are new."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._new: deque[TakesFrames] = deque()
        self._again: deque[TakesFrames] = deque()
        self._next: asyncio.Handle | None = None

    def wants(self, taker: TakesFrames) -> None:
        """Something has come for it; to be said once until it is asked to `take`, and it has none left."""
        self._new.append(taker)
        if self._next is None:
            self._next = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        until = self._loop.time() + _AT_ONCE_SECONDS
        while self._new or self._again:
            taker = (self._new or self._again).popleft()
            if taker.take(until):
                self._again.append(taker)
            if self._loop.time() >= until:
                break
        self._next = self._loop.call_soon(self._turn) if self._new or self._again else None
