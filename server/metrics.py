"""How responsive the process is: the delay between when the event loop should have woken us and when it did."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

_EVERY_SECONDS = 0.02
_KEPT = 3_000  # samples: the last minute


@dataclass(frozen=True, slots=True, kw_only=True)
class LagStatistics:
    """Milliseconds, over the last minute."""

    p50_ms: float
    p99_ms: float
    max_ms: float


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
