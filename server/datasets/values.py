"""Turn a column of texts into a column of values: whole clean columns at once, odd cells one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import (
    NULL_WORDS,
    TEXT_NULLS,
    DateOrder,
    DecimalMark,
    mark_of,
    order_of,
    read_date,
    read_moment,
    read_number,
    read_truth,
)
from server.datasets.schema import ColumnType

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    # A double: 15 digits hold any sum of money to the cent, whatever the number of decimals of a later row or of
    # the file appended next year; charts, spreadsheets and JSON are doubles anyway.
    "decimal": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
}
_INT64 = range(-(2**63), 2**63)

# Cells of these shapes can be cast without looking at them one by one: no day after the 28th, no 19th digit.
_MONTH_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_PLAIN_SHAPES: dict[ColumnType, str] = {
    "integer": r"^-?\d{1,18}$",
    "decimal": r"^[+-]?\d{1,17}(?:\.\d{1,17})?$",
    "date": rf"^[12]\d\d\d-{_MONTH_DAY}$",
    "datetime": rf"^[12]\d\d\d-{_MONTH_DAY}(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{{1,6}})?)?)?$",
}
_COMMA_SHAPE = r"^[+-]?\d{1,17}(?:,\d{1,17})?$"
_NULLS = pa.array(sorted(NULL_WORDS))
_TEXT_NULLS = pa.array(sorted(TEXT_NULLS))


@dataclass(slots=True)
class Misfit:
    """A cell that does not fit its column: which row, and why."""

    row: int
    code: str


@dataclass(slots=True)
class ConvertedColumn:
    """The values, null where a cell was empty or did not fit; the latter are listed."""

    values: pa.Array
    misfits: list[Misfit] = field(default_factory=list)


def convert_cells(cells: pa.Array, column_type: ColumnType, column_format: str | None = None) -> ConvertedColumn:
    """`cells` are texts as they stand in the file."""
    if column_type == "text":
        return ConvertedColumn(_trimmed(cells, _TEXT_NULLS))
    mark, order = mark_of(column_format), order_of(column_format)
    target = ARROW_TYPES[column_type]
    is_point = column_type not in ("integer", "decimal") or mark == "."
    if is_point and (values := _cast(cells, target)) is not None:
        return ConvertedColumn(values)
    cells = _trimmed(cells, _NULLS, folded=True)
    if column_type in ("date", "datetime"):
        cells = _with_iso_days(cells, order)
    if is_point and (values := _cast(cells, target)) is not None:
        return ConvertedColumn(values)
    return _converted_with_odd_cells(cells, target, _plain_shape(column_type, mark), _reader(column_type, mark, order))


def _trimmed(cells: pa.Array, nulls: pa.Array, *, folded: bool = False) -> pa.Array:
    cells = pc.utf8_trim_whitespace(cells)
    words = pc.utf8_lower(cells) if folded else cells
    return pc.if_else(pc.is_in(words, nulls), pa.scalar(None, pa.string()), cells)


def _cast(cells: pa.Array, target: pa.DataType) -> pa.Array | None:
    """All cells at once, or None when one of them cannot be cast as it stands."""
    if target == pa.bool_():
        return None
    try:
        values = pc.cast(cells, target)
    except pa.ArrowInvalid:
        return None
    if target == pa.float64() and pc.all(pc.is_finite(values)).as_py() is False:
        return None  # "inf" and "nan" are words here, and 1e999 is too large
    return values


# A day at the beginning, then nothing or a time. `20260301` and names of months are read one by one.
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?($|[ T].*)"
_YEAR_LAST = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})($|[ T].*)"
_ISO_FROM: dict[DateOrder, str] = {"DMY": r"\3-0\2-0\1\4", "MDY": r"\3-0\1-0\2\4"}


def _with_iso_days(cells: pa.Array, order: DateOrder) -> pa.Array:
    """`2026/3/1 9:05` as `2026-03-01 09:05`, so that columns of such cells are cast at once and not one by one."""
    cells = pc.replace_substring_regex(cells, _YEAR_FIRST, r"\1-0\2-0\3\4")
    if order != "YMD":
        cells = pc.replace_substring_regex(cells, _YEAR_LAST, _ISO_FROM[order])
    cells = pc.replace_substring_regex(cells, r"^(\d{4})-0?(\d\d)-0?(\d\d)", r"\1-\2-\3")
    return pc.replace_substring_regex(cells, r"^(\d{4}-\d\d-\d\d) (\d:)", r"\1 0\2")


def _plain_shape(column_type: ColumnType, mark: DecimalMark) -> str | None:
    if column_type in ("integer", "decimal") and mark == ",":
        return _PLAIN_SHAPES["integer"] if column_type == "integer" else _COMMA_SHAPE
    return _PLAIN_SHAPES.get(column_type)


_Reader = Callable[[str], tuple[Any, str | None]]


def _converted_with_odd_cells(
    cells: pa.Array, target: pa.DataType, shape: str | None, read: _Reader
) -> ConvertedColumn:
    if shape is None:
        return _read_one_by_one(cells, target, read)
    is_plain = pc.match_substring_regex(cells, shape)
    nothing = pa.scalar(None, pa.string())
    plain = pc.if_else(is_plain, cells, nothing)
    if shape == _COMMA_SHAPE:
        plain = pc.replace_substring(plain, ",", ".")
    odd = _read_one_by_one(pc.if_else(is_plain, nothing, cells), target, read)
    return ConvertedColumn(pc.coalesce(pc.cast(plain, target), odd.values), odd.misfits)


def _read_one_by_one(cells: pa.Array, target: pa.DataType, read: _Reader) -> ConvertedColumn:
    """Each distinct cell is read once: a year has few days, however many rows."""
    encoded = cells.dictionary_encode()
    results = [read(text) for text in encoded.dictionary.to_pylist()]
    values = pa.array([value for value, _ in results], target).take(encoded.indices)
    codes = [code for _, code in results]
    if not any(codes):
        return ConvertedColumn(values)
    found = pa.array(codes, pa.string()).take(encoded.indices)
    rows = pc.indices_nonzero(pc.is_valid(found))
    misfits = [Misfit(row, code) for row, code in zip(rows.to_pylist(), found.take(rows).to_pylist(), strict=True)]
    return ConvertedColumn(values, misfits)


def _reader(column_type: ColumnType, mark: DecimalMark, order: DateOrder) -> _Reader:
    def integer(text: str) -> tuple[int | None, str | None]:
        number = read_number(text, mark)
        if number is None:
            return None, "not_a_number"
        if number.adjusted() > 30:
            return None, "number_too_large"
        whole = int(number)
        if whole != number:
            return None, "not_a_whole_number"
        return (whole, None) if whole in _INT64 else (None, "number_too_large")

    def decimal(text: str) -> tuple[float | None, str | None]:
        number = read_number(text, mark)
        if number is None:
            return None, "not_a_number"
        value = float(number)
        return (value, None) if math.isfinite(value) else (None, "number_too_large")

    def truth(text: str) -> tuple[bool | None, str | None]:
        value = read_truth(text)
        return value, "not_a_truth_value" if value is None else None

    def day(text: str) -> tuple[Any, str | None]:
        value = read_date(text, order)
        return value, "not_a_date" if value is None else None

    def moment(text: str) -> tuple[Any, str | None]:
        value = read_moment(text, order)
        return value, "not_a_datetime" if value is None else None

    readers: dict[str, _Reader] = {
        "integer": integer, "decimal": decimal, "boolean": truth, "date": day, "datetime": moment,
    }  # fmt: skip
    return readers[column_type]
