"""How often somebody may try to sign in: a sliding window of failures per user name and per address."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from server.errors import RateLimited

WINDOW_SECONDS = 300.0
_MAX_KEYS = 20_000  # names are chosen by whoever tries, so memory must have an end


@dataclass(slots=True)
class LoginThrottle:
    """Attempts count from when they begin, so that many at once do not slip through together."""

    attempts: int
    now: Callable[[], float] = time.monotonic
    _times: dict[str, deque[float]] = field(default_factory=dict)

    def begin(self, name_key: str, address: str) -> None:
        """Count an attempt; raises `RateLimited` when there were too many."""
        keys = _keys(name_key, address)
        wait = max(self._seconds_to_wait(key) for key in keys)
        if wait > 0:
            raise RateLimited(
                "Too many attempts to sign in. Try again in {minutes} minutes.",
                minutes=math.ceil(wait / 60),
                retry_after_seconds=math.ceil(wait),
            )
        if len(self._times) > _MAX_KEYS:
            self._forget_old()
        for key in keys:
            self._times.setdefault(key, deque()).append(self.now())

    def succeeded(self, name_key: str, address: str) -> None:
        """The last attempt was right: the name starts afresh, the address is relieved of that one attempt."""
        by_name, by_address = _keys(name_key, address)
        self._times.pop(by_name, None)
        if self._times.get(by_address):
            self._times[by_address].pop()

    def _seconds_to_wait(self, key: str) -> float:
        times = self._times.get(key, deque())
        while times and times[0] <= self.now() - WINDOW_SECONDS:
            times.popleft()
        return 0.0 if len(times) < self.attempts else times[0] + WINDOW_SECONDS - self.now()

    def _forget_old(self) -> None:
        for key in list(self._times):
            self._seconds_to_wait(key)
            if not self._times[key]:
                del self._times[key]
        # Half at once: looking through all of them at every attempt would be a gift to whoever floods us.
        for key in list(self._times)[: max(0, len(self._times) - _MAX_KEYS // 2)]:
            del self._times[key]


def _keys(name_key: str, address: str) -> tuple[str, str]:
    return f"name:{name_key[:64]}", f"address:{address}"
