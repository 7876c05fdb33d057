"""How long work of each kind takes, as seen lately."""

from __future__ import annotations

_WEIGHT = 0.2  # of the newest in the average: it follows what people do now


class Durations:
    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def add(self, kind: str, seconds: float) -> None:
        known = self._seconds.get(kind, seconds)
        self._seconds[kind] = known + _WEIGHT * (seconds - known)

    def expected(self, kind: str) -> float | None:
        """None while none was seen."""
        return self._seconds.get(kind)

    def left(self, kind: str, elapsed_seconds: float) -> float | None:
        """Of one that has taken so long already. What takes longer than usual is thought to be half done."""
        expected = self._seconds.get(kind)
        if expected is None:
            return None
        return max(expected - elapsed_seconds, min(elapsed_seconds, expected) / 2)
