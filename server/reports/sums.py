"""Sums as people make them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any


def exact_sum(numbers: Sequence[float | Decimal]) -> Any:
    """As they are written: cents add up to cents, and long decimals keep their digits."""
    if all(isinstance(number, int) for number in numbers):
        return sum(numbers)
    with localcontext(prec=100):
        exact = sum(Decimal(str(number)) for number in numbers)
    return exact if any(isinstance(number, Decimal) for number in numbers) else float(exact)


def is_figure(value: Any) -> bool:
    """Whether it is a number to reckon with; a truth is none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
