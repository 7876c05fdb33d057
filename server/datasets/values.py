"""Turn a column of texts into a column of values: whole clean columns at once, odd cells one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import NULL_WORDS, PLAIN, TEXT_NULLS, read_truth
from server.datasets.day_cells import order_of
from server.datasets.decimal_types import decimal_type, digits_of_texts, digits_of_type
from server.datasets.decimals import NO_DIGITS, Digits, digits_of_value, digits_of_values
from server.datasets.number_cells import DecimalMark, mark_of
from server.datasets.odd_cells import CellReader, ReadNumber, number_reader, reader_of, truth
from server.datasets.plain_cells import (
    FIRST,
    NOTHING,
    PLAIN_SHAPES,
    REPEATED_TEXTS,
    are_plain,
    begin_with_zero,
    cast,
    code_shapes,
    come_again,
    found_shapes,
    parted,
    trimmed,
    unguarded_cells,
    usual_looks,
    with_iso_days,
)
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

_NULLS = pa.array(sorted(NULL_WORDS))
_TEXT_NULLS = pa.array(sorted(TEXT_NULLS))
_MANY = 1_000  # cells, of which those that are odd are taken out
_FEW_FIRST = 20
_FEW_ODD = 50  # different cells
_ZEROS = (None, 0, "0", "0.0", "0.00", "-0")
_FEW_OF, _SELDOM_OF = 3, 20  # where they are one of so many at most


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
    is_worth_it = cast(cells.slice(0, FIRST), target) is not None
    if is_worth_it and (values := cast(cells, target)) is not None:
        keeps_codes = column_type in NUMERIC_TYPES and not takes_codes
        if not keeps_codes or not code_shapes(cells, column_type):
            return ConvertedColumn(values, notations=_of_plain(values))
    converted = None
    if known is not None and len(cells) >= _MANY:
        converted = _mostly_usual(cells, column_type, column_format, known, takes_codes=takes_codes)
    if converted is None and known is not None and len(cells) >= _MANY:
        convert = _each_once if come_again(cells) else _mostly_plain
        converted = convert(cells, column_type, column_format, known, takes_codes=takes_codes)
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
    has_codes = keeps_codes and found_shapes(cells, code_shapes(cells, column_type)) is not None
    if is_point and not has_codes and (values := cast(cells, target)) is not None:
        return ConvertedColumn(values, notations=_of_plain(values))
    cells = unguarded_cells(trimmed(cells, _NULLS, folded=True))
    if keeps_codes and (codes := found_shapes(cells, code_shapes(cells, column_type))) is not None:
        others = pc.if_else(codes, NOTHING, cells)
        converted = convert_cells(others, column_type, column_format, known=known)
        converted.misfits += [Misfit(row, "code_not_number") for row in pc.indices_nonzero(codes).to_pylist()]
        return converted
    if column_type in TEMPORAL_TYPES:
        cells = with_iso_days(cells, order)
    if is_point and (values := cast(cells, target)) is not None:
        return ConvertedColumn(values, notations=_of_plain(values))
    plain, odd = parted(cells, PLAIN_SHAPES[column_type], mark if column_type in NUMERIC_TYPES else ".")
    if column_type == "decimal":
        return _decimals(plain, odd, mark, digits_of_type(known) if known else NO_DIGITS)
    notations = _of_plain(plain)
    converted = _read_one_by_one(odd, target, reader_of(column_type, mark, order, notations))
    values = pc.coalesce(pc.cast(plain, target), converted.values)
    return ConvertedColumn(values, converted.misfits, notations)


def _texts(cells: pa.Array) -> pa.Array:
    return unguarded_cells(trimmed(cells, _TEXT_NULLS))


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


def _each_once(
    cells: pa.Array,
    column_type: ColumnType,
    column_format: str | None,
    known: pa.DataType,
    *,
    takes_codes: bool,
) -> ConvertedColumn:
    """Of cells that come again and again. Each different one stands in the place where it came first."""
    encoded = cells.dictionary_encode()
    read = convert_cells(encoded.dictionary, column_type, column_format, known=known, takes_codes=takes_codes)
    rows, codes = _misfits_among(encoded.indices, read.misfits)
    misfits = list(map(Misfit, rows.to_pylist(), codes))
    return ConvertedColumn(read.values.take(encoded.indices), misfits, read.notations)


def _mostly_usual(
    cells: pa.Array,
    column_type: ColumnType,
    column_format: str | None,
    known: pa.DataType,
    *,
    takes_codes: bool,
) -> ConvertedColumn | None:
    """As `_mostly_plain`, where cells are told by less: by how long they are, or by which characters they hold. None
    where that does not tell which can be cast, or leaves too many.
    """
    for are_usual in usual_looks(cells, column_type):
        odd_count = len(cells) - pc.sum(are_usual).as_py()
        if not 0 < odd_count * _SELDOM_OF <= len(cells):
            continue
        usual = pc.if_else(are_usual, cells, NOTHING)
        is_worth_it = cast(usual.slice(0, FIRST), known) is not None  # one that fails takes longer than one of all
        values = cast(usual, known, has_letters=False) if is_worth_it else None
        keeps_codes = column_type in ("decimal", "float") and not takes_codes
        if values is None or (keeps_codes and begin_with_zero(usual)):
            continue
        return _with_odd_cells(
            cells, pc.invert(are_usual), usual, values, column_type, column_format, takes_codes=takes_codes
        )
    return None


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
    is_plain = are_plain(cells, column_type).fill_null(False)
    odd_count = len(cells) - pc.sum(is_plain).as_py()
    if odd_count * _FEW_OF > len(cells):
        return None
    plain = pc.if_else(is_plain, cells, NOTHING) if odd_count else cells
    values = cast(plain, known)
    if values is None:  # decimals with more digits than there were
        digits = digits_of_type(known) | digits_of_texts(plain)
        if not digits.fit:
            return None
        known = decimal_type(digits)
    if values is None:
        values = pc.cast(plain, known)
    return _with_odd_cells(
        cells, pc.invert(is_plain), plain, values, column_type, column_format, takes_codes=takes_codes
    )


def _with_odd_cells(
    cells: pa.Array,
    is_odd: pa.BooleanArray,
    plain: pa.Array,
    values: pa.Array,
    column_type: ColumnType,
    column_format: str | None,
    *,
    takes_codes: bool,
) -> ConvertedColumn | None:
    """`values` are those of the cells that are `plain`. None where the others need more digits than there can be."""
    odd_cells = cells.filter(is_odd)
    texts, places = _different(odd_cells)
    convert = _read_before if len(texts) <= _FEW_ODD else _read_now
    odd = convert(tuple(texts), column_type, column_format, values.type, takes_codes)
    if any(misfit.code == "too_many_digits" for misfit in odd.misfits):
        return None
    if values.type != odd.values.type:
        values = pc.cast(plain, odd.values.type)
    values = pc.replace_with_mask(values, is_odd, odd.values.take(places)) if len(odd_cells) else values
    misfits, codes = _misfits_among(places, odd.misfits)
    rows = pc.indices_nonzero(is_odd).take(misfits) if codes else misfits
    return ConvertedColumn(values, list(map(Misfit, rows.to_pylist(), codes)), odd.notations | _of_plain(plain))


def _different(cells: pa.Array) -> tuple[list[str], pa.Array]:
    """The same few again and again, mostly: each different one, in order where they are few, and where each is."""
    encoded = cells.dictionary_encode()
    texts: list[str] = encoded.dictionary.to_pylist()
    if len(texts) > _FEW_ODD:
        return texts, encoded.indices
    texts.sort()
    return texts, pc.index_in(cells, pa.array(texts, pa.string()))


def _read_now(
    texts: tuple[str, ...],
    column_type: ColumnType,
    column_format: str | None,
    known: pa.DataType,
    takes_codes: bool,
) -> ConvertedColumn:
    cells = pa.array(texts, pa.string())
    return convert_cells(cells, column_type, column_format, known=known, takes_codes=takes_codes)


_read_before = lru_cache(256)(_read_now)  # for each block that has the same odd cells as one before


def _misfits_among(cells: pa.Array, misfits: Sequence[Misfit]) -> tuple[pa.Array, list[str]]:
    """Where among the cells these misfits stand, and what each is. A cell is told by its place in a list of all
    different ones, as are the misfits.
    """
    codes = {misfit.row: misfit.code for misfit in misfits}
    found = pc.index_in(cells, pa.array(codes, cells.type))
    rows, names = pc.indices_nonzero(pc.is_valid(found)), list(codes.values())
    return rows, [names[place] for place in found.take(rows).to_pylist()]


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


def _numbers(cells: pa.DictionaryArray, mark: DecimalMark, notations: set[str]) -> list[ReadNumber]:
    read = number_reader(mark, notations)
    return [read(text) for text in cells.dictionary.to_pylist()]


def _fitting(numbers: list[ReadNumber], room: Digits) -> tuple[Digits, list[ReadNumber]]:
    fitting: list[ReadNumber] = []
    for value, code in numbers:
        wider = room if value is None else room | digits_of_value(value)
        fitting.append((value, code) if wider.fit else (None, "too_many_digits"))
        room = wider if wider.fit else room
    return room, fitting


def _read_one_by_one(cells: pa.Array, target: pa.DataType, read: CellReader) -> ConvertedColumn:
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


def _truths(cells: pa.Array) -> ConvertedColumn:
    if (values := _of_two_words(cells)) is not None:
        return ConvertedColumn(values)
    encoded = cells.dictionary_encode()
    words = unguarded_cells(trimmed(encoded.dictionary, _NULLS, folded=True)).to_pylist()
    return _taken(encoded, [(None, None) if word is None else truth(word) for word in words], pa.bool_())


def _of_two_words(cells: pa.Array) -> pa.BooleanArray | None:
    """Where all cells are one of two words, as the first ones are; None otherwise."""
    words = {read_truth(word or ""): word for word in cells.slice(0, FIRST).unique().to_pylist()}
    if words.keys() != {True, False}:
        return None
    are_true, are_false = pc.equal(cells, words[True]), pc.equal(cells, words[False])
    count = pc.sum(are_true).as_py() + pc.sum(are_false).as_py()
    return are_true if count == len(cells) else None
