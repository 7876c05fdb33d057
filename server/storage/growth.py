"""How much each user may have the database keep: rows that no quota of files counts, such as what scripts tell."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from server.errors import RateLimited

_DAY_SECONDS = 86_400.0
_ROW_BYTES = 1_000  # a row with its place in every index, and its line of the audit log
_MOST_USERS = 10_000  # whose debt is remembered: what is forgotten first is the oldest


class Growth:
    """A bucket of bytes a user, which refills within a day. In memory: a restart forgives, which costs little."""

    def __init__(self, *, bytes_per_day: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_day = bytes_per_day
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # bytes, and when they were so many

    def charge(self, user_id: str, *values: Any) -> None:
        """Before a row with `values` is stored. Raises `RateLimited` once the user has had as much as they may.

        A row that is larger than a whole day's bytes is let through when the bucket is full.
        """
        size = _ROW_BYTES + size_of(*values)
        spent = self._spent_by(user_id)
        over = spent + min(size, self._bytes_per_day) - self._bytes_per_day
        if self._bytes_per_day and over > 0:
            raise RateLimited(
                "You had the server keep {limit} MiB of rows within a day (jobs, templates, descriptions), which is as "
                "much as one user may. Wait, keep less, or ask an administrator to raise the limit.",
                limit=max(1, self._bytes_per_day // 2**20),
                retry_after_seconds=over * _DAY_SECONDS / self._bytes_per_day,
            )
        self._remember(user_id, spent + size)

    def note(self, user_id: str, *values: Any) -> None:
        """What is stored in any case, such as the end of a job: it counts for what comes next."""
        self._remember(user_id, self._spent_by(user_id) + size_of(*values))

    def _spent_by(self, user_id: str) -> float:
        spent, at = self._spent.get(user_id, (0.0, 0.0))
        return max(0.0, spent - (self._clock() - at) * self._bytes_per_day / _DAY_SECONDS)

    def _remember(self, user_id: str, spent: float) -> None:
        self._spent[user_id] = spent, self._clock()
        self._spent.move_to_end(user_id)
        if len(self._spent) > _MOST_USERS:
            self._spent.popitem(last=False)


def size_of(*values: Any) -> int:
    """About the bytes that `values` take in a row; what is empty takes none."""
    return sum(
        len(value.encode(errors="replace")) if isinstance(value, str) else len(msgspec.json.encode(value, enc_hook=str))
        for value in values
        if value
    )
