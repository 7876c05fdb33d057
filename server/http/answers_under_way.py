"""How many answers that lie on our disk somebody is receiving: whoever does not read them costs no more than these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import RateLimited

_RETRY_SECONDS = 5.0


class AnswersUnderWay:
    """Counts per user."""

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._counts: Counter[str] = Counter()

    @contextmanager
    def one_more(self, user_id: str) -> Iterator[None]:
        """Raises `RateLimited`."""
        if self._counts[user_id] >= self._per_user:
            raise RateLimited(
                "You are receiving {count} large answers at once, which is the limit; read or close one of them first.",
                count=self._counts[user_id],
                retry_after_seconds=_RETRY_SECONDS,
            )
        self._counts[user_id] += 1
        try:
            yield
        finally:
            self._counts -= Counter({user_id: 1})
