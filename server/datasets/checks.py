"""What a column's values must keep besides their type: required, min, max, one_of. (`unique` is in duplicates.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.schema import ColumnSpec, ColumnType, columns_do_not_fit
from server.datasets.values import ARROW_TYPES, Misfit, convert_cells
from server.errors import FieldError

_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True)
class ColumnChecks:
    """The checks of one column, with their limits as values of the column's type."""

    required: bool
    low: pa.Scalar | None
    high: pa.Scalar | None
    allowed: pa.Array | None

    @classmethod
    def of(cls, spec: ColumnSpec, column_type: ColumnType, index: int) -> ColumnChecks:
        """Raises `InvalidInput` naming the limit that is no value of the column's type."""
        field = f"options.columns[{index}]"
        allowed = None
        if spec.one_of is not None:
            allowed = _values(spec.one_of, column_type, spec.format, f"{field}.one_of")
        return cls(
            required=spec.required,
            low=_limit(spec.min, column_type, spec.format, f"{field}.min"),
            high=_limit(spec.max, column_type, spec.format, f"{field}.max"),
            allowed=allowed,
        )

    def misfits(self, values: pa.Array) -> Iterator[Misfit]:
        """Rows that break a rule. A cell that could not be read is null here and must be left out by the caller."""
        if self.required:
            yield from _marked(pc.is_null(values), "required")
        if self.low is not None:
            yield from _marked(pc.less(values, self.low), "below_minimum")
        if self.high is not None:
            yield from _marked(pc.greater(values, self.high), "above_maximum")
        if self.allowed is not None:
            yield from _marked(pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, self.allowed))), "not_one_of")


def _marked(mask: pa.Array, code: str) -> Iterator[Misfit]:
    if pc.any(mask).as_py():
        for row in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            yield Misfit(row, code)


def _limit(value: float | str | None, column_type: ColumnType, column_format: str | None, field: str) -> Any:
    if value is None:
        return None
    if isinstance(value, float | int) and column_type in ("integer", "decimal"):
        return _number(value, whole=column_type == "integer")
    return _values([str(value)], column_type, column_format, field)[0]


def _number(value: float, *, whole: bool) -> pa.Scalar:
    # A limit of 1.5 on whole numbers, or one that no whole number reaches, is compared as it is.
    is_whole = isinstance(value, int) or value.is_integer()
    if whole and is_whole and int(value) in _INT64:
        return pa.scalar(int(value), pa.int64())
    return pa.scalar(float(value), pa.float64())


def _values(texts: list[str], column_type: ColumnType, column_format: str | None, field: str) -> pa.Array:
    converted = convert_cells(pa.array(texts, pa.string()), column_type, column_format)
    if converted.misfits or converted.values.null_count:
        parameters: dict[str, object] = {"field": field, "type": column_type}
        error = FieldError(field=field, message="{field}: give a value of the type {type}.", parameters=parameters)
        raise columns_do_not_fit("A limit does not fit its column: {problems}", [error])
    return converted.values.cast(ARROW_TYPES[column_type])
