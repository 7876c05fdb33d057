"""Cells that Arrow can cast as they stand: which ones these are, what is brought into that shape, and the cast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.arrow_texts import memory_of
from server.datasets.day_cells import DateOrder
from server.datasets.number_cells import BARE_EXPONENT, ZEROS_FIRST, DecimalMark
from server.datasets.schema import TEMPORAL_TYPES, ColumnType

REPEATED_TEXTS = pa.dictionary(pa.int32(), pa.string())  # of a column of few different texts, until it is written
# Cells of these shapes can be cast without looking at them one by one: no 29th of February, no 19th digit, no code.
_DAY = r"[12]\d\d\d-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_CLOCK = r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
PLAIN_SHAPES: dict[ColumnType, str] = {
    "integer": r"^-?(?:0|[1-9]\d{0,17})$",
    "decimal": r"^[+-]?(?:0|[1-9]\d{0,37})(?:\.\d{1,38})?$",
    "float": r"^[+-]?(?:0|[1-9]\d{0,16})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?$",
    "date": rf"^{_DAY}$",
    "datetime": rf"^{_DAY}(?:{_CLOCK})?$",
    "timestamp": rf"^{_DAY}{_CLOCK}(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$",
}
_OF_MOMENTS, _OF_NUMBERS = "0123456789-: T.", "0123456789."
NOTHING = pa.scalar(None, pa.string())
_USUAL_DIGITS = 18  # of integers, all of which fit
_SURE_DIGITS = 15  # of a decimal that a double tells from every other one
FIRST, _NEARLY_ALL = 2_000, 0.95


def trimmed(cells: pa.Array, nulls: pa.Array, *, folded: bool = False) -> pa.Array:
    cells = pc.utf8_trim_whitespace(cells)
    if (pc.min(pc.binary_length(cells)).as_py() or 0) > pc.max(pc.binary_length(nulls)).as_py():
        return cells
    is_nothing = pc.is_in(pc.utf8_lower(cells) if folded else cells, nulls)
    return pc.if_else(is_nothing, NOTHING, cells) if pc.any(is_nothing).as_py() else cells


def unguarded_cells(cells: pa.Array) -> pa.Array:
    """See `cells.unguarded`."""
    if b"=" not in memory_of(cells) or not pc.any(pc.starts_with(cells, '="')).as_py():
        return cells
    return pc.replace_substring_regex(cells, r'^="([^"]*)"$', r"\1")


def are_plain(cells: pa.Array, column_type: ColumnType) -> pa.BooleanArray:
    """Which cells have the shape of their type. A regular expression costs more than all else, so few cells meet it."""
    shape = PLAIN_SHAPES[column_type]
    if column_type != "integer":
        return pc.match_substring_regex(cells, shape)
    is_usual = _usual_integers(cells)
    is_other = pc.invert(is_usual)
    return pc.replace_with_mask(is_usual, is_other, pc.match_substring_regex(cells.filter(is_other), shape))


def _usual_integers(cells: pa.Array) -> pa.BooleanArray:
    are_digits = pc.and_not(pc.ascii_is_decimal(cells), pc.starts_with(cells, "0"))
    return pc.and_(are_digits, pc.less_equal(pc.binary_length(cells), _USUAL_DIGITS)).fill_null(False)


def usual_looks(cells: pa.Array, column_type: ColumnType) -> Iterator[pa.BooleanArray]:
    """Which cells look as most do, by what is seen much sooner than their shape: these can be cast, perhaps."""
    lengths = pc.binary_length(cells)
    if column_type == "integer":
        yield _usual_integers(cells)
    elif column_type in TEMPORAL_TYPES:
        usual_length = pc.mode(lengths.slice(0, FIRST))[0]["mode"]
        are_as_long = pc.and_not(pc.equal(lengths, usual_length), pc.starts_with(cells, "0")).fill_null(False)
        yield are_as_long
        yield pc.and_(are_as_long, _hold_only(cells, _OF_MOMENTS))
    else:
        yield pc.and_(pc.greater(lengths, 0).fill_null(False), _hold_only(cells, _OF_NUMBERS))


def _hold_only(cells: pa.Array, characters: str) -> pa.BooleanArray:
    return pc.equal(pc.binary_length(pc.ascii_trim(cells, characters)), 0).fill_null(False)


def come_again(cells: pa.Array) -> bool:
    """Whether there are some of the same already among the first ones: then there are many in all."""
    first = cells.slice(0, FIRST)
    return bool(pc.count_distinct(first).as_py() < len(first) * _NEARLY_ALL)


def code_shapes(cells: pa.Array, column_type: ColumnType) -> list[str]:
    """Which digits with a form that a number does not keep may stand in the cells: seldom any."""
    texts = memory_of(cells)
    is_narrow = b"\xef" not in texts  # no full-width digits
    below_zero = b"-" in texts and b"-0" in texts  # a single byte is found much faster than two
    has_zeros = below_zero or not is_narrow or begin_with_zero(cells)
    shapes = [ZEROS_FIRST] if has_zeros else []
    if column_type != "float" and (b"E" in texts or b"e" in texts):
        shapes.append(BARE_EXPONENT)
    return shapes


def found_shapes(cells: pa.Array, shapes: Sequence[str]) -> pa.BooleanArray | None:
    """Which cells have one of the shapes; None when none has."""
    if not shapes:
        return None
    found = pc.match_substring_regex(cells, "|".join(shapes))
    return found if pc.any(found).as_py() else None


def begin_with_zero(cells: pa.Array) -> bool:
    """Whether any could be `007`; neither 0 nor 0.5 is."""
    zeros = cells.filter(pc.starts_with(cells, "0"))
    is_longer = pc.greater(pc.binary_length(zeros), 1)
    return pc.any(pc.and_not(is_longer, pc.starts_with(zeros, "0."))).as_py() is True


def cast(cells: pa.Array, target: pa.DataType, *, has_letters: bool = True) -> pa.Array | None:
    """All cells at once, or None when one of them cannot be cast as it stands.

    `has_letters`: whether a number may have some, which is looked for then.
    """
    is_decimal = pa.types.is_decimal(target) and not (has_letters and _may_have_exponents(cells))
    if is_decimal and (values := _short_decimals(cells, target)) is not None:
        return values
    try:
        values = pc.cast(cells, target)
    except pa.ArrowInvalid:
        return None
    if target == pa.int64() and has_letters and _has_hexadecimal(cells):
        return None  # no number here, as 0x1F is none beside other odd cells
    if target == pa.float64() and pc.all(pc.is_finite(values)).as_py() is False:
        return None  # "inf" and "nan" are words here, and 1e999 is too large
    return values


def _short_decimals(cells: pa.Array, target: pa.DataType) -> pa.Array | None:
    """Decimals of few digits by way of doubles, which are read in half the time; None where that proves nothing.

    Two decimals of fifteen digits are never the same double. What the cell says is therefore the decimal that was found
    if dividing its digits, which a double holds, gives the double that was read.
    """
    longest = pc.max(pc.binary_length(cells)).as_py() or 0
    if not 0 <= target.scale <= _SURE_DIGITS - longest:
        return None
    power = float(10**target.scale)
    try:
        read = pc.cast(cells, pa.float64())
        digits = pc.cast(pc.floor(pc.add(pc.multiply(read, power), 0.5)), pa.int64())
        if not pc.all(pc.equal(pc.divide(pc.cast(digits, pa.float64()), power), read)).as_py():
            return None
        return pc.cast(digits.view(pa.decimal64(_USUAL_DIGITS, target.scale)), target)
    except pa.ArrowInvalid:
        return None


def _may_have_exponents(cells: pa.Array) -> bool:
    texts = memory_of(cells)
    return b"e" in texts or b"E" in texts


def _has_hexadecimal(cells: pa.Array) -> bool:
    texts = memory_of(cells)
    is_likely = b"x" in texts or b"X" in texts
    return is_likely and any(pc.any(pc.starts_with(cells, mark)).as_py() for mark in ("0x", "0X"))


# A day at the beginning, then nothing or a time. `20260301` and names of months are read one by one.
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?($|[ T].*)"
_YEAR_LAST = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})($|[ T].*)"
_ISO_FROM: dict[DateOrder, str] = {"DMY": r"\3-0\2-0\1\4", "MDY": r"\3-0\1-0\2\4"}


def with_iso_days(cells: pa.Array, order: DateOrder) -> pa.Array:
    """`2026/3/1 9:05` as `2026-03-01 09:05`, so that columns of such cells are cast at once and not one by one."""
    cells = pc.replace_substring_regex(cells, _YEAR_FIRST, r"\1-0\2-0\3\4")
    if order in _ISO_FROM:
        cells = pc.replace_substring_regex(cells, _YEAR_LAST, _ISO_FROM[order])
    cells = pc.replace_substring_regex(cells, r"^(\d{4})-0?(\d\d)-0?(\d\d)", r"\1-\2-\3")
    return pc.replace_substring_regex(cells, r"^(\d{4}-\d\d-\d\d) (\d:)", r"\1 0\2")


def parted(cells: pa.Array, shape: str, mark: DecimalMark) -> tuple[pa.Array, pa.Array]:
    """Those that can be cast, with a decimal point, and the odd ones; each null where the other has a cell."""
    is_plain = pc.match_substring_regex(cells, shape if mark == "." else shape.replace(r"\.", ","))
    plain = pc.if_else(is_plain, cells, NOTHING)
    return plain if mark == "." else pc.replace_substring(plain, ",", "."), pc.if_else(is_plain, NOTHING, cells)
