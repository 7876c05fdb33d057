"""What a column's values must keep besides their type: required, min, max, one_of. (`unique` is in duplicates.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from server.datasets.decimal_types import decimal_type, digits_of_type
from server.datasets.decimals import digits_of_value
from server.datasets.schema import NUMERIC_TYPES, ColumnSpec, ColumnType, columns_do_not_fit
from server.datasets.values import Misfit, convert_cells
from server.errors import FieldError


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

    @property
    def _has_limits(self) -> bool:
        return any(limit is not None for limit in (self.low, self.high, self.allowed))

    def misfits(self, values: pa.Array) -> Iterator[Misfit]:
        """Rows that break a rule. A cell that could not be read is null here and must be left out by the caller."""
        if self.required:
            yield from _marked(pc.is_null(values), "required")
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode() if self._has_limits else values
        if self.low is not None:
            yield from _marked(pc.less(*_comparable(values, self.low)), "below_minimum")
        if self.high is not None:
            yield from _marked(pc.greater(*_comparable(values, self.high)), "above_maximum")
        if self.allowed is not None:
            is_allowed = pc.is_in(*_comparable(values, self.allowed))
            yield from _marked(pc.and_(pc.is_valid(values), pc.invert(is_allowed)), "not_one_of")


def _marked(mask: pa.Array, code: str) -> Iterator[Misfit]:
    if pc.any(mask).as_py():
        for row in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            yield Misfit(row, code)


def _comparable(values: pa.Array, limit: Any) -> tuple[pa.Array, Any]:
    """Both as one type. Arrow would fail over decimals that together have more digits than there can be."""
    if not (pa.types.is_decimal(values.type) and pa.types.is_decimal(limit.type)):
        return values, limit
    digits = digits_of_type(values.type) | digits_of_type(limit.type)
    kind = decimal_type(digits) if digits.fit else pa.float64()
    return values.cast(kind), limit.cast(kind)


def _limit(value: float | str | None, column_type: ColumnType, column_format: str | None, field: str) -> Any:
    if value is None:
        return None
    if isinstance(value, float | int) and column_type in NUMERIC_TYPES:
        # Decimals do not grow when they meet a limit of more digits, and whole numbers may have one of 1.5.
        return (
            pa.scalar(Decimal(str(value))) if column_type != "float" and _is_short(value) else pa.scalar(float(value))
        )
    return _values([str(value)], column_type, column_format, field)[0]


def _is_short(value: float) -> bool:
    return abs(value) < 1e15 and digits_of_value(Decimal(str(value))).fit


def _values(texts: list[str], column_type: ColumnType, column_format: str | None, field: str) -> pa.Array:
    converted = convert_cells(pa.array(texts, pa.string()), column_type, column_format)
    if converted.misfits or converted.values.null_count:
        parameters: dict[str, object] = {"field": field, "type": column_type}
        error = FieldError(field=field, message="{field}: give a value of the type {type}.", parameters=parameters)
        raise columns_do_not_fit("A limit does not fit its column: {problems}", [error])
    return converted.values
