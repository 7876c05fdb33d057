"""What is being done, told to whoever looks on: each step, and how far a long one is."""

from __future__ import annotations

import time
from collections.abc import Callable

Say = Callable[[str], None]
_EVERY_SECONDS = 5.0


class FarTelling:
    """How many bytes (or rows) of how many, every few seconds."""

    def __init__(
        self,
        say: Say,
        what: str,
        total: int,
        *,
        unit: str = "bytes",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._what = what
        self._total = total
        self._unit = unit
        self._clock = clock
        self._done = 0
        self._told_at = clock()

    def add(self, count: int) -> None:
        self._done += count
        if self._clock() - self._told_at >= _EVERY_SECONDS:
            self._told_at = self._clock()
            share = 100 * self._done // max(self._total, 1)
            self._say(f"{self._what}: {share} % of {self._total:,} {self._unit}")
