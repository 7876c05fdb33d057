"""How often somebody may try to take a name that is in use: each try tells that it is."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from server.errors import RateLimited

_WINDOW_SECONDS = 900.0
_MOST = 10  # nobody looks for a free name longer
_MAX_USERS = 10_000


class NameTries:
    """Counts names that clashed, by who tried."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def require_patience(self, user_id: str) -> None:
        """Raises `RateLimited` when too many names clashed lately."""
        times = self._times.get(user_id, deque())
        wait = times[0] + _WINDOW_SECONDS - self._clock() if len(times) == _MOST else 0.0
        if wait > 0:
            raise RateLimited(
                "Too many of the names you tried are in use. Try again in {minutes} minutes.",
                minutes=math.ceil(wait / 60),
                retry_after_seconds=math.ceil(wait),
            )

    def failed(self, user_id: str) -> None:
        """One more name was in use."""
        self._times.setdefault(user_id, deque(maxlen=_MOST)).append(self._clock())
        self._times.move_to_end(user_id)
        if len(self._times) > _MAX_USERS:
            self._times.popitem(last=False)
