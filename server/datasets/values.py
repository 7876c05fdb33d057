"""Turn a column of texts into a column of values: whole clean columns at once, odd cells one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.arrow_texts import memory_of
from server.datasets.cells import (
    BARE_EXPONENT,
    NULL_WORDS,
    PLAIN,
    TEXT_NULLS,
    ZEROS_FIRST,
    DateOrder,
    DecimalMark,
    is_no_amount,
    mark_of,
    notation_of_time,
    order_of,
    parse_number,
    read_date,
    read_instant,
    read_moment,
    read_time,
    read_truth,
)
from server.datasets.decimal_types import decimal_type, digits_of_texts, digits_of_type
from server.datasets.decimals import NO_DIGITS, Digits, digits_of_value, digits_of_values
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, ColumnType

# Of all types but decimals, whose digits are found in the file.
_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
}
REPEATED_TEXTS = pa.dictionary(pa.int32(), pa.string())  # of a column of few different texts, until it is written
_INT64 = range(-(2**63), 2**63)

# Cells of these shapes can be cast without looking at them one by one: no 29th of February, no 19th digit, no code.
_DAY = r"[12]\d\d\d-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_CLOCK = r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_PLAIN_SHAPES: dict[ColumnType, str] = {
    "integer": r"^-?(?:0|[1-9]\d{0,17})$",
    "decimal": r"^[+-]?(?:0|[1-9]\d{0,37})(?:\.\d{1,38})?$",
    "float": r"^[+-]?(?:0|[1-9]\d{0,16})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?$",
    "date": rf"^{_DAY}$",
    "datetime": rf"^{_DAY}(?:{_CLOCK})?$",
    "timestamp": rf"^{_DAY}{_CLOCK}(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$",
}
_NULLS = pa.array(sorted(NULL_WORDS))
_TEXT_NULLS = pa.array(sorted(TEXT_NULLS))
_NOTHING = pa.scalar(None, pa.string())
_MANY = 1_000  # cells, of which those that are odd are taken out
_USUAL_DIGITS = 18  # of integers, all of which fit
_SURE_DIGITS = 15  # of a decimal that a double tells from every other one
_FIRST, _NEARLY_ALL = 2_000, 0.95
_FEW_FIRST = 20
_ZEROS = (None, 0, "0", "0.0", "0.00", "-0")
_FEW_OF = 3  # where they are one of three at most


@dataclass(slots=True)
class Misfit:
    """A cell that does not fit its column: which row, and why."""

    row: int
    code: str


@dataclass(slots=True)
class ConvertedColumn:
    """The values, null where a cell was empty or did not fit; the latter are listed.

    `notations` are those of its values that change what they mean together (see notations.py).
    """

    values: pa.Array
    misfits: list[Misfit] = field(default_factory=list)
    notations: set[str] = field(default_factory=set)


def arrow_type(column_type: ColumnType, digits: Digits) -> pa.DataType:
    """`digits` are of a decimal."""
    return decimal_type(digits) if column_type == "decimal" else _ARROW_TYPES[column_type]


def convert_cells(
    cells: pa.Array,
    column_type: ColumnType,
    column_format: str | None = None,
    *,
    known: pa.DataType | None = None,
    takes_codes: bool = True,
) -> ConvertedColumn:
    """`cells` are texts as they stand in the file. A decimal has at least the digits of `known`, and those it needs.

    `takes_codes`: `007` is 7 in a column of numbers; otherwise it does not fit.
    """
    if column_type == "text":
        return ConvertedColumn(_repeated_texts(cells) if known == REPEATED_TEXTS else _texts(cells))
    if column_type == "boolean":
        return _truths(cells)
    is_point = column_type not in NUMERIC_TYPES or mark_of(column_format) == "."
    if not is_point:
        return _read_closely(cells, column_type, column_format, known=known, takes_codes=takes_codes)
    target = known or arrow_type(column_type, NO_DIGITS)
    is_worth_it = _cast(cells.slice(0, _FIRST), target) is not None
    if is_worth_it and (values := _cast(cells, target)) is not None:
        keeps_codes = column_type in NUMERIC_TYPES and not takes_codes
        if not keeps_codes or not _code_shapes(cells, column_type):
            return ConvertedColumn(values, notations=_of_plain(values))
    converted = None
    if known is not None and len(cells) >= _MANY:
        converted = _mostly_plain(cells, column_type, column_format, known, takes_codes=takes_codes)
    return converted or _read_closely(cells, column_type, column_format, known=known, takes_codes=takes_codes)


def _read_closely(
    cells: pa.Array,
    column_type: ColumnType,
    column_format: str | None,
    *,
    known: pa.DataType | None,
    takes_codes: bool,
) -> ConvertedColumn:
    mark, order = mark_of(column_format), order_of(column_format)
    target = known or arrow_type(column_type, NO_DIGITS)
    is_point = column_type not in NUMERIC_TYPES or mark == "."
    keeps_codes = column_type in NUMERIC_TYPES and not takes_codes
    has_codes = keeps_codes and _found(cells, _code_shapes(cells, column_type)) is not None
    if is_point and not has_codes and (values := _cast(cells, target)) is not None:
        return ConvertedColumn(values, notations=_of_plain(values))
    cells = _unguarded(_trimmed(cells, _NULLS, folded=True))
    if keeps_codes and (codes := _found(cells, _code_shapes(cells, column_type))) is not None:
        others = pc.if_else(codes, _NOTHING, cells)
        converted = convert_cells(others, column_type, column_format, known=known)
        converted.misfits += [Misfit(row, "code_not_number") for row in pc.indices_nonzero(codes).to_pylist()]
        return converted
    if column_type in TEMPORAL_TYPES:
        cells = _with_iso_days(cells, order)
    if is_point and (values := _cast(cells, target)) is not None:
        return ConvertedColumn(values, notations=_of_plain(values))
    plain, odd = _parted(cells, _PLAIN_SHAPES[column_type], mark if column_type in NUMERIC_TYPES else ".")
    if column_type == "decimal":
        return _decimals(plain, odd, mark, digits_of_type(known) if known else NO_DIGITS)
    notations = _of_plain(plain)
    converted = _read_one_by_one(odd, target, _reader(column_type, mark, order, notations))
    values = pc.coalesce(pc.cast(plain, target), converted.values)
    return ConvertedColumn(values, converted.misfits, notations)


def _texts(cells: pa.Array) -> pa.Array:
    return _unguarded(_trimmed(cells, _TEXT_NULLS))


def _repeated_texts(cells: pa.Array) -> pa.DictionaryArray:
    """Each different text is looked at once."""
    encoded = cells.dictionary_encode()
    texts = _texts(encoded.dictionary)
    return encoded if texts.equals(encoded.dictionary) else texts.take(encoded.indices).dictionary_encode()


def _of_plain(cells: pa.Array) -> set[str]:
    """Of values, or of texts that can be cast. Nothing is nothing in every notation: 0 beside 5% is no other one."""
    if any(value not in _ZEROS for value in cells.slice(0, _FEW_FIRST).to_pylist()):
        return {PLAIN}
    if pa.types.is_string(cells.type):
        is_zero = pc.is_in(cells, pa.array(_ZEROS[2:], pa.string()))
    elif pa.types.is_temporal(cells.type):
        is_zero = pc.is_null(cells)
    else:
        is_zero = pc.equal(cells, pa.scalar(Decimal(0) if pa.types.is_decimal(cells.type) else 0, cells.type))
    return {PLAIN} if pc.any(pc.invert(pc.or_(is_zero.fill_null(True), pc.is_null(cells)))).as_py() else set()


def _trimmed(cells: pa.Array, nulls: pa.Array, *, folded: bool = False) -> pa.Array:
    cells = pc.utf8_trim_whitespace(cells)
    if (pc.min(pc.binary_length(cells)).as_py() or 0) > pc.max(pc.binary_length(nulls)).as_py():
        return cells
    is_nothing = pc.is_in(pc.utf8_lower(cells) if folded else cells, nulls)
    return pc.if_else(is_nothing, _NOTHING, cells) if pc.any(is_nothing).as_py() else cells


def _unguarded(cells: pa.Array) -> pa.Array:
    """See `cells.unguarded`."""
    if b"=" not in memory_of(cells) or not pc.any(pc.starts_with(cells, '="')).as_py():
        return cells
    return pc.replace_substring_regex(cells, r'^="([^"]*)"$', r"\1")


def _mostly_plain(
    cells: pa.Array,
    column_type: ColumnType,
    column_format: str | None,
    known: pa.DataType,
    *,
    takes_codes: bool,
) -> ConvertedColumn | None:
    """The cells that can be cast as they stand, and what is made of the others without them; None where most are.

    Also None where decimals have more digits together than there can be: then it matters which come first.
    """
    is_plain = _are_plain(cells, column_type).fill_null(False)
    odd_count = len(cells) - pc.sum(is_plain).as_py()
    if odd_count * _FEW_OF > len(cells):
        return None
    plain = pc.if_else(is_plain, cells, _NOTHING) if odd_count else cells
    values = _cast(plain, known)
    if values is None:  # decimals with more digits than there were
        digits = digits_of_type(known) | digits_of_texts(plain)
        if not digits.fit:
            return None
        known = decimal_type(digits)
    is_odd = pc.invert(is_plain)
    odd_cells = cells.filter(is_odd).dictionary_encode()  # the same again and again, mostly
    odd = convert_cells(odd_cells.dictionary, column_type, column_format, known=known, takes_codes=takes_codes)
    if any(misfit.code == "too_many_digits" for misfit in odd.misfits):
        return None
    if values is None or values.type != odd.values.type:
        values = pc.cast(plain, odd.values.type)
    values = pc.replace_with_mask(values, is_odd, odd.values.take(odd_cells.indices)) if odd_count else values
    codes = {misfit.row: misfit.code for misfit in odd.misfits}
    places = zip(pc.indices_nonzero(is_odd).to_pylist(), odd_cells.indices.to_pylist(), strict=True)
    misfits = [Misfit(place, codes[index]) for place, index in places if index in codes]
    return ConvertedColumn(values, misfits, odd.notations | _of_plain(plain))


def _are_plain(cells: pa.Array, column_type: ColumnType) -> pa.BooleanArray:
    """Which cells have the shape of their type. A regular expression costs more than all else, so few cells meet it."""
    shape = _PLAIN_SHAPES[column_type]
    if column_type in TEMPORAL_TYPES and _come_again(cells):
        moments = cells.dictionary_encode()
        return pc.match_substring_regex(moments.dictionary, shape).take(moments.indices)
    if column_type != "integer":
        return pc.match_substring_regex(cells, shape)
    is_usual = pc.and_not(pc.ascii_is_decimal(cells), pc.starts_with(cells, "0"))
    is_usual = pc.and_(is_usual, pc.less_equal(pc.binary_length(cells), _USUAL_DIGITS)).fill_null(False)
    is_other = pc.invert(is_usual)
    return pc.replace_with_mask(is_usual, is_other, pc.match_substring_regex(cells.filter(is_other), shape))


def _come_again(cells: pa.Array) -> bool:
    """Whether there are some of the same already among the first ones: then there are many in all."""
    first = cells.slice(0, _FIRST)
    return bool(pc.count_distinct(first).as_py() < len(first) * _NEARLY_ALL)


def _code_shapes(cells: pa.Array, column_type: ColumnType) -> list[str]:
    """Which digits with a form that a number does not keep may stand in the cells: seldom any."""
    texts = memory_of(cells)
    is_narrow = b"\xef" not in texts  # no full-width digits
    below_zero = b"-" in texts and b"-0" in texts  # a single byte is found much faster than two
    has_zeros = below_zero or not is_narrow or _begin_with_zero(cells)
    shapes = [ZEROS_FIRST] if has_zeros else []
    if column_type != "float" and (b"E" in texts or b"e" in texts):
        shapes.append(BARE_EXPONENT)
    return shapes


def _found(cells: pa.Array, shapes: Sequence[str]) -> pa.BooleanArray | None:
    """Which cells have one of the shapes; None when none has."""
    if not shapes:
        return None
    found = pc.match_substring_regex(cells, "|".join(shapes))
    return found if pc.any(found).as_py() else None


def _begin_with_zero(cells: pa.Array) -> bool:
    """Whether any could be `007`; neither 0 nor 0.5 is."""
    zeros = cells.filter(pc.starts_with(cells, "0"))
    is_longer = pc.greater(pc.binary_length(zeros), 1)
    return pc.any(pc.and_not(is_longer, pc.starts_with(zeros, "0."))).as_py() is True


def _cast(cells: pa.Array, target: pa.DataType) -> pa.Array | None:
    """All cells at once, or None when one of them cannot be cast as it stands."""
    if pa.types.is_decimal(target) and (values := _short_decimals(cells, target)) is not None:
        return values
    try:
        values = pc.cast(cells, target)
    except pa.ArrowInvalid:
        return None
    if target == pa.int64() and _has_hexadecimal(cells):
        return None  # no number here, as 0x1F is none beside other odd cells
    if target == pa.float64() and pc.all(pc.is_finite(values)).as_py() is False:
        return None  # "inf" and "nan" are words here, and 1e999 is too large
    return values


def _short_decimals(cells: pa.Array, target: pa.DataType) -> pa.Array | None:
    """Decimals of few digits by way of doubles, which are read in half the time; None where that proves nothing.

    Two decimals of fifteen digits are never the same double. What the cell says is therefore the decimal that was found
    if dividing its digits, which a double holds, gives the double that was read.
    """
    texts, longest = memory_of(cells), pc.max(pc.binary_length(cells)).as_py() or 0
    if not 0 <= target.scale <= _SURE_DIGITS - longest or b"e" in texts or b"E" in texts:
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


def _has_hexadecimal(cells: pa.Array) -> bool:
    texts = memory_of(cells)
    is_likely = b"x" in texts or b"X" in texts
    return is_likely and any(pc.any(pc.starts_with(cells, mark)).as_py() for mark in ("0x", "0X"))


# A day at the beginning, then nothing or a time. `20260301` and names of months are read one by one.
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?($|[ T].*)"
_YEAR_LAST = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})($|[ T].*)"
_ISO_FROM: dict[DateOrder, str] = {"DMY": r"\3-0\2-0\1\4", "MDY": r"\3-0\1-0\2\4"}


def _with_iso_days(cells: pa.Array, order: DateOrder) -> pa.Array:
    """`2026/3/1 9:05` as `2026-03-01 09:05`, so that columns of such cells are cast at once and not one by one."""
    cells = pc.replace_substring_regex(cells, _YEAR_FIRST, r"\1-0\2-0\3\4")
    if order in _ISO_FROM:
        cells = pc.replace_substring_regex(cells, _YEAR_LAST, _ISO_FROM[order])
    cells = pc.replace_substring_regex(cells, r"^(\d{4})-0?(\d\d)-0?(\d\d)", r"\1-\2-\3")
    return pc.replace_substring_regex(cells, r"^(\d{4}-\d\d-\d\d) (\d:)", r"\1 0\2")


def _parted(cells: pa.Array, shape: str, mark: DecimalMark) -> tuple[pa.Array, pa.Array]:
    """Those that can be cast, with a decimal point, and the odd ones; each null where the other has a cell."""
    is_plain = pc.match_substring_regex(cells, shape if mark == "." else shape.replace(r"\.", ","))
    plain = pc.if_else(is_plain, cells, _NOTHING)
    return plain if mark == "." else pc.replace_substring(plain, ",", "."), pc.if_else(is_plain, _NOTHING, cells)


_Reader = Callable[[str], tuple[Any, str | None]]


def _decimals(plain: pa.Array, odd: pa.Array, mark: DecimalMark, room: Digits) -> ConvertedColumn:
    """All cells in as many digits as they need together. When these are more than there can be, as many as fit."""
    notations = _of_plain(plain)
    odd = odd.dictionary_encode()
    numbers = _numbers(odd, mark, notations)
    needed = room | digits_of_texts(plain) | digits_of_values(value for value, _ in numbers if value is not None)
    if needed.fit:
        target = decimal_type(needed)
        converted = _taken(odd, numbers, target)
        values = pc.coalesce(pc.cast(plain, target), converted.values)
        return ConvertedColumn(values, converted.misfits, notations)
    plain = plain.dictionary_encode()
    room, plain_numbers = _fitting(_numbers(plain, ".", notations), room)
    room, odd_numbers = _fitting(numbers, room)
    target = decimal_type(room)
    first, second = _taken(plain, plain_numbers, target), _taken(odd, odd_numbers, target)
    return ConvertedColumn(pc.coalesce(first.values, second.values), first.misfits + second.misfits, notations)


_Number = tuple[Decimal | None, str | None]


def _numbers(cells: pa.DictionaryArray, mark: DecimalMark, notations: set[str]) -> list[_Number]:
    read = _number_reader(mark, notations)
    return [read(text) for text in cells.dictionary.to_pylist()]


def _fitting(numbers: list[_Number], room: Digits) -> tuple[Digits, list[_Number]]:
    fitting: list[_Number] = []
    for value, code in numbers:
        wider = room if value is None else room | digits_of_value(value)
        fitting.append((value, code) if wider.fit else (None, "too_many_digits"))
        room = wider if wider.fit else room
    return room, fitting


def _read_one_by_one(cells: pa.Array, target: pa.DataType, read: _Reader) -> ConvertedColumn:
    """Each distinct cell is read once: a year has few days, however many rows."""
    encoded = cells.dictionary_encode()
    return _taken(encoded, [read(text) for text in encoded.dictionary.to_pylist()], target)


def _taken(
    encoded: pa.DictionaryArray, results: Sequence[tuple[Any, str | None]], target: pa.DataType
) -> ConvertedColumn:
    values = pa.array([value for value, _ in results], target).take(encoded.indices)
    codes = [code for _, code in results]
    if not any(codes):
        return ConvertedColumn(values)
    found = pa.array(codes, pa.string()).take(encoded.indices)
    rows = pc.indices_nonzero(pc.is_valid(found))
    misfits = [Misfit(row, code) for row, code in zip(rows.to_pylist(), found.take(rows).to_pylist(), strict=True)]
    return ConvertedColumn(values, misfits)


def _number_reader(mark: DecimalMark, notations: set[str]) -> Callable[[str], _Number]:
    def read(text: str) -> _Number:
        number = parse_number(text, mark)
        if number is None:
            return None, None if is_no_amount(text) else "not_a_number"
        if number.value:
            notations.add(number.notation)
        return number.value, None

    return read


def _truths(cells: pa.Array) -> ConvertedColumn:
    if (values := _of_two_words(cells)) is not None:
        return ConvertedColumn(values)
    encoded = cells.dictionary_encode()
    words = _unguarded(_trimmed(encoded.dictionary, _NULLS, folded=True)).to_pylist()
    return _taken(encoded, [(None, None) if word is None else _truth(word) for word in words], pa.bool_())


def _of_two_words(cells: pa.Array) -> pa.BooleanArray | None:
    """Where all cells are one of two words, as the first ones are; None otherwise."""
    words = {read_truth(word or ""): word for word in cells.slice(0, _FIRST).unique().to_pylist()}
    if words.keys() != {True, False}:
        return None
    are_true, are_false = pc.equal(cells, words[True]), pc.equal(cells, words[False])
    count = pc.sum(are_true).as_py() + pc.sum(are_false).as_py()
    return are_true if count == len(cells) else None


def _truth(text: str) -> tuple[bool | None, str | None]:
    value = read_truth(text)
    return value, "not_a_truth_value" if value is None else None


def _reader(column_type: ColumnType, mark: DecimalMark, order: DateOrder, notations: set[str]) -> _Reader:
    if column_type == "datetime":
        return lambda text: _moment(text, order, notations)
    if column_type in TEMPORAL_TYPES:
        read = {"date": _day, "timestamp": _instant}[column_type]
        return lambda text: read(text, order)
    number = _number_reader(mark, notations)
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
