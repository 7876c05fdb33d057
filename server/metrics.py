"""How figures are gathered: the event loop's delay, and how often something took how long."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_EVERY_SECONDS = 0.02
_KEPT = 3_000  # samples: the last minute


@dataclass(frozen=True, slots=True, kw_only=True)
class LagStatistics:
    """Milliseconds, over the last minute."""

    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramCounts:
    """`counts[i]` values were at most `bounds[i]`, and more than the bound before; the last are above all bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float

    @property
    def count(self) -> int:
        return sum(self.counts)


class Histogram:
    """How many values were how large. Those of several nodes or times can be added, which percentiles cannot."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` rise."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, *, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def counts(self) -> HistogramCounts:
        return HistogramCounts(bounds=self._bounds, counts=tuple(self._counts), sum=self._sum)


def quantile_of(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """About the value that `share` of all are at most, evenly spread within their bounds; None of nothing.

    What is above all bounds counts as the last of them: it is at least that.
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below, lower = share * total, 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= wanted:
            return lower + (bound - lower) * (wanted - below) / count
        below, lower = below + count, bound
    return lower


class LoopLag:
    """Samples the event loop's lag as long as `watch` runs."""

    def __init__(self) -> None:
        self._samples_ms: deque[float] = deque(maxlen=_KEPT)

    async def watch(self) -> None:
        """Run until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_SECONDS
            await asyncio.sleep(_EVERY_SECONDS)
            self._samples_ms.append(max(0.0, loop.time() - due) * 1_000)

    def statistics(self) -> LagStatistics:
        ordered = sorted(self._samples_ms) or [0.0]
        return LagStatistics(
            p50_ms=_quantile(ordered, 0.50), p99_ms=_quantile(ordered, 0.99), max_ms=round(ordered[-1], 2)
        )


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)
