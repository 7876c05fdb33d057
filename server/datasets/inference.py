"""Which type the cells of each column have, and in which notation: judged on a sample, all columns together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import (
    DATE_FORMATS,
    FINER_THAN_MICROSECONDS,
    NULL_WORDS,
    NUMBER_FORMATS,
    PLAIN,
    TRUTH_PAIRS,
    DateOrder,
    DecimalMark,
    Number,
    could_begin_with_short_year,
    has_short_year,
    is_code,
    is_day_with_points,
    is_in_utc,
    is_no_amount,
    mark_of,
    notation_of_time,
    order_of,
    parse_number,
    plain,
    read_date,
    read_instant,
    read_moment,
    read_time,
    read_truth,
    unguarded,
)
from server.datasets.decimals import NO_DIGITS, Digits, digits_of_value
from server.datasets.doubts import Doubts, doubts_of_notations
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, ColumnSpec, ColumnType

_DISTINCT_CELLS = 2_000  # enough to see 1 misfit in 20, few enough to try every type on every column
_FEW = 20  # below so many distinct cells all must fit
_MISFIT_SHARE = 0.05
_SCREENED = 100
# Longer numbers are account, card or order numbers: nobody adds them up, and JavaScript would round them.
_ID_DIGITS = 16
_FAR_YEAR = 2040  # of two digits, from then on it is rather of the last century
# The Hijri and the Persian calendar (1300 to 1500) and the Buddhist one (2500 to 2600) are in use for dates of today.
_OF_OTHER_CALENDARS = frozenset({*range(1300, 1500), *range(2500, 2600)})
_CLEARLY = 3  # times as far apart are the days that another order makes of them
_COMPUTED_SCALE = 12  # more decimals than anybody measures or pays
_EXPONENT = re.compile(r"\d[.,]?[eE][+-]?\d")
_FINER = re.compile(FINER_THAN_MICROSECONDS)
_OF_A_QUANTITY = re.compile(r"[.,-]|[eE][+-]")  # no part number has them beside its E
# Words that are a truth value even where the column has no other; a country is NO, a sex F.
_UNMISTAKABLE = frozenset({"true", "false"})
# Of these, three digits behind a mark are a thousand.
_WITHOUT_THREE_DECIMALS = frozenset({"¥", "₩", "₫", "IDR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """`distinct` counts different cells of the sample, `misfits` those of them that the type does not hold.

    `digits` are those that a decimal needs; `doubts` are what a person should look at, by code. `has_codes`: some of
    the sample are digits whose form a number does not keep. `notations`: see notations.py.
    """

    type: ColumnType
    format: str | None = None
    misfits: int = 0
    distinct: int = 0
    nulls: int = 0
    digits: Digits = NO_DIGITS
    doubts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    has_codes: bool = False
    notations: Set[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualFormat:
    """How a column of the dataset was written in the file that it got last; None where nobody knows."""

    mark: DecimalMark | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class _Sample:
    """Different cells of a column that are not empty, and how many are."""

    cells: list[str]
    nulls: int
    is_guarded: bool

    @classmethod
    def of(cls, column: pa.Array) -> _Sample:
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


def infer_all(
    columns: Sequence[pa.Array],
    *,
    prefer_mark: DecimalMark,
    wanted: Sequence[ColumnSpec | None],
    usual: Sequence[UsualFormat | None] = (),
) -> list[Inferred]:
    """The columns of one file: what is clear in one of them settles what is not in its neighbours.

    What was `usual` before settles it unless a neighbour says that this file is written in another way.
    """
    samples = [_Sample.of(column) for column in columns]
    choices = [_readings(sample, spec) for sample, spec in zip(samples, wanted, strict=True)]
    mark = _only(readings[0].notation for readings in choices if _is_settled(readings, NUMERIC_TYPES))
    order = _only(readings[0].notation for readings in choices if _is_settled(readings, TEMPORAL_TYPES))
    inferred = []
    known = [one or UsualFormat() for one in usual] or [UsualFormat()] * len(samples)
    marks = _kept(choices, [one.mark for one in known], NUMERIC_TYPES)
    orders = _kept(choices, [one.order for one in known], TEMPORAL_TYPES)
    for place, (sample, spec, readings) in enumerate(zip(samples, wanted, choices, strict=True)):
        reading = _chosen(
            sample,
            readings,
            mark=marks[place] or mark,
            is_usual=mark is None and marks[place] not in (None, prefer_mark),
            prefer_mark=prefer_mark,
            order=orders[place] or order,
        )
        if spec is None or spec.type is None:
            reading = _typed(sample, reading)
        reading = _measured(reading)
        inferred.append(
            Inferred(
                type=reading.type,
                format=reading.format,
                misfits=reading.misfits,
                distinct=len(sample.cells),
                nulls=sample.nulls,
                digits=reading.digits,
                doubts=reading.doubts,
                has_codes=any(map(is_code, sample.cells)),
                notations=_notations(sample, reading, is_wanted=spec is not None and spec.type is not None),
            )
        )
    return inferred


def _kept(
    choices: Sequence[Sequence[_Reading]], usual: Sequence[str | None], types: frozenset[str]
) -> Sequence[str | None]:
    """What was usual, if no column tells that this file is written in another way than it was."""
    is_kept = all(
        readings[0].notation == before
        for readings, before in zip(choices, usual, strict=True)
        if before is not None and _is_settled(readings, types)
    )
    return usual if is_kept else [None] * len(usual)


_T = TypeVar("_T")


def _only(values: Iterable[_T]) -> _T | None:
    """The one value that all have; None when there is none, or they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _is_settled(readings: Sequence[_Reading], types: frozenset[str]) -> bool:
    """Whether a column tells by itself how numbers, or dates, are written in this file."""
    first = readings[0]
    return first.type in types and len(readings) == 1 and first.notation not in ("", "YMD")


def _readings(sample: _Sample, wanted: ColumnSpec | None) -> list[_Reading]:
    """The best ways to read a column, several where it does not tell between them; the likelier first."""
    if wanted is not None and wanted.type is not None:
        return _of_type(sample.cells, wanted.type, wanted.format)
    text = [_Reading(type="text")]
    if not sample.cells or sample.is_guarded or _are_names(sample.cells):
        return text
    if _are_truths(sample.cells):
        return [_Reading(type="boolean")]
    for kinds in (("date", "datetime"), ("decimal",)):
        best = _likelier(sample.cells, _best([reading for kind in kinds for reading in _ways(sample.cells, kind)]))
        if best and best[0].misfits <= sample.most_misfits:
            return best
    return text


def _of_type(cells: Sequence[str], kind: ColumnType, column_format: str | None) -> list[_Reading]:
    ways = list(_ways(cells, kind))
    if column_format is not None and kind in NUMERIC_TYPES:
        ways = [way for way in ways if way.notation == mark_of(column_format)]
    elif column_format is not None and kind in TEMPORAL_TYPES:
        ways = [way for way in ways if way.notation == order_of(column_format)]
    if not ways:  # digits only, and a date is wanted
        return [_Reading(type=kind, notation=order_of(column_format))]
    return _likelier(cells, _best(ways)) if kind in TEMPORAL_TYPES else _best(ways)


def _best(ways: Sequence[_Reading]) -> list[_Reading]:
    """Those with the fewest misfits, all of the type that comes first. Numbers that come out the same are one."""
    if not ways:
        return []
    first = min(ways, key=lambda way: way.misfits)
    best = [way for way in ways if (way.misfits, way.type) == (first.misfits, first.type)]
    if first.type in NUMERIC_TYPES and all(one.numbers == other.numbers for one, other in pairwise(best)):
        return [replace(best[0], notation="")] if len(best) > 1 else best
    return best


def _likelier(cells: Sequence[str], ways: Sequence[_Reading]) -> list[_Reading]:
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


def _span(cells: Sequence[str], way: _Reading) -> int:
    """How many days lie between the first and the last."""
    order = order_of(way.format)
    days = [moment.toordinal() for moment in (read_moment(cell, order) for cell in cells) if moment is not None]
    return max(days, default=0) - min(days, default=0)


def _ways(cells: Sequence[str], kind: ColumnType) -> Iterator[_Reading]:
    if kind in TEMPORAL_TYPES:
        has_short = any(map(could_begin_with_short_year, cells))
        for order in DATE_FORMATS if _could_be_dates(cells) else ():
            if order == "yMD" and not has_short:
                continue
            yield _Reading(type=kind, notation=order, misfits=_count(cells, _READERS[kind], order))
    elif kind in NUMERIC_TYPES:
        for mark in NUMBER_FORMATS:
            yield _numbers(cells, kind, mark)
    elif kind == "boolean":
        yield _Reading(type=kind, misfits=sum(read_truth(cell) is None for cell in cells))
    else:
        yield _Reading(type="text")


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


def _numbers(cells: Sequence[str], kind: ColumnType, mark: DecimalMark) -> _Reading:
    numbers = [parse_number(cell, mark) for cell in cells[:_SCREENED]]
    if sum(number is None for number in numbers) * 2 > min(len(cells), _SCREENED):
        return _Reading(type=kind, notation=mark, misfits=len(cells), numbers=[None] * len(cells))
    numbers += [parse_number(cell, mark) for cell in cells[_SCREENED:]]
    misfits = sum(
        not is_no_amount(cell) if number is None else kind == "integer" and not _is_whole(number.value)
        for cell, number in zip(cells, numbers, strict=True)
    )
    return _Reading(type=kind, notation=mark, misfits=misfits, numbers=numbers, digits=_digits(numbers))


def _digits(numbers: Iterable[Number | None]) -> Digits:
    """Of all that fit together; the others will be rejects."""
    digits = Digits()
    for number in numbers:
        if number is None or digits.hold(found := digits_of_value(number.value)):
            continue
        if (wider := digits | found).fit:
            digits = wider
    return digits


def _is_whole(number: Decimal) -> bool:
    return number.adjusted() <= 18 and number == number.to_integral_value()


def _chosen(
    sample: _Sample,
    readings: Sequence[_Reading],
    *,
    mark: str | None,
    is_usual: bool,
    prefer_mark: DecimalMark,
    order: str | None,
) -> _Reading:
    """One of the readings: as its neighbours are read, else as files like this usually are, and doubted.

    `is_usual`: only the dataset has this mark, files like this have the other.
    """
    first = readings[0]
    notations = [reading.notation for reading in readings]
    if first.type in NUMERIC_TYPES and first.notation == "":
        return _noted(replace(first, notation=mark or prefer_mark))
    if first.type in NUMERIC_TYPES and len(readings) > 1 and _have_no_decimals(first):
        return _noted(min(readings, key=lambda reading: reading.digits.scale))
    if first.type in NUMERIC_TYPES:
        wanted = mark if mark in notations else prefer_mark
        chosen = next((reading for reading in readings if reading.notation == wanted), first)
        is_told = len(readings) < 2 or (mark is not None and not is_usual)
        doubts = {} if is_told else _of_marks(sample.cells, chosen, readings, prefer_mark)
        return _noted(replace(chosen, doubts=doubts))
    if first.type in TEMPORAL_TYPES and len(notations) > 1 and "YMD" not in notations:
        chosen = next((reading for reading in readings if reading.notation == order), first)
        doubts = {} if chosen.notation == order else {"ambiguous_dates": {"format": chosen.format}}
        return replace(chosen, doubts={**doubts, **_of_years(sample.cells, chosen)})
    return replace(first, doubts=_of_years(sample.cells, first)) if first.type in TEMPORAL_TYPES else first


def _of_years(cells: Sequence[str], reading: _Reading) -> Doubts:
    """Years of two digits that may be of the other century, and those that another calendar counts."""
    order = order_of(reading.format)
    days = [(cell, moment) for cell in cells if (moment := read_moment(cell, order)) is not None]
    if days and all(moment.year in _OF_OTHER_CALENDARS for _, moment in days):
        return {"other_calendar": {"value": days[0][0]}}
    latest = max(days, key=lambda day: day[1], default=None)
    if latest is None or latest[1].year < _FAR_YEAR or latest[1].year >= 2069:
        return {}
    far = next((day for day in days if day[1].year >= _FAR_YEAR and has_short_year(day[0], order)), None)
    return {} if far is None else {"short_years": {"value": far[0], "reading": far[1].date().isoformat()}}


def _have_no_decimals(reading: _Reading) -> bool:
    """Whether all amounts are of a currency that has at most two of them."""
    return {number.currency for number in reading.numbers if number is not None} <= _WITHOUT_THREE_DECIMALS


def _of_marks(cells: Sequence[str], chosen: _Reading, readings: Sequence[_Reading], prefer_mark: DecimalMark) -> Doubts:
    """`1.234` could be 1234. Not told of `1,234` where commas separate cells: there it is a group everywhere."""
    other = next(reading for reading in readings if reading is not chosen)
    for cell, number, otherwise in zip(cells, chosen.numbers, other.numbers, strict=True):
        if number is None or otherwise is None or ("," in cell and prefer_mark == "."):
            continue
        if number != otherwise:
            return {"ambiguous_numbers": {"value": cell, "reading": f"{number.value:f}"}}
    return {}


def _noted(reading: _Reading) -> _Reading:
    """With the doubt about numbers that do not go together."""
    return replace(reading, doubts={**reading.doubts, **doubts_of_notations(_notations_of(reading.numbers))})


def _notations_of(numbers: Iterable[Number | None]) -> set[str]:
    return {number.notation for number in numbers if number is not None and number.value}


def _notations(sample: _Sample, reading: _Reading, *, is_wanted: bool) -> Set[str]:
    """`is_wanted`: of a type that somebody chose. Times with an offset are of another type where nobody did."""
    if reading.type in NUMERIC_TYPES:
        return _notations_of(reading.numbers)
    if reading.type != "datetime":
        return frozenset()
    if not is_wanted:
        return {PLAIN}
    order = order_of(reading.format)
    times = ((cell, read_time(cell, order)) for cell in sample.cells)
    return {notation_of_time(cell, time) for cell, time in times if time is not None}


def _measured(reading: _Reading) -> _Reading:
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
    return len(number.as_tuple().digits) >= _ID_DIGITS


def _is_exact(number: Decimal) -> bool:
    return Decimal(repr(float(number))) == number


def _typed(sample: _Sample, reading: _Reading) -> _Reading:
    """The type in the end: whole numbers, exact or floating ones, moments; text for what these would change."""
    if reading.type == "datetime":
        return _as_moments(sample.cells, reading)
    if reading.type != "decimal":
        return reading
    text = _Reading(type="text", doubts=reading.doubts)
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
    if reading.digits.scale <= 1 and all(map(_is_whole, values)):
        return replace(reading, type="integer")
    return replace(reading, misfits=reading.misfits + too_long)


def _as_moments(cells: Sequence[str], reading: _Reading) -> _Reading:
    finer = next((cell for cell in cells if _FINER.search(cell)), None)
    if finer is not None:
        return _Reading(type="text", doubts={"finer_than_microseconds": {"value": finer}})
    order = order_of(reading.format)
    moments = [(read_moment(cell, order), read_instant(cell, order)) for cell in cells]
    with_offset = sum(instant is not None for _, instant in moments)
    if not with_offset:
        return reading
    if with_offset < sum(moment is not None for moment, _ in moments):
        return _Reading(type="text", doubts={"mixed_offsets": {}})
    is_moved = not all(map(is_in_utc, cells))
    doubts: Doubts = {**reading.doubts, **({"times_in_utc": {}} if is_moved else {})}
    return replace(reading, type="timestamp", doubts=doubts)


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
    if sum(len(cell) >= _ID_DIGITS for cell in digits) * 20 > len(cells):
        return True
    if any(cell.endswith("+") for cell in cells) and not any(cell.endswith("-") for cell in cells):
        return True  # `1.25+` is a mark; a plus beside a minus is the sign of an amount
    return sum(re.fullmatch(r"\+\d{6,}", cell) is not None for cell in cells) * 2 > len(cells)


def _could_be_dates(cells: Sequence[str]) -> bool:
    # `20260301` is a date among dates; one number of eight digits is a number.
    return not all(cell.isdigit() for cell in cells) or (len(cells) > 1 and all(len(cell) == 8 for cell in cells))
