"""How often somebody may try to take a name that is in use: each try tells that it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from server.auth.lately import Lately
from server.errors import RateLimited

_WINDOW_SECONDS = 900.0
_MOST = 10  # nobody looks for a free name longer


class NameTries:
    """Counts names that clashed, by who tried."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clashes = Lately(most=_MOST, within_seconds=_WINDOW_SECONDS, clock=clock)

    def require_patience(self, user_id: str) -> None:
        """Raises `RateLimited` when too many names clashed lately."""
        if (wait := self._clashes.seconds_to_wait(user_id)) > 0:
            raise RateLimited(
                "Too many of the names you tried are in use. Try again in {minutes} minutes.",
                minutes=math.ceil(wait / 60),
                retry_after_seconds=math.ceil(wait),
            )

    def failed(self, user_id: str) -> None:
        """One more name was in use."""
        self._clashes.add(user_id)
