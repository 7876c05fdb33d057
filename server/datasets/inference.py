"""Which type the cells of a column have, and in which notation, judged on a sample."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.cells import (
    DATE_FORMATS,
    NULL_WORDS,
    NUMBER_FORMATS,
    DecimalMark,
    mark_of,
    order_of,
    read_date,
    read_moment,
    read_number,
    read_truth,
)
from server.datasets.schema import ColumnSpec, ColumnType, FileWarning

_DISTINCT_CELLS = 2_000  # enough to see 1 misfit in 20, few enough to try every type on every column
_FEW = 20  # below so many distinct cells all must fit
_MISFIT_SHARE = 0.05
_SCREENED = 100
# Longer numbers are account, card or order numbers: nobody adds them up, and JavaScript would round them.
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """`distinct` counts different cells of the sample, `misfits` those of them that the type does not hold."""

    type: ColumnType
    format: str | None = None
    misfits: int = 0
    distinct: int = 0
    nulls: int = 0
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    type: ColumnType
    format: str | None
    misfits: int


def infer(cells: pa.Array, *, prefer_mark: DecimalMark = ".", wanted: ColumnSpec | None = None) -> Inferred:
    """The type of a column of texts; a type or format in `wanted` stays as it is."""
    trimmed = pc.utf8_trim_whitespace(cells)
    values = [value for value in pc.unique(trimmed).to_pylist() if value is not None]
    filled = [value for value in values if value.strip().lower() not in NULL_WORDS]
    nulls = len(cells) - _count_in(trimmed, filled)
    step = max(1, len(filled) // _DISTINCT_CELLS)
    distinct = filled[::step][:_DISTINCT_CELLS]
    if wanted is not None and wanted.type is not None:
        best, is_ambiguous = _with_format(distinct, wanted.type, wanted.format, prefer_mark)
    else:
        best, is_ambiguous = _best(distinct, prefer_mark)
    return Inferred(
        type=best.type,
        format=best.format,
        misfits=best.misfits,
        distinct=len(distinct),
        nulls=nulls,
        is_ambiguous=is_ambiguous,
    )


def _count_in(cells: pa.Array, filled: list[str]) -> int:
    return int(pc.sum(pc.is_in(cells, pa.array(filled, pa.string()))).as_py() or 0)


def _best(cells: list[str], prefer_mark: DecimalMark) -> tuple[_Candidate, bool]:
    text = _Candidate(type="text", format=None, misfits=0)
    if not cells or _are_names(cells):
        return text, False
    if all(read_truth(cell) is not None for cell in cells) and not set(cells) <= {"0", "1"}:
        return _Candidate(type="boolean", format=None, misfits=0), False
    allowed = _MISFIT_SHARE * len(cells) if len(cells) >= _FEW else 0
    for candidates in (_moments(cells), _numbers(cells, prefer_mark)):
        fitting = [candidate for candidate in candidates if candidate.misfits <= allowed]
        if fitting:
            best = min(fitting, key=lambda candidate: candidate.misfits)
            return best, _is_ambiguous(best, fitting)
    return text, False


def _moments(cells: list[str]) -> list[_Candidate]:
    return [*_candidates(cells, "date", "."), *_candidates(cells, "datetime", ".")]


def _numbers(cells: list[str], prefer_mark: DecimalMark) -> list[_Candidate]:
    """Integer or decimal in the likelier notation: `1.234` must not become 1234 because whole numbers look simpler."""
    decimal = min(_candidates(cells, "decimal", prefer_mark), key=lambda candidate: candidate.misfits)
    integers = [c for c in _candidates(cells, "integer", prefer_mark) if c.format == decimal.format]
    return [*integers, decimal]


def _are_names(cells: list[str]) -> bool:
    """Digits that are no quantity: leading zeros, very long numbers, telephone numbers."""
    digits = [cell for cell in cells if cell.isdigit()]
    if any(len(cell) > 1 and cell[0] in "0０" for cell in digits):
        return True
    if sum(len(cell) >= _ID_DIGITS for cell in digits) * 20 > len(cells):
        return True
    return sum(re.fullmatch(r"\+\d{6,}", cell) is not None for cell in cells) * 2 > len(cells)


def _with_format(
    cells: list[str], kind: ColumnType, column_format: str | None, prefer_mark: DecimalMark
) -> tuple[_Candidate, bool]:
    candidates = list(_candidates(cells, kind, prefer_mark))
    if column_format is not None and kind in ("integer", "decimal"):
        candidates = [c for c in candidates if mark_of(c.format) == mark_of(column_format)]
    elif column_format is not None and kind in ("date", "datetime"):
        candidates = [c for c in candidates if order_of(c.format) == order_of(column_format)]
    if not candidates:  # digits only, and a date is wanted
        return _Candidate(type=kind, format=column_format or DATE_FORMATS["YMD"], misfits=0), False
    best = min(candidates, key=lambda candidate: candidate.misfits)
    return best, column_format is None and _is_ambiguous(best, candidates)


def _candidates(cells: list[str], kind: ColumnType, prefer_mark: DecimalMark) -> Iterator[_Candidate]:
    """The notations of a type, the likelier first: the first of those that fit equally well is taken."""
    marks: tuple[DecimalMark, ...] = (".", ",") if prefer_mark == "." else (",", ".")
    if kind == "date" or kind == "datetime":
        for order, name in DATE_FORMATS.items() if _could_be_dates(cells) else ():
            read = read_date if kind == "date" else read_moment
            yield _Candidate(type=kind, format=name, misfits=_count(cells, lambda c: read(c, order) is None))  # noqa: B023
    elif kind == "integer":
        for mark in marks:
            misfits = _count(cells, lambda cell: not _is_whole(read_number(cell, mark)))  # noqa: B023
            yield _Candidate(type="integer", format=NUMBER_FORMATS[mark], misfits=misfits)
    elif kind == "decimal":
        for mark in marks:
            misfits = _count(cells, lambda cell: read_number(cell, mark) is None)  # noqa: B023
            yield _Candidate(type="decimal", format=NUMBER_FORMATS[mark], misfits=misfits)
    elif kind == "boolean":
        yield _Candidate(type="boolean", format=None, misfits=_count(cells, lambda cell: read_truth(cell) is None))
    else:
        yield _Candidate(type="text", format=None, misfits=0)


def _count(cells: list[str], is_misfit: Callable[[str], bool]) -> int:
    """Misfits among the cells; a type that fails on most of the first hundred is not tried on the rest."""
    first = sum(map(is_misfit, cells[:_SCREENED]))
    if first * 2 > min(len(cells), _SCREENED):
        return len(cells)
    return first + sum(map(is_misfit, cells[_SCREENED:]))


def _is_whole(number: Decimal | None) -> bool:
    return number is not None and number.adjusted() <= 18 and number == number.to_integral_value()


def _could_be_dates(cells: list[str]) -> bool:
    # `20260301` is a date among dates; one number of eight digits is a number.
    return not all(cell.isdigit() for cell in cells) or (len(cells) > 1 and all(len(cell) == 8 for cell in cells))


def _is_ambiguous(best: _Candidate, fitting: list[_Candidate]) -> bool:
    """Whether day and month could be either: both orders fit as well, and they are not year-first throughout."""
    orders = {order_of(c.format) for c in fitting if c.type == best.type and c.misfits == best.misfits}
    return best.type in ("date", "datetime") and orders == {"DMY", "MDY"}


def ambiguity_warning(name: str, column_format: str | None) -> FileWarning:
    return FileWarning(
        code="ambiguous_dates",
        message="The dates in “{column}” could be day/month or month/day; they are read as {format}. Check this.",
        parameters={"column": name, "format": column_format},
    )
