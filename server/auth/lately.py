"""What somebody has done too often lately: so many times within so many seconds, by whoever it was."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable


class Lately:
    """Remembers the newest times of the latest `most_keys` who did it, and of nobody else."""

    def __init__(
        self,
        *,
        most: int,
        within_seconds: float,
        most_keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._within_seconds = within_seconds
        self._most_keys = most_keys
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, key: str) -> None:
        """It was done once more."""
        self._times.setdefault(key, deque(maxlen=self._most)).append(self._clock())
        self._times.move_to_end(key)
        if len(self._times) > self._most_keys:
            self._times.popitem(last=False)

    def take_back(self, key: str) -> None:
        """The last time does not count."""
        if times := self._times.get(key):
            times.pop()

    def forget(self, key: str) -> None:
        """No time counts."""
        self._times.pop(key, None)

    def seconds_to_wait(self, key: str) -> float:
        """Until once more is not too often; 0 for almost everybody."""
        times = self._times.get(key)
        if times is None or len(times) < self._most:
            return 0.0
        return max(0.0, times[0] + self._within_seconds - self._clock())
