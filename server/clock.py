"""Time and identifiers: everything that must differ between two calls, so that tests can hold it still."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T08:15:30.000125Z`: UTC with microseconds, as the live protocol and the API write it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def rfc3339_now() -> str:
    """`rfc3339(utc_now())` in a fifth of the time: each live message has one."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return "%s.%06dZ" % (_second(seconds), nanoseconds // 1_000)  # noqa: UP031 - a third of the time


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def new_id() -> str:
    """A 26-character identifier that sorts by creation time (48 bits of milliseconds, then 80 random bits)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether `new_id` may have made it."""
    return len(text) == _ID_CHARACTERS and set(text) <= set(_ALPHABET)


# Crockford's base 32, in lower case: no i, l, o, u to confuse when read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_CHARACTERS = 26
