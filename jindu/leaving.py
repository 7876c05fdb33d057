"""Why a loop over one of our generators was left: a generator is only told that it was.

CPython drops the iterator of a `for` at the instruction that leaves it. `break` and `return` have one of their own for
that; with any other, it is an exception that passes through. See `docs/decisions/0015-how-a-loop-was-left.md`.
"""

from __future__ import annotations

import dis
import enum
import sys
import threading
from types import CodeType, FrameType, TracebackType
from typing import Any

_DROPS = frozenset({"POP_TOP", "POP_ITER", "FOR_ITER", "END_FOR", "RETURN_VALUE", "RETURN_CONST"})
_ASSIGNS = ("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "DELETE_FAST", "DELETE_NAME", "DELETE_GLOBAL")
_WAITS = frozenset({"YIELD_VALUE", "RESUME", "YIELD_FROM", "SEND"})


class Left(enum.Enum):
    EARLY = enum.auto()
    BY_EXCEPTION = enum.auto()
    UNKNOWN = enum.auto()


class Consumer:
    """Who takes the items, as seen by a generator in its first and in its last moment."""

    def __init__(self, frame: FrameType | None) -> None:
        self._code: CodeType | None = frame.f_code if frame is not None else None
        self._is_for = frame is not None and _instruction(frame) == "FOR_ITER"
        self._thread_id = threading.get_ident()
        self._last_value = _last_value()

    def how_left(self, frame: FrameType | None) -> Left:
        """`frame` is the one in which the generator was closed."""
        is_nested = False
        while frame is not None and _instruction(frame) in _WAITS:
            frame, is_nested = frame.f_back, True  # a generator around ours was left, and closed us
        if frame is not None and is_nested:
            self._code = frame.f_code  # whose exception it may have been: the generators' own frames have none
        if frame is None or sys.implementation.name != "cpython":
            return Left.UNKNOWN
        if _instruction(frame) in _DROPS or _instruction(frame).startswith(_ASSIGNS):
            return Left.EARLY
        if self._is_for and not is_nested and frame.f_code is self._code:
            return Left.BY_EXCEPTION
        return Left.UNKNOWN

    def is_left_by(self, error: BaseException) -> bool:
        """Whether an exception that nobody caught came through this loop."""
        trace = error.__traceback__
        return self._code is None or any(code is self._code for code in _codes(trace))

    def crash(self) -> BaseException | None:
        """The exception that ended the script meanwhile, when it came through this loop."""
        error = _last_value()
        return error if error is not None and error is not self._last_value and self.is_left_by(error) else None


def _instruction(frame: FrameType) -> str:
    code = frame.f_code.co_code
    return dis.opname[code[frame.f_lasti]] if 0 <= frame.f_lasti < len(code) else ""


def _codes(trace: TracebackType | None) -> Any:
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next


def _last_value() -> BaseException | None:
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None
