"""Which of a chatty script's messages go into its job's log."""

from __future__ import annotations

import time
from collections.abc import Callable

_BURST = 20
_PER_SECOND = 1.0  # a message a second is as much as anybody reads back
_MOST = 5_000  # lines a job: one that runs for weeks must not fill the database


class LogBudget:
    """Each message once, so many a second, so many in all. What is left out was still shown live."""

    __slots__ = ("_allowed", "_at", "_clock", "_last", "_written")

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._allowed = float(_BURST)
        self._last = ""
        self._written = 0

    def line_for(self, message: str) -> str:
        """The line to write for `message`; empty for none."""
        if not message or message == self._last or self._written > _MOST:
            return ""
        now = self._clock()
        self._allowed = min(_BURST, self._allowed + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._allowed < 1:
            return ""
        self._allowed -= 1
        self._last = message
        self._written += 1
        return message if self._written <= _MOST else _FULL


_FULL = "This log is full; further messages are shown live, but not kept."
