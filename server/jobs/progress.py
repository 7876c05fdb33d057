"""How fast something moves, and how regularly: by what it did within the last seconds, or its last few moves."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 10.0  # long enough for a calm figure, short enough to follow a change
_LEAST_MOVES = 6  # what moves once a minute needs a longer window
_SAMPLE_SECONDS = 0.2
_USUAL_STEPS = 5  # so many of its usual steps without news, and it stands still
_LEAST_PATIENCE_SECONDS = 5.0


class Pace:
    """What was done before the first number that is told here says nothing of the pace, nor does a standstill."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moves: deque[tuple[float, float]] = deque()  # when, and how far it was then
        self._newest = (clock(), 0.0)
        self._longest_gap = 0.0  # the standstill it came back from, until its steps are known again

    def moved(self, progress: float) -> float | None:
        """Units a second now that `progress` is reached; None until there is enough to tell."""
        now = self._clock()
        if self._moves and now - self._newest[0] > self.patience_seconds:
            self._longest_gap = now - self._newest[0]
            self._moves.clear()
        self._newest = (now, progress)
        if not self._moves or now - self._moves[-1][0] >= _SAMPLE_SECONDS:
            self._moves.append(self._newest)
        while len(self._moves) > _LEAST_MOVES and self._moves[1][0] <= now - _WINDOW_SECONDS:
            self._moves.popleft()
        return self.rate

    @property
    def rate(self) -> float | None:
        if not self._moves or self._newest[0] - self._moves[0][0] < _SAMPLE_SECONDS:
            return None
        rate = (self._newest[1] - self._moves[0][1]) / (self._newest[0] - self._moves[0][0])
        return round(rate, 1 if rate >= 1 else 4)

    @property
    def patience_seconds(self) -> float:
        """How long it may say nothing before it stands still."""
        return max(_LEAST_PATIENCE_SECONDS, _USUAL_STEPS * self._usual_step_seconds)

    @property
    def still_from(self) -> float:
        """The moment of the clock from which it stands still, unless it moves before."""
        return self._newest[0] + self.patience_seconds

    @property
    def moved_at(self) -> float:
        return self._newest[0]

    @property
    def has_begun(self) -> bool:
        return bool(self._moves)

    @property
    def _usual_step_seconds(self) -> float:
        steps = len(self._moves) - 1
        usual = (self._moves[-1][0] - self._moves[0][0]) / steps if steps > 0 else 0.0
        return usual if steps >= _LEAST_MOVES / 2 else max(usual, self._longest_gap)
