"""Values on an axis: from where to where, and which marks tell it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from server.reports.formats import Formats, ValueFormat

_DAY = 86_400  # seconds
_CLOCK_STEPS = (
    *(1, 2, 5, 10, 15, 30), *(60, 120, 300, 600, 900, 1_800), *(3_600, 7_200, 10_800, 21_600, 43_200, _DAY),
)  # fmt: skip


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """From `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    marks: tuple[float, ...]
    step: float

    def written(self, formats: Formats, format: ValueFormat) -> list[str]:  # noqa: A002
        """Of each mark."""
        return [formats.on_axis(mark, format, step=self.step) for mark in self.marks]

    def between(self, start: float, end: float) -> Scale:
        """The same scale, drawn elsewhere."""
        return msgspec.structs.replace(self, start=start, end=end)

    def at(self, value: float) -> float:
        return self.start + (float(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def value_scale(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    from_zero: bool = True,
    marks: int = 5,
    exact_high: bool = False,
    is_time: bool = False,
) -> Scale:
    """Round marks around all values, of seconds (`is_time`) such as clocks have.

    Raises `OverflowError` where these are too large for any drawing.
    """
    finite = [float(value) for value in values]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (low, high + 1)
    if not math.isfinite(high - low):
        raise OverflowError(high)
    rough = (high - low) / max(marks - 1, 1)
    step = _clock_step(rough) if is_time and rough > 1 else _round_step(rough)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    if exact_high:
        last = math.floor(high / step + 1e-9)
    # Through decimals: 3 * 0.1 is 0.30000000000000004 otherwise, and written so.
    exact = Decimal(repr(step))
    found = tuple(float(exact * count) for count in range(first, last + 1))
    return Scale(low=found[0], high=high if exact_high else found[-1], start=start, end=end, marks=found, step=step)


def with_one_zero(one: Scale, other: Scale) -> tuple[Scale, Scale]:
    """Both from as many steps below zero to as many above, so that zero and all marks are at the same places."""
    below = max(_steps(one)[0], _steps(other)[0])
    above = max(_steps(one)[1], _steps(other)[1])
    return _reaching(one, below, above), _reaching(other, below, above)


def _steps(scale: Scale) -> tuple[int, int]:
    return round(-scale.low / scale.step), round(scale.high / scale.step)


def _reaching(scale: Scale, below: int, above: int) -> Scale:
    exact = Decimal(repr(scale.step))
    marks = tuple(float(exact * count) for count in range(-below, above + 1))
    return msgspec.structs.replace(scale, low=marks[0], high=marks[-1], marks=marks)


def _clock_step(rough: float) -> float:
    """Seconds, minutes and hours that divide the next larger unit; beyond a day, days."""
    return next((float(step) for step in _CLOCK_STEPS if step >= rough * 0.999), _DAY * _round_step(rough / _DAY))


def _round_step(rough: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten."""
    exponent = math.floor(math.log10(rough))
    power = Decimal(1).scaleb(exponent)
    for factor in (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5)):
        if float(factor * power) >= rough * 0.999:
            return float(factor * power)
    return float(10 * power)
