"""Large numbers in few letters: `12.4K`, `1,2 Mio.`, `3.5万`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from typing import Any

from babel import Locale
from babel.numbers import format_compact_decimal, parse_pattern

from server.figures import figure, rounded

LEAST_SHORT = 1_000
DECIMALS = 1  # where nobody says how many
MAX_DECIMALS = 20
_SEEN, _NOISE = Decimal("0.005"), Decimal("0.000001")
_LONGEST = 10**6  # before its unit
_NOT_WRITTEN = str.maketrans("", "", "'\u200f")  # quotes of patterns, marks of direction


def compact(value: float | Decimal, locale: Locale, *, places: int) -> str:
    """As the language shortens it. What is rounded up to the next unit is written in that: `1M`, never `1000K`."""
    exact = Decimal(str(value))
    unit = _unit(exact, locale)
    if unit > 1:
        exact = rounded(exact / unit, places) * unit
    else:
        exact = rounded(exact, places)
        if _unit(exact, locale) == 1:  # Babel would write its digits without marks between the thousands
            return figure(exact, locale, pattern="#,##0." + "#" * places if places else "#,##0")
    with localcontext(rounding=ROUND_HALF_UP):
        return format_compact_decimal(exact, locale=locale, fraction_digits=places)


def shortened(value: float | Decimal, locale: Locale, *, places: int) -> tuple[Decimal, int, str] | None:
    """As `compact` writes it: the number, what it counts (1,000,000), and its word. None where there is no such word,
    or where it does not stand behind the number."""
    exact = Decimal(str(value))
    exact = rounded(exact / (unit := _unit(exact, locale)), places) * unit
    unit = _unit(exact, locale)
    word = dict(units(locale)).get(unit)
    return None if word is None else (rounded(exact / unit, places), unit, word)


def _unit(value: Decimal, locale: Locale) -> int:
    """What Babel divides it by; 1 where the language has no short word for such numbers."""
    patterns = _patterns(locale)
    for magnitude in sorted(map(int, patterns), reverse=True):
        if abs(value) >= magnitude:
            pattern = parse_pattern(patterns[str(magnitude)]).pattern
            return 1 if pattern == "0" else magnitude // 10 ** (pattern.count("0") - 1)
    return 1


@cache
def units(locale: Locale) -> tuple[tuple[int, str], ...]:
    """What the language counts large numbers in, from small to large: `((1000, "K"), …)`, `((1000000, " Mio."), …)`."""
    found: dict[int, str] = {}
    for magnitude, pattern in sorted((int(each), each_) for each, each_ in _patterns(locale).items()):
        zeros = pattern.pattern.count("0")
        unit = pattern.suffix[0].translate(_NOT_WRITTEN)
        if unit.strip() and not pattern.prefix[0].strip():
            found.setdefault(magnitude // 10 ** (zeros - 1), unit)
    return tuple(sorted(found.items()))


def _patterns(locale: Locale) -> Any:
    return locale.compact_decimal_formats["short"]["other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortNumber:
    """A value on an axis: `number`, of `places` decimals, in `unit`."""

    number: Decimal
    places: int
    unit: str


def mark(value: Decimal, step: Decimal, locale: Locale) -> ShortNumber | None:
    """With as many digits as tell it from those that lie `step` from it; with few where that is 0.

    In the units of the language; None for what has too many of them, also in the largest unit.
    """
    (size, unit), *larger = ((1, ""), *units(locale))
    if abs(value) >= _LONGEST * (larger[-1][0] if larger else size):
        return None
    made = _in_unit(value, step, size, unit)
    for next_size, next_unit in larger:
        if max(abs(value), abs(made.number) * size) < next_size:  # also what is rounded up to it is written in it
            break
        size, made = next_size, _in_unit(value, step, next_size, next_unit)
    return made


def _in_unit(value: Decimal, step: Decimal, size: int, unit: str) -> ShortNumber:
    places = decimals_of(step / size) if step else few_decimals(value / size)
    return ShortNumber(number=rounded(value / size, places), places=places, unit=unit)


def decimals_of(number: Decimal) -> int:
    """How many digits it has behind the point."""
    exponent = number.normalize().as_tuple().exponent
    return min(MAX_DECIMALS, max(0, -exponent)) if isinstance(exponent, int) else 0


def places_of_little(value: Any) -> int:
    """Of what two decimals would write as 0.00; 0 for all other values.

    Less than a millionth in a float is mostly what sums of floats leave behind, not a figure.
    """
    if not isinstance(value, float | Decimal):
        return 0
    exact = Decimal(str(value))
    least = _NOISE if isinstance(value, float) else Decimal(0)
    return few_decimals(exact) if least < abs(exact) < _SEEN else 0


def few_decimals(number: Decimal) -> int:
    """Two, or as many as show two digits of what is less than one."""
    return min(decimals_of(number), MAX_DECIMALS, 2 if abs(number) >= 1 or not number else 1 - number.adjusted())
