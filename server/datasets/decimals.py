"""How many digits a column of exact decimals has room for, and how that grows with what is found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal

_FLOAT_DIGITS = 15  # any number of so many is the same as a double
MOST_DIGITS = 38  # of a decimal128, here and in DuckDB
_EXACT = Context(prec=100)  # Python's usual one rounds to 28 digits


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits before and behind the point."""

    whole: int = 0
    scale: int = 0

    def __or__(self, other: Digits) -> Digits:
        return Digits(max(self.whole, other.whole), max(self.scale, other.scale))

    def hold(self, other: Digits) -> bool:
        return other.whole <= self.whole and other.scale <= self.scale

    @property
    def fit(self) -> bool:
        return self.whole + self.scale <= MOST_DIGITS


NO_DIGITS = Digits()


def digits_of_value(value: Decimal) -> Digits:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    return Digits(max(0, len(digits) + exponent) if value else 0, max(0, -exponent))


def digits_of_values(values: Iterable[Decimal]) -> Digits:
    found = Digits()
    for value in values:
        found |= digits_of_value(value)
    return found


def fits_float(value: Decimal) -> bool:
    """Whether a double shows all its digits."""
    return len(value.normalize(_EXACT).as_tuple().digits) <= _FLOAT_DIGITS


def exact_figure(value: Decimal) -> float | str:
    """As JSON of any program holds it: a number, or a text of all digits where that would be rounded."""
    return float(value) if fits_float(value) else f"{value:f}"
