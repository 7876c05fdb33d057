"""Numbers of any size in a reader's language: Babel alone fails beyond 28 digits, and nobody reads so many."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal, localcontext

from babel import Locale
from babel.numbers import format_decimal, format_scientific, get_infinity_symbol

_SCIENTIFIC = "0.######E0"
_LARGEST = Decimal(10) ** 21  # from here on, as browsers write them: 1E21
_SMALLEST = Decimal("0.0005")  # less would be written as 0
_MOST_EXACT_DIGITS = 38  # of the decimals and whole numbers that databases have
_MOST_BITS = 14_000  # Python refuses to write more than 4300 digits


def figure(value: float | Decimal, locale: Locale, *, pattern: str | None = None) -> str:
    """`12,400`; `1.5E300` where no pattern of digits fits; what is no number is said to be none."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return _power_of_ten(value)
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if number.is_nan():
        return "NaN"
    if number.is_infinite():
        return ("-" if number < 0 else "") + get_infinity_symbol(locale)
    is_kept = isinstance(value, Decimal) or (isinstance(value, int) and is_beyond_digits(value))
    if pattern is None and is_kept and abs(number.adjusted()) <= _MOST_EXACT_DIGITS:
        return _exact(number, locale)
    if is_beyond_digits(number) or (pattern is None and 0 < abs(number) < _SMALLEST):
        return format_scientific(number, _SCIENTIFIC, locale=locale)
    return format_decimal(number, pattern, locale=locale)


def _exact(value: Decimal, locale: Locale) -> str:
    """With all its digits: an amount of 12.50 has two behind the point."""
    exponent = value.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    with localcontext(prec=100):
        return format_decimal(value, f"#,##0.{'0' * places}" if places else "#,##0", locale=locale)


def rounded(number: float | Decimal, places: int) -> Decimal:
    """Half away from zero, as people and spreadsheets do, and never -0. A float is the shortest text that means it:
    1.005 is 1.01 with two places, though the double is a little less.
    """
    exact = number if isinstance(number, Decimal) else Decimal(str(number))
    with localcontext(prec=100, rounding=ROUND_HALF_UP):
        return exact.quantize(Decimal(1).scaleb(-places)) + 0


def is_beyond_digits(number: float | Decimal) -> bool:
    """Whether nobody would count its digits."""
    return number >= _LARGEST or number <= -_LARGEST


def _power_of_ten(value: int) -> str:
    """Roughly: the exponent is what anybody could read of such a number."""
    return f"{'-' if value < 0 else ''}1E{math.floor(value.bit_length() * math.log10(2))}"
