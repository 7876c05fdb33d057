"""Of which type a column is in the end, once it is clear how its cells are read: what that would change is text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from server.datasets.cell_readings import ID_DIGITS, ColumnReading, ColumnSample, is_whole
from server.datasets.cells import plain
from server.datasets.day_cells import FINER_THAN_MICROSECONDS, is_in_utc, order_of, read_instant, read_moment
from server.datasets.decimals import digits_of_value
from server.datasets.doubts import Doubts
from server.datasets.schema import NUMERIC_TYPES

_COMPUTED_SCALE = 12  # more decimals than anybody measures or pays
_EXPONENT = re.compile(r"\d[.,]?[eE][+-]?\d")
_FINER = re.compile(FINER_THAN_MICROSECONDS)
_OF_A_QUANTITY = re.compile(r"[.,-]|[eE][+-]")  # no part number has them beside its E


def measured(reading: ColumnReading) -> ColumnReading:
    """With the doubt about numbers that are too long for others, or for a double."""
    values = [number.value for number in reading.numbers if number is not None]
    doubts: Doubts = {}
    if reading.type == "float":
        rounded = next((value for value in values if not _is_exact(value)), None)
        doubts = (
            {} if rounded is None else {"rounded_numbers": {"value": str(rounded), "reading": repr(float(rounded))}}
        )
    elif reading.type in NUMERIC_TYPES and any(map(_is_long, values)):
        doubts = {"long_numbers": {}}
    return replace(reading, doubts={**reading.doubts, **doubts}) if doubts else reading


def _is_long(number: Decimal) -> bool:
    return len(number.as_tuple().digits) >= ID_DIGITS


def _is_exact(number: Decimal) -> bool:
    return Decimal(repr(float(number))) == number


def of_final_type(sample: ColumnSample, reading: ColumnReading) -> ColumnReading:
    """The type in the end: whole numbers, exact or floating ones, moments; text for what these would change."""
    if reading.type == "datetime":
        return _as_moments(sample.cells, reading)
    if reading.type != "decimal":
        return reading
    text = ColumnReading(type="text", doubts=reading.doubts)
    if "mixed_currencies" in reading.doubts:
        return text
    pairs = [(plain(cell), number.value) for cell, number in zip(sample.cells, reading.numbers, strict=True) if number]
    values = [value for _, value in pairs]
    if any(_EXPONENT.search(cell) for cell, _ in pairs):
        is_quantity = any(_OF_A_QUANTITY.search(cell) for cell, _ in pairs)
        return replace(reading, type="float") if is_quantity else text
    too_long = sum(not reading.digits.hold(digits_of_value(value)) for value in values)
    if too_long and reading.misfits + too_long > sample.most_misfits:
        return replace(reading, type="float") if all(map(_is_exact, values)) else text
    if reading.digits.scale >= _COMPUTED_SCALE and all(map(_is_exact, values)) and any(map(_is_long, values)):
        return replace(reading, type="float")  # 0.30000000000000004 was one before it was written
    # `1.0` is how programs write whole numbers among missing ones; `1.00` is an amount.
    if reading.digits.scale <= 1 and all(map(is_whole, values)):
        return replace(reading, type="integer")
    return replace(reading, misfits=reading.misfits + too_long)


def _as_moments(cells: Sequence[str], reading: ColumnReading) -> ColumnReading:
    finer = next((cell for cell in cells if _FINER.search(cell)), None)
    if finer is not None:
        return ColumnReading(type="text", doubts={"finer_than_microseconds": {"value": finer}})
    order = order_of(reading.format)
    moments = [(read_moment(cell, order), read_instant(cell, order)) for cell in cells]
    with_offset = sum(instant is not None for _, instant in moments)
    if not with_offset:
        return reading
    if with_offset < sum(moment is not None for moment, _ in moments):
        return ColumnReading(type="text", doubts={"mixed_offsets": {}})
    is_moved = not all(map(is_in_utc, cells))
    doubts: Doubts = {**reading.doubts, **({"times_in_utc": {}} if is_moved else {})}
    return replace(reading, type="timestamp", doubts=doubts)
