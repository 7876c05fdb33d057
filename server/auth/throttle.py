"""How often somebody may try to sign in, so that nobody guesses a password and nobody locks out whom it belongs to.

Failures within five minutes are counted, `attempts` is 10 as a rule:

* at one name from one address: after 10 this address must wait for this name;
* at one name from everywhere: after 100 each address has one try, and all together one in two seconds;
* from one address at all names: after 100 it has one try in three seconds.

So an address guesses 10 times in five minutes, and all addresses of the world together 250 times: 72,000 a day. A
password of ten characters that is not among the common ones (the least that is taken) withstands millions of years of
that when it is random, and the million likeliest ones still take two weeks, in which its owner is told again and again.
Only the first rule makes anybody wait for minutes, and only who has failed from there: the others slow down.

Whoever has been signed in as that user from the same device before is counted by this device alone.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from server.auth.networks import network_of
from server.errors import RateLimited

WINDOW_SECONDS = 300.0
MANY = 10  # times the attempts: at a name from everywhere, or from an address at all names
NAME_TURN_SECONDS = 2.0
ADDRESS_TURN_SECONDS = 3.0
TOLD_SECONDS = 3_600.0  # one is told no more often
_MAX_KEYS = 20_000  # names are chosen by whoever tries, so memory must have an end


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`device` identifies one that has been signed in as that user before; None for any other."""

    name_key: str
    address: str
    device: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What it counts for, the narrowest first."""
        name, network = self.name_key[:64], network_of(self.address)
        if self.device is not None:
            return (f"device:{self.device}:{name}",)
        return f"pair:{network}:{name}", f"name:{name}", f"address:{network}"


class SignInThrottle(Protocol):
    """`LoginThrottle`, wherever the counts are kept."""

    @property
    def attempts(self) -> int: ...

    async def begin(self, attempt: Attempt) -> None: ...

    async def succeeded(self, attempt: Attempt) -> None: ...

    async def is_worth_telling(self, attempt: Attempt) -> bool: ...


class ThrottleHere:
    """A `SignInThrottle` of a server that is alone."""

    def __init__(self, own: LoginThrottle) -> None:
        self._own = own

    @property
    def attempts(self) -> int:
        return self._own.attempts

    async def begin(self, attempt: Attempt) -> None:
        self._own.begin(attempt)

    async def succeeded(self, attempt: Attempt) -> None:
        self._own.succeeded(attempt)

    async def is_worth_telling(self, attempt: Attempt) -> bool:
        return self._own.is_worth_telling(attempt)


def require_turn(wait_seconds: float, turn_seconds: float) -> None:
    """Raises `RateLimited` unless both are over."""
    if wait_seconds > 0:
        raise RateLimited(
            "Too many attempts to sign in. Try again in {minutes} minutes.",
            minutes=math.ceil(wait_seconds / 60),
            retry_after_seconds=math.ceil(wait_seconds),
        )
    if turn_seconds > 0:
        raise RateLimited(
            "Too many attempts to sign in. Try again in {seconds} seconds.",
            seconds=math.ceil(turn_seconds),
            retry_after_seconds=math.ceil(turn_seconds),
        )


@dataclass(slots=True)
class LoginThrottle:
    """Attempts count from when they begin, so that many at once do not slip through together."""

    attempts: int
    now: Callable[[], float] = time.monotonic
    _times: dict[str, deque[float]] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)

    def begin(self, attempt: Attempt) -> None:
        """Count an attempt; raises `RateLimited` when there were too many."""
        require_turn(self._seconds_to_wait(*attempt.keys), self._seconds_to_turn(*attempt.keys))
        if len(self._times) > _MAX_KEYS:
            self._forget_old()
        for key in attempt.keys:
            self._times.setdefault(key, deque()).append(self.now())

    def succeeded(self, attempt: Attempt) -> None:
        """The last attempt was right: where it came from starts afresh, the others are relieved of that one."""
        narrowest, *others = attempt.keys
        self._times.pop(narrowest, None)
        for key in others:
            if self._times.get(key):
                self._times[key].pop()

    def is_worth_telling(self, attempt: Attempt) -> bool:
        """Whether so many have failed at this name that its owner should know; True once an hour."""
        key, now = f"name:{attempt.name_key[:64]}", self.now()
        if len(self._recent(key)) < self.attempts or now - self._told.get(key, -math.inf) < TOLD_SECONDS:
            return False
        self._told = {known: at for known, at in self._told.items() if now - at < TOLD_SECONDS} | {key: now}
        return True

    def _seconds_to_wait(self, narrowest: str, name: str = "", address: str = "") -> float:
        """Until where it comes from may try at this name again."""
        own = self._recent(narrowest)
        most = 1 if name and self._is_besieged(name) else self.attempts
        return own[-most] + WINDOW_SECONDS - self.now() if len(own) >= most else 0.0

    def _seconds_to_turn(self, narrowest: str, name: str = "", address: str = "") -> float:
        """Until the next try of all that share one."""
        turns = ((name, NAME_TURN_SECONDS), (address, ADDRESS_TURN_SECONDS))
        return max(
            (self._recent(key)[-1] + seconds - self.now() for key, seconds in turns if key and self._is_besieged(key)),
            default=0.0,
        )

    def _is_besieged(self, key: str) -> bool:
        return len(self._recent(key)) >= self.attempts * MANY

    def _recent(self, key: str) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= self.now() - WINDOW_SECONDS:
            times.popleft()
        return times

    def _forget_old(self) -> None:
        for key in list(self._times):
            if not self._recent(key):
                del self._times[key]
        # Half at once: looking through all of them at every attempt would be a gift to whoever floods us. Those that
        # were tried least go first, so that nobody can make us forget a siege by inventing names.
        surplus = max(0, len(self._times) - _MAX_KEYS // 2)
        for key in sorted(self._times, key=lambda key: len(self._times[key]))[:surplus]:
            del self._times[key]
