"""Which of a chatty script's messages go into its job's log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_BURST = 20
_PER_SECOND = 1.0  # a message a second is as much as anybody reads back


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One line to write, after `left_out` messages that are not written."""

    message: str
    left_out: int = 0


class LogBudget:
    """Each message once, so many a second. What is left out was still shown live, and the newest one never is."""

    __slots__ = ("_allowed", "_at", "_clock", "_left_out", "_said", "_waiting")

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._allowed = float(_BURST)
        self._said = ""
        self._waiting = ""  # the newest message, not yet written
        self._left_out = 0  # messages since the last one that was

    def lines_for(self, message: str, left_out: int = 0) -> list[Noted]:
        """What to write now that the script said `message`; nothing new (an empty one) may bring what waited.

        `left_out` counts what it said before that and did not send.
        """
        if message and (message != self._said or left_out):
            self._said = message
            self._left_out += bool(self._waiting) + left_out
            self._waiting = message
        return self._taken() if self._waiting and self._may_write() else []

    def rest(self) -> list[Noted]:
        """What waits, when nothing more will come."""
        return self._taken() if self._waiting else []

    def _taken(self) -> list[Noted]:
        noted = [Noted(message=self._waiting, left_out=self._left_out)]
        self._waiting, self._left_out = "", 0
        return noted

    def _may_write(self) -> bool:
        now = self._clock()
        self._allowed = min(_BURST, self._allowed + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True
