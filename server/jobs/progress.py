"""How fast a job moves: a rate smoothed over the last seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_SMOOTHING_SECONDS = 5.0  # long enough for a calm figure, short enough to follow a change
_SAMPLE_SECONDS = 0.2


class RateMeter:
    """Units a second as an exponential moving average, weighted by the time each sample covers."""

    def __init__(self, *, progress: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """`progress` is where it begins: what was done before says nothing about the rate."""
        self._clock = clock
        self._sampled_at = self._started_at = clock()
        self._progress = progress
        self._rate: float | None = None

    def update(self, progress: int) -> float | None:
        """The rate after `progress` was reached; None until enough time has passed to tell."""
        now = self._clock()
        elapsed = now - self._sampled_at
        if elapsed < _SAMPLE_SECONDS:
            return self._rounded()
        current = (progress - self._progress) / elapsed
        if self._rate is None:
            self._rate = current
        else:
            # Early on the plain average is the better guess, so a sample weighs at least its share of the time.
            share = max(1 - math.exp(-elapsed / _SMOOTHING_SECONDS), elapsed / (now - self._started_at))
            self._rate += share * (current - self._rate)
        self._sampled_at, self._progress = now, progress
        return self._rounded()

    def _rounded(self) -> float | None:
        if self._rate is None:
            return None
        return round(self._rate, 1 if self._rate >= 1 else 4)
