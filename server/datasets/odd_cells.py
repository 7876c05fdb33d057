"""Cells that cannot be cast as they stand, read one by one: a value, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from server.datasets.cells import read_truth
from server.datasets.day_cells import DateOrder, notation_of_time, read_date, read_instant, read_moment, read_time
from server.datasets.number_cells import DecimalMark, is_no_amount, parse_number
from server.datasets.schema import TEMPORAL_TYPES, ColumnType

_INT64 = range(-(2**63), 2**63)
CellReader = Callable[[str], tuple[Any, str | None]]
ReadNumber = tuple[Decimal | None, str | None]


def number_reader(mark: DecimalMark, notations: set[str]) -> Callable[[str], ReadNumber]:
    def read(text: str) -> ReadNumber:
        number = parse_number(text, mark)
        if number is None:
            return None, None if is_no_amount(text) else "not_a_number"
        if number.value:
            notations.add(number.notation)
        return number.value, None

    return read


def truth(text: str) -> tuple[bool | None, str | None]:
    value = read_truth(text)
    return value, "not_a_truth_value" if value is None else None


def reader_of(column_type: ColumnType, mark: DecimalMark, order: DateOrder, notations: set[str]) -> CellReader:
    if column_type == "datetime":
        return lambda text: _moment(text, order, notations)
    if column_type in TEMPORAL_TYPES:
        read = {"date": _day, "timestamp": _instant}[column_type]
        return lambda text: read(text, order)
    number = number_reader(mark, notations)
    whole_or_float = _whole if column_type == "integer" else _float
    return lambda text: whole_or_float(*number(text))


def _whole(value: Decimal | None, code: str | None) -> tuple[int | None, str | None]:
    if value is None:
        return None, code
    if value.adjusted() > 30:
        return None, "number_too_large"
    whole = int(value)
    if whole != value:
        return None, "not_a_whole_number"
    return (whole, None) if whole in _INT64 else (None, "number_too_large")


def _float(value: Decimal | None, code: str | None) -> tuple[float | None, str | None]:
    if value is None:
        return None, code
    rounded = float(value)
    return (rounded, None) if math.isfinite(rounded) else (None, "number_too_large")


def _day(text: str, order: DateOrder) -> tuple[Any, str | None]:
    value = read_date(text, order)
    return value, "not_a_date" if value is None else None


def _moment(text: str, order: DateOrder, notations: set[str]) -> tuple[Any, str | None]:
    value = read_time(text, order)
    if value is None:
        return None, "not_a_datetime"
    notations.add(notation_of_time(text, value))
    return value.replace(tzinfo=None), None


def _instant(text: str, order: DateOrder) -> tuple[Any, str | None]:
    value = read_instant(text, order)
    if value is not None:
        return value, None
    return None, "not_a_datetime" if read_moment(text, order) is None else "no_offset"
