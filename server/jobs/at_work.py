"""What worker processes do at this moment, and for whom: who looks at the machine sees why it is busy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkUnderWay:
    """`function` is what was asked of the worker; `job_id` is empty where somebody waits at a page."""

    function: str
    user_id: str
    job_id: str
    seconds: float


class AtWork:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._under_way: dict[int, tuple[str, str, str, float]] = {}

    @contextmanager
    def doing(self, function: str, *, user_id: str, job_id: str) -> Iterator[None]:
        number = next(self._numbers)
        self._under_way[number] = (function, user_id, job_id, self._clock())
        try:
            yield
        finally:
            del self._under_way[number]

    def now(self) -> list[WorkUnderWay]:
        """The longest first."""
        at = self._clock()
        return [
            WorkUnderWay(function=function, user_id=user_id, job_id=job_id, seconds=round(at - began, 1))
            for function, user_id, job_id, began in self._under_way.values()
        ]
