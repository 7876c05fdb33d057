"""What a person should look at in a reading of a column: years, marks of numbers, notations that do not go together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from server.datasets.cell_readings import ColumnReading, ColumnSample
from server.datasets.cells import PLAIN
from server.datasets.day_cells import has_short_year, notation_of_time, order_of, read_moment, read_time
from server.datasets.doubts import Doubts, doubts_of_notations
from server.datasets.number_cells import DecimalMark, Number
from server.datasets.schema import NUMERIC_TYPES

_FAR_YEAR = 2040  # of two digits, from then on it is rather of the last century
# The Hijri and the Persian calendar (1300 to 1500) and the Buddhist one (2500 to 2600) are in use for dates of today.
_OF_OTHER_CALENDARS = frozenset({*range(1300, 1500), *range(2500, 2600)})
# Of these, three digits behind a mark are a thousand.
_WITHOUT_THREE_DECIMALS = frozenset({"¥", "₩", "₫", "IDR"})


def of_years(cells: Sequence[str], reading: ColumnReading) -> Doubts:
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


def have_no_decimals(reading: ColumnReading) -> bool:
    """Whether all amounts are of a currency that has at most two of them."""
    return {number.currency for number in reading.numbers if number is not None} <= _WITHOUT_THREE_DECIMALS


def of_marks(
    cells: Sequence[str], chosen: ColumnReading, readings: Sequence[ColumnReading], prefer_mark: DecimalMark
) -> Doubts:
    """`1.234` could be 1234. Not told of `1,234` where commas separate cells: there it is a group everywhere."""
    other = next(reading for reading in readings if reading is not chosen)
    for cell, number, otherwise in zip(cells, chosen.numbers, other.numbers, strict=True):
        if number is None or otherwise is None or ("," in cell and prefer_mark == "."):
            continue
        if number != otherwise:
            return {"ambiguous_numbers": {"value": cell, "reading": f"{number.value:f}"}}
    return {}


def noted(reading: ColumnReading) -> ColumnReading:
    """With the doubt about numbers that do not go together."""
    return replace(reading, doubts={**reading.doubts, **doubts_of_notations(_notations_of(reading.numbers))})


def _notations_of(numbers: Iterable[Number | None]) -> set[str]:
    return {number.notation for number in numbers if number is not None and number.value}


def notations(sample: ColumnSample, reading: ColumnReading, *, is_wanted: bool) -> Set[str]:
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
