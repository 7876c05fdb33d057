"""How much one client may ask: messages per second with a burst, and when patience ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

_PATIENCE_SECONDS = 5.0
_DROPPED_AT_ONCE = 100  # of one breach: a burst costs nobody a wait
_NEXT_SECONDS = 0.01  # from then on, until the next frame is read; what comes meanwhile waits on the sender's side
_CALM_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """See the settings of the same names."""

    connections: int = 10_000
    connections_per_user: int = 20
    connections_per_address: int = 50
    unauthenticated: int = 100
    unauthenticated_per_address: int = 10
    message_bytes: int = 64 * 1024
    messages_per_second: float = 20.0
    message_burst: int = 40
    unsent_bytes: int = 1024 * 1024
    subscriptions: int = 500
    event_name_length: int = 128
    ping_interval_seconds: float = 25.0
    pong_timeout_seconds: float = 10.0
    auth_deadline_seconds: float = 10.0

    def silence(self, now: float, *, heard_at: float, asked_at: float) -> Silence:
        """With a peer that was last heard and last asked at these moments of one clock.

        Nobody is given up who was not asked: silence may be the server's own, after it stood still for longer.
        """
        if now - heard_at <= self.ping_interval_seconds:
            return Silence.SHORT
        if asked_at <= heard_at:
            return Silence.TO_ASK
        return Silence.OVER if now - asked_at > self.pong_timeout_seconds else Silence.SHORT


class Silence(Enum):
    SHORT = auto()
    TO_ASK = auto()  # whether it is there
    OVER = auto()


class RateVerdict(Enum):
    PASS = auto()
    WARN = auto()  # drop the message and say so
    DROP = auto()  # said so a moment ago
    CLOSE = auto()


class RateLimit:
    """A bucket of `burst` tokens that refills at `per_second`."""

    __slots__ = (
        "_breached_at",
        "_breached_since",
        "_burst",
        "_clock",
        "_dropped",
        "_per_second",
        "_tokens",
        "_updated_at",
    )

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._updated_at = clock()
        self._breached_since = self._breached_at = float("-inf")
        self._dropped = 0

    @property
    def pause_seconds(self) -> float:
        """How long to read nothing more of a client whose message was dropped: reading a flood costs others, too."""
        return _NEXT_SECONDS if self._dropped > _DROPPED_AT_ONCE else 0.0

    def take(self) -> RateVerdict:
        """What to do with one more message."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._updated_at) * self._per_second)
        self._updated_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return RateVerdict.PASS
        return self._breach(now)

    def _breach(self, now: float) -> RateVerdict:
        is_new = now - self._breached_at > _CALM_SECONDS
        said_this_second = int(now) == int(self._breached_at) if self._breached_at > 0 else False
        self._breached_at = now
        self._dropped = 1 if is_new else self._dropped + 1
        if is_new:
            self._breached_since = now
            return RateVerdict.WARN
        if now - self._breached_since >= _PATIENCE_SECONDS:
            return RateVerdict.CLOSE
        return RateVerdict.DROP if said_this_second else RateVerdict.WARN
