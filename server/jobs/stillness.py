"""Notices running jobs that no longer move: one timer for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

_EVERY_SECONDS = 0.5


class Moving(Protocol):
    """What may stand still: `due_at` is when somebody has to look whether it does."""

    @property
    def due_at(self) -> float: ...

    def look(self) -> None: ...


class Stillness:
    """Every attempt that runs here is watched as long as it is under way."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._watched: set[Moving] = set()
        self._somebody = asyncio.Event()

    def watch_over(self, moving: Moving) -> None:
        self._watched.add(moving)
        self._somebody.set()

    def forget(self, moving: Moving) -> None:
        self._watched.discard(moving)

    def look(self) -> None:
        """Have those that stand still now say so."""
        now = self.clock()
        for moving in [each for each in self._watched if each.due_at <= now]:
            moving.look()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self._somebody.clear()
            if not self._watched:
                await self._somebody.wait()
            self.look()
            await asyncio.sleep(_EVERY_SECONDS)
