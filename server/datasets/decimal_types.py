"""Arrow's types of exact decimals, and the digits that whole columns of texts need."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.decimals import Digits

_USUAL_DIGITS = 18  # what is stored and added up as 64 bits


def decimal_type(digits: Digits) -> pa.Decimal128Type:
    """Room for at least 18 digits, so that it seldom has to grow.

    Never more than that on suspicion: DuckDB reads parts of 38 digits and different scales as those of the first one,
    and rounds. With what is really needed their sum fits, and nothing is rounded.
    """
    return pa.decimal128(max(_USUAL_DIGITS, digits.whole + digits.scale), digits.scale)


def digits_of_type(kind: pa.DataType) -> Digits:
    return Digits(kind.precision - kind.scale, kind.scale)


def digits_of_texts(cells: pa.Array) -> Digits:
    """Of cells like `-12.50`, nulls among them, all at once."""
    if cells.null_count == len(cells):
        return Digits()
    cells = pc.utf8_ltrim(cells, "+-")
    length, place = pc.binary_length(cells), pc.find_substring(cells, ".")
    is_whole = pc.less(place, 0)
    whole = pc.max(pc.if_else(is_whole, length, place)).as_py()
    scale = pc.max(pc.if_else(is_whole, 0, pc.subtract(pc.subtract(length, place), 1))).as_py()
    return Digits(whole, scale)
