"""How often somebody may try a second factor: a code has six digits, and who tries has the password already.

Within five minutes an address has 5 tries at one account. After 30 failures of an account within a day all addresses
together have one try in ten minutes: at most about 170 a day, of which three codes in a million are right. Whoever has
been signed in as that user from the same device before is counted by this device alone, so that nobody who knows the
password can keep its owner out. Recovery codes are counted the same; passkeys are not asked for a code.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from server.auth.lately import Lately
from server.auth.networks import network_of
from server.errors import RateLimited

ATTEMPTS = 5
WINDOW_SECONDS = 300.0
MANY = 30
DAY_SECONDS = 86_400.0
TURN_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAttempt:
    """`device` identifies one that has been signed in as that user before; None for any other."""

    user_id: str
    address: str
    device: str | None = None

    @property
    def narrowest(self) -> str:
        if self.device is not None:
            return f"device:{self.device}:{self.user_id}"
        return f"{network_of(self.address)}:{self.user_id}"


class CodeThrottle:
    """Attempts count from when they begin, so that many at once do not slip through together."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = Lately(most=ATTEMPTS, within_seconds=WINDOW_SECONDS, clock=clock)
        self._accounts = Lately(most=MANY, within_seconds=DAY_SECONDS, clock=clock)
        self._turns = Lately(most=1, within_seconds=TURN_SECONDS, clock=clock)

    def begin(self, attempt: CodeAttempt) -> None:
        """Count an attempt; raises `RateLimited` when there were too many."""
        wait = self._own.seconds_to_wait(attempt.narrowest)
        is_strange = attempt.device is None
        if is_strange and self._accounts.seconds_to_wait(attempt.user_id) > 0:
            wait = max(wait, self._turns.seconds_to_wait(attempt.user_id))
        if wait > 0:
            raise RateLimited(
                "Too many wrong codes. Try again in {minutes} minutes.",
                minutes=math.ceil(wait / 60),
                retry_after_seconds=math.ceil(wait),
            )
        self._own.add(attempt.narrowest)
        if is_strange:
            self._accounts.add(attempt.user_id)
            self._turns.add(attempt.user_id)

    def succeeded(self, attempt: CodeAttempt) -> None:
        """The last attempt was right: where it came from starts afresh, the account is relieved of that one."""
        self._own.forget(attempt.narrowest)
        if attempt.device is None:
            self._accounts.take_back(attempt.user_id)
            self._turns.forget(attempt.user_id)
