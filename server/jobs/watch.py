"""How long a worker may take, and how long it may show no sign of life, by a clock that only runs while we look."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

LOOK_SECONDS = 1.0
_MOST_LOOKS_MISSED = 3.0  # what is longer between two looks is our own sleep, and the worker slept with us


@dataclass(frozen=True, slots=True)
class Signs:
    """What the kernel knows of a process. Neither needs its help, so long calls that hold the GIL are no silence."""

    cpu_ticks: int
    is_runnable: bool  # it computes, or would if it had a core


class Finding(Enum):
    FROZEN = auto()
    TOO_LONG = auto()


class CallWatch:
    """One call of a worker. It lives while it uses the processor or reports; an endless loop meets its time limit."""

    def __init__(
        self,
        *,
        limit_seconds: float | None,
        silence_seconds: float,
        look_seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.look_seconds = look_seconds if limit_seconds is None else min(look_seconds, limit_seconds / 4)
        self.limit_seconds = limit_seconds
        self._silence_seconds = silence_seconds
        self._clock = clock
        self._looked_at = clock()
        self._passed = 0.0
        self._silent = 0.0
        self._cpu_ticks = -1

    def heard(self) -> None:
        """It reported something."""
        self._silent = 0.0

    def look(self, signs: Signs | None) -> Finding | None:
        """To be called every `look_seconds`; `signs` are None when there is no telling."""
        seconds = self._seconds_since_the_last_look()
        self._passed += seconds
        self._silent += seconds
        if signs is not None and (signs.is_runnable or signs.cpu_ticks != self._cpu_ticks):
            self._cpu_ticks = signs.cpu_ticks
            self._silent = 0.0
        if self.limit_seconds is not None and self._passed >= self.limit_seconds:
            return Finding.TOO_LONG
        return Finding.FROZEN if self._silent >= self._silence_seconds else None

    def _seconds_since_the_last_look(self) -> float:
        now = self._clock()
        passed = now - self._looked_at
        self._looked_at = now
        return min(passed, _MOST_LOOKS_MISSED * self.look_seconds)
