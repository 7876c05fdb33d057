"""Which type the cells of each column have, and in which notation: judged on a sample, all columns together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pyarrow as pa

from server.datasets.cell_readings import ColumnReading, ColumnSample, ways_to_read
from server.datasets.decimals import NO_DIGITS, Digits
from server.datasets.doubtful_readings import have_no_decimals, notations, noted, of_marks, of_years
from server.datasets.final_types import measured, of_final_type
from server.datasets.number_cells import DecimalMark, is_code
from server.datasets.schema import NUMERIC_TYPES, TEMPORAL_TYPES, ColumnSpec, ColumnType


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
class UsualFormat:
    """How a column of the dataset was written in the file that it got last; None where nobody knows."""

    mark: DecimalMark | None = None
    order: str | None = None


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
    samples = [ColumnSample.of(column) for column in columns]
    choices = [ways_to_read(sample, spec) for sample, spec in zip(samples, wanted, strict=True)]
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
            reading = of_final_type(sample, reading)
        reading = measured(reading)
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
                notations=notations(sample, reading, is_wanted=spec is not None and spec.type is not None),
            )
        )
    return inferred


def _kept(
    choices: Sequence[Sequence[ColumnReading]], usual: Sequence[str | None], types: frozenset[str]
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


def _is_settled(readings: Sequence[ColumnReading], types: frozenset[str]) -> bool:
    """Whether a column tells by itself how numbers, or dates, are written in this file."""
    first = readings[0]
    return first.type in types and len(readings) == 1 and first.notation not in ("", "YMD")


def _chosen(
    sample: ColumnSample,
    readings: Sequence[ColumnReading],
    *,
    mark: str | None,
    is_usual: bool,
    prefer_mark: DecimalMark,
    order: str | None,
) -> ColumnReading:
    """One of the readings: as its neighbours are read, else as files like this usually are, and doubted.

    `is_usual`: only the dataset has this mark, files like this have the other.
    """
    first = readings[0]
    notations = [reading.notation for reading in readings]
    if first.type in NUMERIC_TYPES and first.notation == "":
        return noted(replace(first, notation=mark or prefer_mark))
    if first.type in NUMERIC_TYPES and len(readings) > 1 and have_no_decimals(first):
        return noted(min(readings, key=lambda reading: reading.digits.scale))
    if first.type in NUMERIC_TYPES:
        wanted = mark if mark in notations else prefer_mark
        chosen = next((reading for reading in readings if reading.notation == wanted), first)
        is_told = len(readings) < 2 or (mark is not None and not is_usual)
        doubts = {} if is_told else of_marks(sample.cells, chosen, readings, prefer_mark)
        return noted(replace(chosen, doubts=doubts))
    if first.type in TEMPORAL_TYPES and len(notations) > 1 and "YMD" not in notations:
        chosen = next((reading for reading in readings if reading.notation == order), first)
        doubts = {} if chosen.notation == order else {"ambiguous_dates": {"format": chosen.format}}
        return replace(chosen, doubts={**doubts, **of_years(sample.cells, chosen)})
    return replace(first, doubts=of_years(sample.cells, first)) if first.type in TEMPORAL_TYPES else first
