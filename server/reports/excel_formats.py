"""Number formats of Excel's cells and axes: what stands there reads as elsewhere in a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from server.figures import rounded
from server.reports.formats import NUMERIC, Formats, ValueFormat
from server.reports.short_numbers import DECIMALS, LEAST_SHORT, decimals_of, shortened, units

_MANY_UNITS = 5


def number_format(formats: Formats, format: ValueFormat, kind: str, value: Any = None) -> str:  # noqa: A002
    """The number format of a cell; empty for General. `value` is the cell's: one rounded to zero has no sign."""
    if kind == "compact" and (short := _short(formats, value, format)):
        return short
    places = own_places(formats, value, format, kind)
    digits = "#,##0." + "0" * places if places else "#,##0"
    symbol = formats.symbol(format)
    own = {"integer": "#,##0", "year": "0", "currency": f'"{symbol}"{digits}', "percent": f"{digits}%"}
    figure_ = own.get(kind, digits)
    if kind == "year" and isinstance(value, date):
        return "yyyy"
    if kind in NUMERIC and kind != "duration":
        above = f"{figure_}_)" if format.negative else figure_
        if is_rounded_away(formats, value, format, kind):
            return f"{above};{above}"
        if format.negative:
            return f"{above};({figure_})"
        return f"{figure_};[Red]-{figure_}" if kind == "currency" else figure_
    return {
        "date": "yyyy-mm-dd",
        "month": "yyyy-mm",
        "datetime": "yyyy-mm-dd hh:mm",
        "duration": "[h]:mm:ss",
    }.get(kind, "")


def _short(formats: Formats, value: Any, format: ValueFormat) -> str:  # noqa: A002
    """`0.0,,"M"` for a `compact` value that other forms shorten; the cell holds all of its digits. Excel scales by
    thousands alone: in 万 there is one decimal, in 亿 there are two."""
    if not isinstance(value, int | float | Decimal) or not Decimal(value).is_finite():
        return ""
    found = shortened(value, formats.locale, places=DECIMALS if format.decimals is None else format.decimals)
    if found is None:
        return ""
    number, size, word = found
    thousands, rest = divmod(len(str(size)) - 1, 3)
    places = decimals_of(number)
    digits = f'0"."{"0" * rest}' if rest else "0." + "0" * places if places else "0"
    written = f'{digits}{"," * thousands}"{word}"'
    return f"{written}_);({written})" if format.negative else written


def short_number_format(formats: Formats, values: Sequence[Any], format: ValueFormat, *, few: bool = False) -> str:  # noqa: A002
    """`12K`, `1.2M` as a number format for such values; `few`: without decimals that marks of an axis do not have.

    Empty for values without a unit. Excel takes two conditions; with values below zero there is one unit.
    """
    known = [value for value in values if value is not None]
    largest = max(map(abs, known), default=0)
    found = [(size, unit) for size, unit in reversed(units(formats.locale)) if largest >= size]
    if not found:
        return ""
    symbol = f'"{formats.symbol(format)}"' if format.kind == "currency" else ""
    is_whole = few and largest >= _MANY_UNITS * found[0][0]
    parts = [(size, f'{symbol}{_in_units(size, is_whole=is_whole)}"{unit}"') for size, unit in found]
    written = parts[0][1]
    if min(known) < 0:
        return f"{written};-{written};{symbol}0"
    # What the smaller unit would round up to this one is written in this one: `1.0M`, not `1000.0K`.
    least = [size - int(_half(smaller, is_whole=is_whole) * smaller) for (size, _), (smaller, _) in pairwise(parts[:2])]
    least.append(parts[:2][-1][0])
    shown = (f"[>={size}]{written}" for size, (_, written) in zip(least, parts[:2], strict=True))
    return ";".join(shown) + f";{symbol}#,##0"


def _in_units(size: int, *, is_whole: bool) -> str:
    """The digits of a number in such units. Excel scales by thousands; what is left is done by setting a point."""
    thousands, rest = divmod(len(str(size)) - 1, 3)
    digits = f'0"."{"0" * rest}' if rest else "0" if is_whole else "0.0"
    return digits + "," * thousands


def _half(size: int, *, is_whole: bool) -> Decimal:
    """What is rounded up to the next digit that is written of such units."""
    rest = (len(str(size)) - 1) % 3
    return Decimal("0.5") if is_whole and not rest else Decimal("0.05")


def is_rounded_away(formats: Formats, value: Any, format: ValueFormat, kind: str) -> bool:  # noqa: A002
    """Whether a number below zero is written as zero."""
    if not isinstance(value, int | float | Decimal) or not -1 < value < 0:
        return False
    places = own_places(formats, value, format, kind)
    return not rounded(value, places + 2 if kind == "percent" else 0 if kind == "integer" else places)


def own_places(formats: Formats, value: Any, format: ValueFormat, kind: str) -> int:  # noqa: A002
    """Decimals that are written of this value."""
    return short_places(value, format) if kind == "compact" else formats.decimals(format, value)


def short_places(value: Any, format: ValueFormat) -> int:  # noqa: A002
    """Decimals of a `compact` number where it is written with all of its digits."""
    is_number = isinstance(value, int | float | Decimal) and Decimal(value).is_finite()
    if not is_number or abs(value) >= LEAST_SHORT:
        return 0
    return decimals_of(rounded(value, DECIMALS if format.decimals is None else format.decimals))
