"""The ways in which all cells of a sample of a column can be read, and how many of them each leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import NULL_WORDS, TRUTH_PAIRS, plain, read_truth, unguarded
from server.datasets.day_cells import (
    DATE_FORMATS,
    DateOrder,
    could_begin_with_short_year,
    is_day_with_points,
    order_of,
    read_date,
    read_instant,
    read_moment,
)
from server.datasets.decimals import NO_DIGITS, Digits, digits_of_value
from server.datasets.doubts import Doubts
from server.datasets.number_cells import NUMBER_FORMATS, DecimalMark, Number, is_no_amount, mark_of, parse_number
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, ColumnSpec, ColumnType

_DISTINCT_CELLS = 2_000  # enough to see 1 misfit in 20, few enough to try every type on every column
# Longer numbers are account, card or order numbers: nobody adds them up, and JavaScript would round them.
ID_DIGITS = 16
_FEW = 20  # below so many distinct cells all must fit
_MISFIT_SHARE = 0.05
_SCREENED = 100
_CLEARLY = 3  # times as far apart are the days that another order makes of them
# Words that are a truth value even where the column has no other; a country is NO, a sex F.
_UNMISTAKABLE = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReading:
    """One way to read all cells of a column; `numbers` are what each of them gives."""

    type: ColumnType
    notation: str = ""  # a decimal mark or an order of day, month and year
    misfits: int = 0
    numbers: Sequence[Number | None] = ()
    digits: Digits = NO_DIGITS
    doubts: Doubts = field(default_factory=dict)

    @property
    def format(self) -> str | None:
        if self.type in NUMERIC_TYPES:
            return NUMBER_FORMATS["," if self.notation == "," else "."]
        return next((name for order, name in DATE_FORMATS.items() if order == self.notation), None)


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """Different cells of a column that are not empty, and how many are."""

    cells: list[str]
    nulls: int
    is_guarded: bool

    @classmethod
    def of(cls, column: pa.Array) -> ColumnSample:
        trimmed = pc.utf8_trim_whitespace(column)
        values = [value for value in pc.unique(trimmed).to_pylist() if value is not None]
        filled = [value for value in values if value.strip().lower() not in NULL_WORDS]
        nulls = len(column) - int(pc.sum(pc.is_in(trimmed, pa.array(filled, pa.string()))).as_py() or 0)
        step = max(1, len(filled) // _DISTINCT_CELLS)
        distinct = filled[::step][:_DISTINCT_CELLS]
        bare = [unguarded(cell) for cell in distinct]
        return cls(bare, nulls, is_guarded=bare != distinct)

    @property
    def most_misfits(self) -> float:
        return _MISFIT_SHARE * len(self.cells) if len(self.cells) >= _FEW else 0


def ways_to_read(sample: ColumnSample, wanted: ColumnSpec | None) -> list[ColumnReading]:
    """The best ways to read a column, several where it does not tell between them; the likelier first."""
    if wanted is not None and wanted.type is not None:
        return _of_type(sample.cells, wanted.type, wanted.format)
    text = [ColumnReading(type="text")]
    if not sample.cells or sample.is_guarded or _are_names(sample.cells):
        return text
    if _are_truths(sample.cells):
        return [ColumnReading(type="boolean")]
    for kinds in (("date", "datetime"), ("decimal",)):
        best = _likelier(sample.cells, _best([reading for kind in kinds for reading in _ways(sample.cells, kind)]))
        if best and best[0].misfits <= sample.most_misfits:
            return best
    return text


def _of_type(cells: Sequence[str], kind: ColumnType, column_format: str | None) -> list[ColumnReading]:
    ways = list(_ways(cells, kind))
    if column_format is not None and kind in NUMERIC_TYPES:
        ways = [way for way in ways if way.notation == mark_of(column_format)]
    elif column_format is not None and kind in TEMPORAL_TYPES:
        ways = [way for way in ways if way.notation == order_of(column_format)]
    if not ways:  # digits only, and a date is wanted
        return [ColumnReading(type=kind, notation=order_of(column_format))]
    return _likelier(cells, _best(ways)) if kind in TEMPORAL_TYPES else _best(ways)


def _best(ways: Sequence[ColumnReading]) -> list[ColumnReading]:
    """Those with the fewest misfits, all of the type that comes first. Numbers that come out the same are one."""
    if not ways:
        return []
    first = min(ways, key=lambda way: way.misfits)
    best = [way for way in ways if (way.misfits, way.type) == (first.misfits, first.type)]
    if first.type in NUMERIC_TYPES and all(one.numbers == other.numbers for one, other in pairwise(best)):
        return [replace(best[0], notation="")] if len(best) > 1 else best
    return best


def _likelier(cells: Sequence[str], ways: Sequence[ColumnReading]) -> list[ColumnReading]:
    """Where years of two digits may come first or last: the order by which all days are near each other.

    `26-01-31, 26-02-01` are two days in a row or 30 years apart. Both orders stay where that does not tell.
    Between points nobody writes the month first, unless it cannot be otherwise.
    """
    has_points = any(map(is_day_with_points, cells)) and all(
        is_day_with_points(cell) or cell.lstrip()[:4].isdigit() for cell in cells
    )
    if has_points and any(way.notation == "DMY" for way in ways):
        ways = [way for way in ways if way.notation != "MDY"]
    first = [way for way in ways if way.notation == "yMD"]
    last = [way for way in ways if way.notation != "yMD"]
    if not first or not last:
        return list(ways)
    span, other = _span(cells, first[0]), min(_span(cells, way) for way in last)
    if other * _CLEARLY < span:
        return last
    return [*first, *last] if span * _CLEARLY < other else [*last, *first]


def _span(cells: Sequence[str], way: ColumnReading) -> int:
    """How many days lie between the first and the last."""
    order = order_of(way.format)
    days = [moment.toordinal() for moment in (read_moment(cell, order) for cell in cells) if moment is not None]
    return max(days, default=0) - min(days, default=0)


def _ways(cells: Sequence[str], kind: ColumnType) -> Iterator[ColumnReading]:
    if kind in TEMPORAL_TYPES:
        has_short = any(map(could_begin_with_short_year, cells))
        for order in DATE_FORMATS if _could_be_dates(cells) else ():
            if order == "yMD" and not has_short:
                continue
            yield ColumnReading(type=kind, notation=order, misfits=_count(cells, _READERS[kind], order))
    elif kind in NUMERIC_TYPES:
        for mark in NUMBER_FORMATS:
            yield _numbers(cells, kind, mark)
    elif kind == "boolean":
        yield ColumnReading(type=kind, misfits=sum(read_truth(cell) is None for cell in cells))
    else:
        yield ColumnReading(type="text")


_READERS: dict[ColumnType, Callable[[str, DateOrder], Any]] = {
    "date": read_date,
    "datetime": read_moment,
    "timestamp": read_instant,
}


def _count(cells: Sequence[str], read: Callable[[str, DateOrder], Any], order: DateOrder) -> int:
    """Misfits among the cells; a type that fails on most of the first hundred is not tried on the rest."""
    first = sum(read(cell, order) is None for cell in cells[:_SCREENED])
    if first * 2 > min(len(cells), _SCREENED):
        return len(cells)
    return first + sum(read(cell, order) is None for cell in cells[_SCREENED:])


def _numbers(cells: Sequence[str], kind: ColumnType, mark: DecimalMark) -> ColumnReading:
    numbers = [parse_number(cell, mark) for cell in cells[:_SCREENED]]
    if sum(number is None for number in numbers) * 2 > min(len(cells), _SCREENED):
        return ColumnReading(type=kind, notation=mark, misfits=len(cells), numbers=[None] * len(cells))
    numbers += [parse_number(cell, mark) for cell in cells[_SCREENED:]]
    misfits = sum(
        not is_no_amount(cell) if number is None else kind == "integer" and not is_whole(number.value)
        for cell, number in zip(cells, numbers, strict=True)
    )
    return ColumnReading(type=kind, notation=mark, misfits=misfits, numbers=numbers, digits=_digits(numbers))


def _digits(numbers: Iterable[Number | None]) -> Digits:
    """Of all that fit together; the others will be rejects."""
    digits = Digits()
    for number in numbers:
        if number is None or digits.hold(found := digits_of_value(number.value)):
            continue
        if (wider := digits | found).fit:
            digits = wider
    return digits


def is_whole(number: Decimal) -> bool:
    return number.adjusted() <= 18 and number == number.to_integral_value()


def _are_truths(cells: Sequence[str]) -> bool:
    """Whether they are truth values and nothing else: a pair of them, or one that is no name of anything."""
    if set(cells) <= {"0", "1"} or not all(read_truth(cell) is not None for cell in cells):
        return False
    words = {plain(cell).casefold() for cell in cells}
    pairs = [pair for pair in TRUTH_PAIRS if words & set(pair)]
    return any(words >= set(pair) for pair in pairs) or bool(words & _UNMISTAKABLE)


def _are_names(cells: Sequence[str]) -> bool:
    """Digits that are no quantity: leading zeros, very long numbers, telephone numbers."""
    digits = [cell.removeprefix("-") for cell in cells if cell.removeprefix("-").isdigit()]
    if any(len(cell) > 1 and cell[0] in "0０" for cell in digits):
        return True
    if sum(len(cell) >= ID_DIGITS for cell in digits) * 20 > len(cells):
        return True
    if any(cell.endswith("+") for cell in cells) and not any(cell.endswith("-") for cell in cells):
        return True  # `1.25+` is a mark; a plus beside a minus is the sign of an amount
    return sum(re.fullmatch(r"\+\d{6,}", cell) is not None for cell in cells) * 2 > len(cells)


def _could_be_dates(cells: Sequence[str]) -> bool:
    # `20260301` is a date among dates; one number of eight digits is a number.
    return not all(cell.isdigit() for cell in cells) or (len(cells) > 1 and all(len(cell) == 8 for cell in cells))
