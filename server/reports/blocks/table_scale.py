"""Colors of cells by how large their values are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from server.reports.sums import is_figure

STRONGEST = 0.45
"""How much of the color the highest value has: letters on it stay readable."""


class ColorScale(msgspec.Struct, frozen=True, kw_only=True):
    """From `low` to `high`: one color the stronger the higher, or two away from `middle`, the first of them below."""

    colors: tuple[str, ...]
    low: float
    high: float
    middle: float

    def color(self, value: Any) -> tuple[str, float]:
        """And how strong it is, from 0 to 1."""
        if not is_figure(value) or self.high <= self.low:
            return "", 0.0
        number = float(value)
        if len(self.colors) == 1:
            return self.colors[0], (number - self.low) / (self.high - self.low)
        reach = max(self.high - self.middle, self.middle - self.low)
        strength = min(1.0, abs(number - self.middle) / reach) if reach else 0.0
        return self.colors[number > self.middle], strength


def scale_of(colors: tuple[str, ...], middle: float | None, values: Sequence[Any]) -> ColorScale | None:
    """Without a `middle`: zero where values lie on both sides of it, else half way between lowest and highest."""
    numbers = [float(value) for value in values if is_figure(value)]
    if not colors or not numbers:
        return None
    low, high = min(numbers), max(numbers)
    if middle is None:
        middle = 0.0 if low < 0 < high else (low + high) / 2
    return ColorScale(colors=colors, low=low, high=high, middle=middle)
